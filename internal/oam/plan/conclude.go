package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// conclude takes the last look and says what is proven.
func (s *scrape) conclude() Result {
	s.confirm()
	if !s.alone && !s.over && s.asked > 1 && s.asker.Left() > 0 {
		if _, s.looked = s.one(Query{}); s.looked {
			s.exceeds()
		}
	}
	s.doubtLast()
	if s.looked && s.last == s.total && s.whole() && s.consistent() {
		for i := range s.rows {
			if r := &s.rows[i]; !s.old(r) && r.Created == s.t0 {
				s.sure[r.Ref] = true
				s.listed++
			}
		}
	}
	if !s.alone {
		for _, f := range []field{fieldIP, fieldStore, fieldUser} {
			s.sum(f)
		}
	}
	if s.asked > 1 && s.listed != s.total && s.mem.can.Total != All && s.mem.can.ExactIP != Exact && s.mem.whole != s.total && (s.total == 100 || s.total == 200) && s.last == s.total {
		// Limits of a search that are usual, and nothing can be asked that would
		// show whether this is one.
		s.fail("total_looks_capped")
	}
	if s.lost > 0 {
		s.note(fmt.Sprintf("%d searches got no answer that proves anything", s.lost))
	}
	r := Result{Total: s.total, Last: s.last, Impersonating: -1, Expired: -1, Idle: -1,
		Untrusted: s.untrusted, Notes: s.notes, Lost: s.lost, Folded: s.mem.can.Case == Insensitive}
	if s.untrusted != "" {
		return r
	}
	for f := range s.broken {
		if f == fieldIP && s.mem.can.ExactIP == Exact || f == fieldStore && s.mem.can.ExactStore == Exact {
			s.mem.probed = 0 // what was believed is contradicted
			s.note("rows did not fit their filter: it is not used, and will be probed again")
			break
		}
	}
	s.probeSoon()
	alive := s.alive()
	for i := range alive {
		r.Listed = append(r.Listed, alive[i].Ref)
	}
	r.Complete = s.listed == s.total && (s.mem.can.Total != Capped || s.total < s.mem.capped) && (s.total < Window || s.mem.beyond) && !s.unsure && !s.overflows()
	if r.Complete {
		s.mem.whole = s.total
		s.hold(listedAt(alive), s.limits.Addresses)
	} else {
		r.Addresses, r.Stores = s.counted(fieldIP, alive), s.counted(fieldStore, alive)
		if len(r.Addresses) > 0 && s.want > 0 {
			s.hold(r.Addresses, s.want)
			r.Addresses = s.handed(r.Addresses)
		}
		if s.partition() > 0 && (s.flagged > 0 || s.sets[Query{Flag: Plain}].total == s.total) {
			r.Impersonating = s.flagged
		}
		r.Expired, r.Idle = s.expired, s.unused
		r.Whole, r.Besides = s.wholes(), s.besides(r.Listed)
	}
	if !s.alone {
		s.mem.learn(s)
	}
	return r
}

// probeSoon has the next scrape probe again where this one left open what the rest
// builds on: one answer at an odd moment should not cost hours.
func (s *scrape) probeSoon() {
	m := s.mem
	const tries = 3
	switch can := &m.can; {
	case !m.fresh:
	case can.ExactIP != Unknown && can.ExactStore != Unknown && can.Combine != Unknown:
		m.unproven = 0
	default:
		if m.unproven++; m.unproven%tries != 0 {
			m.probed = 0
		}
	}
}

// partition returns the larger of the two parts by the flag, where they are
// proven to be parts: together they are the whole, and no more impersonate than
// are counted. No filtered total up to that size is cut off. Otherwise 0.
func (s *scrape) partition() int {
	plain := s.sets[Query{Flag: Plain}]
	if s.broken[fieldFlag] || s.flagged < 0 || plain == nil || plain.asked == 0 {
		return 0
	}
	listed := 0
	for i := range s.rows {
		if s.rows[i].Impersonating && s.old(&s.rows[i]) {
			listed++
		}
	}
	off := s.flagged + plain.total - s.total
	if s.flagged < listed || max(off, -off) > tolerance(s.total) || plain.total >= s.total && s.flagged > 0 {
		return 0
	}
	if s.flagged == 0 && s.mem.can.Total != All && round(s.total) {
		return s.total - 1 // one part that is all: a limit would look the same
	}
	if s.mem.can.Total == All || off == 0 && s.flagged > 0 {
		return s.total // it is not cut off itself
	}
	return max(s.flagged, plain.total)
}

