package plan

import (
	"cmp"
	"slices"
)

// worthwhile is how many sessions a query for a user should list, at least, to
// tell of their addresses.
const worthwhile = 5

// discover lists up to n windows of sessions whatever their address.
func (s *scrape) discover(n int) {
	if !s.fixed {
		for n > 0 && s.left() > 1 {
			s.explain()
			qs := s.best(min(s.asker.Width(), n, s.left()-1), func(x *set) bool { return x.q.IP == "" })
			if len(qs) == 0 {
				return
			}
			s.ask(qs...)
			n -= len(qs)
		}
		return
	}
	// Only what was never asked lists anything new: users, from the largest.
	all := make([]string, 0, len(s.mem.users))
	for u := range s.mem.users {
		all = append(all, u)
	}
	slices.Sort(all)
	for _, u := range all {
		s.seek(fieldUser, u)
	}
	for n > 0 && s.left() > 1 {
		estimate := s.estimator(fieldUser)
		type expected struct {
			*set
			rows float64
		}
		var list []expected
		for _, x := range s.order {
			if x.asked > 0 || s.stale(x.q) || x.q.IP != "" || x.q == (Query{}) {
				continue
			}
			rows := float64(Window) / 2 // of a store, and those of it who impersonate
			if x.q.field() == fieldUser {
				rows = min(estimate(x, s.mem.users[x.q.User]), Window) - float64(x.seen)
			} else if x.q.User != "" {
				continue
			}
			if rows >= worthwhile {
				list = append(list, expected{x, rows})
			}
		}
		slices.SortStableFunc(list, func(a, b expected) int { return cmp.Compare(b.rows, a.rows) })
		var qs []Query
		for _, e := range list[:max(min(len(list), n, 8*s.asker.Width(), s.left()-1), 0)] {
			qs = append(qs, e.q)
		}
		if len(qs) == 0 {
			return
		}
		s.ask(qs...)
		n -= len(qs)
	}
}
