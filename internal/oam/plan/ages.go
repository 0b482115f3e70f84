package plan

import "slices"

// ages asks for up to n parts of stores by the times of their sessions, of at
// least so many sessions each, where filters on times narrow and combine. A part
// is a quarter of a larger one, so that three in four of its rows are others.
func (s *scrape) ages(n, least int) {
	can := &s.mem.can
	if can.Combine != Yes || s.mem.agesRefused {
		return
	}
	var stores []*set
	for _, x := range s.order {
		if x.q.Field() == fieldStore && x.asked > 0 {
			stores = append(stores, x)
		}
	}
	expires := s.quarters(can.Expiry, func(r *Row) int64 { return r.Expires })
	used := s.quarters(can.Access, func(r *Row) int64 { return r.Used })
	var qs []Query
	for depth := 1; depth <= 4; depth++ {
		for i := range depth + 1 {
			if i >= len(expires) || depth-i >= len(used) {
				continue
			}
			for _, x := range stores {
				if x.total>>(2*depth) >= least {
					qs = append(qs, Query{Store: x.q.Store, Expires: expires[i], Used: used[depth-i]})
				}
			}
		}
	}
	const patience = 12 // queries that tell nothing new
	rejected := 0
	for start := s.asked; len(qs) > 0 && n > 0 && s.left() > 1 && s.asked-max(s.fruitful, start) < patience; {
		k := min(s.asker.Width(), len(qs), n, s.left()-1)
		for _, a := range s.ask(qs[:k]...) {
			if a.Outcome == Rejected {
				rejected++
			}
		}
		if rejected > 1 { // one may be an accident
			s.mem.agesRefused = true // not again before the next probe
			return
		}
		qs, n = qs[k:], n-k
	}
}

// quarters returns the times that a quarter of the sessions have reached, a
// quarter of these, and so on, after none. It is empty of times where filters on
// them do not narrow.
func (s *scrape) quarters(means Time, of func(*Row) int64) []int64 {
	out := []int64{0}
	var all []int64
	for i := range s.rows {
		if t := of(&s.rows[i]); t != 0 {
			all = append(all, t)
		}
	}
	slices.Sort(all)
	switch means {
	case TimeBefore:
	case TimeAfter:
		slices.Reverse(all)
	default:
		return out
	}
	for n := len(all) / 4; n > 0 && len(out) < 4; n /= 4 {
		out = append(out, all[n])
	}
	return out
}
