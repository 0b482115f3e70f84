package plan

import (
	"cmp"
	"maps"
	"slices"
)

// explore finds the largest addresses where rows are the same each time: only
// what was not asked lately lists anything new. Searches for users list addresses,
// most of them where a user has many sessions. Who has many turns up in windows
// of addresses, and of the parts of the largest by store: what these tell makes
// every later search for a user list more, so they come first.
func (s *scrape) explore() {
	first := s.mem.sampled < 20*Window // else the scrapes so far told enough
	s.mixed()
	if first {
		s.ages(int(0.36*float64(s.left()-1)), Window*3/4)
	}
	s.frequent(often)
	switch {
	case first:
		s.windows(int(0.3 * float64(s.left()-1)))
		s.searchUsers(s.left() - 1)
	case s.mem.settled:
		s.searchUsers((s.left() - 1) / 2)
	default:
		s.searchUsers((s.left() - 1) / 4)
	}
	s.frequent(0)
	s.windows(s.left() - 1)
	s.searchUsers(s.left() - 1)
}

// often is how often an address turns up, before it is asked for ahead of users.
const often = 4

// mixed asks for the sets that say nothing of users or addresses and that no
// earlier scrape has lately asked for.
func (s *scrape) mixed() {
	s.each(s.left()-1, func() (list []*set) {
		for _, x := range s.order {
			if x.q.User == "" && x.q.IP == "" && x.q != (Query{}) && x.asked == 0 && !x.refused && !s.stale(x.q) &&
				x.q.Flag != Plain { // that lists what the whole does
				list = append(list, x)
			}
		}
		return list
	})
}

// frequent asks for the addresses that turned up at least so many times.
func (s *scrape) frequent(times float64) {
	s.each(s.left()-1, func() []*set {
		return s.byHits(fieldIP, s.mem.addresses, times)
	})
}

// searchUsers asks for up to n users, those that turned up most first.
func (s *scrape) searchUsers(n int) {
	for _, u := range slices.Sorted(maps.Keys(s.mem.users)) {
		s.seek(fieldUser, u)
	}
	s.each(n, func() []*set { return s.byHits(fieldUser, s.mem.users, 0) })
}

// byHits returns the values of a field that no scrape has asked for lately, and
// that turned up at least so many times by chance; the most frequent come first.
func (s *scrape) byHits(f field, lessons map[string]lesson, least float64) []*set {
	var list []*set
	hits := func(x *set) float64 { return lessons[x.q.Value()].samples + float64(x.sample) }
	for _, x := range s.order {
		if x.q.Field() == f && x.asked == 0 && !s.stale(x.q) && !x.refused && hits(x) >= least {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b *set) int {
		return cmp.Or(cmp.Compare(hits(b), hits(a)), cmp.Compare(a.q.Value(), b.q.Value()))
	})
	return list
}

// windows asks for up to n parts of large addresses by store, so that each store
// has its share of them.
func (s *scrape) windows(n int) {
	asked := map[string]int{} // by store
	for q := range s.mem.parted {
		asked[q.Store]++
	}
	s.each(n, func() (list []*set) {
		for range s.asker.Width() {
			x := s.part(asked, list)
			if x == nil {
				break
			}
			asked[x.q.Store]++
			list = append(list, x)
		}
		return list
	})
}

// part picks a part of an address by store, of the store that is behind and of it
// the largest; none that is among others.
func (s *scrape) part(asked map[string]int, others []*set) (best *set) {
	most := 0.0
	for _, x := range s.order {
		if x.q.IP == "" || x.q.Store == "" || x.q.User != "" || x.q.Flag != AnyFlag || x.asked > 0 || x.refused || s.stale(x.q) {
			continue
		}
		whole, store := s.sets[Query{IP: x.q.IP}], s.sets[Query{Store: x.q.Store}]
		if whole == nil || store == nil || store.asked == 0 || slices.Contains(others, x) {
			continue
		}
		size := float64(whole.total) * float64(store.total) / float64(s.total)
		if size < 1.5*Window {
			continue
		}
		if worth := float64(store.total)/float64(1+asked[x.q.Store]) + size/float64(s.total); worth > most {
			best, most = x, worth
		}
	}
	return best
}

// each asks for up to n sets, some at a time, as the last answers tell which.
func (s *scrape) each(n int, next func() []*set) {
	const some = 8
	for n > 0 && s.left() > 1 {
		var qs []Query
		for _, x := range next() {
			if len(qs) == min(n, some*s.asker.Width(), s.left()-1) {
				break
			}
			qs = append(qs, x.q)
		}
		if len(qs) == 0 {
			return
		}
		n -= len(qs)
		s.ask(qs...)
	}
}
