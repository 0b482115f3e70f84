package plan

import (
	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
)

// A source's filter is a part of each query that is sent: for all else here,
// everything is what it matches. What it fixes is known of each session, so that no
// query asks for it: rows come without it, and the result gets it at the end.

// within checks that rows are within the filter, and takes away what it fixes. Until
// case is proven to matter, a row that differs by case only is taken for one that the
// server found because it ignores case: a server that ignores the filter instead
// lists others as well.
func (s *refresh) within(a *filter.Answer) {
	if !s.filtered() {
		return
	}
	base := s.limits.Filter
	for i := range a.Rows {
		r := &a.Rows[i]
		if !base.Admits(r, s.log.Can().Case != filter.Sensitive) {
			s.log.Foreign()
		}
		for _, f := range [...]filter.Field{filter.ByIP, filter.ByStore} {
			v := r.Value(f)
			if first, ok := s.spelling[f]; ok && first != v {
				s.respelt[f] = true
			} else if !ok {
				s.spelling[f] = v
			}
		}
		*r = r.Without(base)
	}
}

// spelt is how rows spell the value that the filter has in a field; empty if they do
// so in several ways, which are not proven to be one.
func (s *refresh) spelt(f filter.Field, value string) string {
	if s.respelt[f] && (f == filter.ByIP || s.log.Can().Case != filter.Insensitive) {
		return ""
	}
	if v, ok := s.spelling[f]; ok {
		return v
	}
	return value
}

// fixed adds what the filter tells of all sessions, if not all are listed.
func (s *refresh) fixed(r *evidence.Result) {
	base := s.limits.Filter
	if r.Complete || r.Untrusted != "" || !s.filtered() {
		return
	}
	if base.IP != "" {
		r.Addresses = all(s.spelt(filter.ByIP, base.IP), r.Total)
	}
	if base.Flag != filter.AnyFlag {
		r.Impersonating = 0
	}
	if base.Flag == filter.Impersonating {
		r.Impersonating = r.Total
	}
	if base.Store == "" {
		return
	}
	store := s.spelt(filter.ByStore, base.Store)
	r.Stores = all(store, r.Total)
	// Users are those of a store.
	sets := r.FullyListed[:0]
	for _, q := range r.FullyListed {
		if q.User != "" {
			q.Store = store
		}
		if q.User == "" || store != "" {
			sets = append(sets, q)
		}
	}
	r.FullyListed = sets
}

// all counts all sessions by the value that they have; none if it is not known.
func all(value string, total int) map[string]int {
	if value == "" {
		return nil
	}
	return map[string]int{value: total}
}