// round reports whether a number may be somebody's limit.
func round(n int) bool { return n%50 == 0 || n&(n-1) == 0 }

// consistent reports whether what is listed, with the sessions of the very second
// of t0, agrees with each count that was asked: one that began instead of another
// that ended shows, unless both were of the same.
func (s *scrape) consistent() bool {
	listed := map[Query]int{}
	for i := range s.rows {
		r := &s.rows[i]
		if !s.old(r) && r.Created != s.t0 {
			continue
		}
		listed[Query{User: r.User}]++
		listed[Query{IP: r.IP}]++
		listed[Query{Store: r.Store}]++
		if r.Impersonating {
			listed[Query{Flag: Impersonating}]++
		} else {
			listed[Query{Flag: Plain}]++
		}
	}
	for _, x := range s.order {
		if f := x.q.Field(); f == fieldNone || x.asked == 0 || x.assumed || strings.HasSuffix(x.q.Value(), "*") ||
			f != fieldFlag && f != fieldUser && s.mem.can.Exact(f) != Exact || s.broken[f] {
			continue
		}
		if n := listed[x.q]; n != x.early || n != x.total {
			return false
		}
	}
	return true
}

// overflows reports whether parts add up to more than the whole: then something
// is missing in it.
func (s *scrape) overflows() bool {
	for _, f := range []field{fieldIP, fieldStore} {
		if sum, _ := s.sumOf(f); sum > s.total {
			return true
		}
	}
	return false
}

// alive returns those listed that were alive at t0. They may be a few too many,
// where sessions are stamped by another clock: the youngest go.
func (s *scrape) alive() []Row {
	var rows []Row
	for _, r := range s.rows {
		if s.old(&r) {
			rows = append(rows, r)
		}
	}
	if len(rows) > s.total {
		slices.SortStableFunc(rows, func(a, b Row) int {
			if s.sure[a.Ref] != s.sure[b.Ref] {
				if s.sure[a.Ref] {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Created, b.Created)
		})
		rows = rows[:s.total]
	}
	return rows
}

// counted returns the totals asked for by a field that is proven to be exact.
// Where they, and what else is listed, exceed the whole by as little as it moves,
// the smallest are left out; so are those that came out smaller than what is
// listed of them.
func (s *scrape) counted(f field, alive []Row) map[string]int {
	if s.mem.can.Exact(f) != Exact || s.broken[f] {
		return nil
	}
	twice := s.ambiguous(f)
	listed := map[string]int{}
	for i := range alive {
		switch r := &alive[i]; f {
		case fieldIP:
			listed[r.IP]++
		case fieldStore:
			listed[r.Store]++
		}
	}
	// A total that may be cut off is no count: only those below the window, or up
	// to what was proven whole, are.
	most := max(Window-1, s.partition())
	type part struct {
		value       string
		total, more int // sessions, those not listed
	}
	var parts []part
	beyond := 0
	for _, x := range s.order {
		v := x.q.Value()
		if x.q.Field() != f || x.asked == 0 || x.total == 0 || strings.HasSuffix(v, "*") || twice[strings.ToLower(v)] {
			continue
		}
		n := x.total
		if n < listed[v] {
			n = x.early // some have ended since it was asked first
		}
		if n < listed[v] || n > most {
			continue
		}
		parts = append(parts, part{v, n, n - listed[v]})
		beyond += n - listed[v]
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.total, b.total) })
	// What the parts say beyond what is listed must find room in what is not.
	room := s.total - len(alive)
	out := make(map[string]int, len(parts))
	for _, p := range parts {
		if beyond > room && p.more > 0 {
			beyond -= p.more
			continue
		}
		out[p.value] = p.total
	}
	return out
}
