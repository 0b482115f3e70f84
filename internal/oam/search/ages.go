package search

import (
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// Ages asks for up to n parts of stores by the times of their sessions, of at least
// so many sessions each, if filters on times narrow and combine. A part is a quarter
// of a larger one, so that three in four of its rows are others.
func (s *Search) Ages(n, least int) Queries {
	return func(yield func([]filter.Query) bool) {
		if s.can.Combine != filter.Yes || s.AgesRefused {
			return
		}
		qs := s.parts(least)
		refused := s.log.Rejected()
		for start := s.log.Asked(); len(qs) > 0 && n > 0 && s.left() > 1 && s.log.Asked()-max(s.log.Fruitful(), start) < agesFruitless; {
			k := min(s.width(), len(qs), n, s.spare())
			if !yield(qs[:k]) {
				return
			}
			if s.log.Rejected() > refused+1 { // one may be an accident
				s.AgesRefused = true // not again before the next probe
				return
			}
			qs, n = qs[k:], n-k
		}
	}
}

// parts are queries for parts of stores, the largest first.
func (s *Search) parts(least int) (qs []filter.Query) {
	var stores []*set
	for _, x := range s.order {
		if x.q.Field() == filter.ByStore && x.asked > 0 {
			stores = append(stores, x)
		}
	}
	expires := s.quarters(s.can.Expiry, func(r *filter.Row) int64 { return r.Expires })
	used := s.quarters(s.can.Access, func(r *filter.Row) int64 { return r.Used })
	for depth := 1; depth <= 4; depth++ {
		for i := range depth + 1 {
			if i >= len(expires) || depth-i >= len(used) {
				continue
			}
			for _, x := range stores {
				if x.total>>(2*depth) >= least {
					qs = append(qs, filter.Query{Store: x.q.Store, Expires: expires[i], Used: used[depth-i]})
				}
			}
		}
	}
	return qs
}

// quarters returns no time, then the time that a quarter of the sessions have
// reached, a quarter of these, and so on. It has no other times if filters on them
// do not narrow.
func (s *Search) quarters(means filter.Time, of func(*filter.Row) int64) []int64 {
	out := []int64{0}
	var times []int64
	for i, rows := 0, s.log.Rows(); i < len(rows); i++ {
		if t := of(&rows[i]); t != 0 {
			times = append(times, t)
		}
	}
	slices.Sort(times)
	switch means {
	case filter.TimeBefore:
	case filter.TimeAfter:
		slices.Reverse(times)
	default:
		return out
	}
	for n := len(times) / 4; n > 0 && len(out) < 4; n /= 4 {
		out = append(out, times[n])
	}
	return out
}
