package search

import (
	"cmp"
	"maps"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// Explore finds the largest addresses if rows are the same each time: only what was
// not asked lately lists anything new. Searches for users list addresses, most of
// them if a user has many sessions. Who has many turns up in windows of addresses,
// and of the parts of the largest by store: what these show makes every later search
// for a user list more, so they come first.
func (s *Search) Explore() Queries {
	return func(yield func([]filter.Query) bool) {
		first := s.memory.Sampled < 20*filter.Window // else the refreshes so far had enough
		part := func(share float64) int { return int(share * float64(s.left()-1)) }
		if !all(s.mixed(), yield) {
			return
		}
		if first && !all(s.Ages(part(agesShare), largeShare), yield) {
			return
		}
		if !all(s.frequent(often), yield) {
			return
		}
		users := 4
		switch {
		case first:
			if !all(s.windows(part(windowsShare)), yield) {
				return
			}
			users = 1
		case s.memory.Settled:
			users = 2
		}
		_ = all(s.searchUsers((s.left()-1)/users), yield) && all(s.frequent(0), yield) &&
			all(s.windows(s.left()-1), yield) && all(s.searchUsers(s.left()-1), yield)
	}
}

// mixed asks for the sets that say nothing of users or addresses and that no earlier
// refresh has lately asked for.
func (s *Search) mixed() Queries {
	return s.each(s.left()-1, func() (list []*set) {
		for _, x := range s.order {
			if x.q.User == "" && x.q.IP == "" && x.q != (filter.Query{}) && x.asked == 0 && !x.refused && !s.stale(x.q) &&
				x.q.Flag != filter.Plain { // that lists what everything does
				list = append(list, x)
			}
		}
		return list
	})
}

// frequent asks for the addresses that turned up at least so many times.
func (s *Search) frequent(times float64) Queries {
	return s.each(s.left()-1, func() []*set { return s.byHits(filter.ByIP, s.memory.Addresses, times) })
}

// searchUsers asks for up to n users, those that turned up most first.
func (s *Search) searchUsers(n int) Queries {
	for _, u := range slices.Sorted(maps.Keys(s.memory.Users)) {
		s.Seek(filter.ByUser, u)
	}
	return s.each(n, func() []*set { return s.byHits(filter.ByUser, s.memory.Users, 0) })
}

// byHits returns the values of a field that no refresh has asked for lately, and that
// turned up at least so many times incidentally; the most frequent come first.
func (s *Search) byHits(f filter.Field, values map[string]Value, least float64) []*set {
	var list []*set
	hits := func(x *set) float64 { return values[x.q.Value()].Samples + float64(x.sampleRows) }
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

// windows asks for up to n parts of large addresses by store, so that each store has
// its share of them.
func (s *Search) windows(n int) Queries {
	asked := map[string]int{} // by store
	for q := range s.memory.Parted {
		asked[q.Store]++
	}
	return s.each(n, func() (list []*set) {
		for range s.width() {
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
func (s *Search) part(asked map[string]int, others []*set) (best *set) {
	most := 0.0
	for _, x := range s.order {
		if x.q.Kinds() != filter.OfIP|filter.OfStore || x.q.Flag != filter.AnyFlag || x.asked > 0 || x.refused || s.stale(x.q) {
			continue
		}
		address, store := s.sets[filter.Query{IP: x.q.IP}], s.sets[filter.Query{Store: x.q.Store}]
		if address == nil || store == nil || store.asked == 0 || slices.Contains(others, x) {
			continue
		}
		total := float64(s.log.Total())
		size := float64(address.total) * float64(store.total) / total
		if size < 1.5*filter.Window {
			continue
		}
		if worth := float64(store.total)/float64(1+asked[x.q.Store]) + size/total; worth > most {
			best, most = x, worth
		}
	}
	return best
}
