package search

import (
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// Reachable reports whether the complete list is within reach of the budget.
func (s *Search) Reachable() bool {
	each := reachByValue
	if s.can.WildcardUser == filter.Yes {
		each = reachByPrefix
	}
	return float64(s.log.Total())/filter.Window*each <= float64(s.left()+s.log.Asked())
}

// List asks until all are listed, nothing more is to be expected, or what is left
// is needed for the counts.
func (s *Search) List() Queries {
	return func(yield func([]filter.Query) bool) {
		switch {
		case s.can.Combine == filter.Yes && (s.can.WildcardUser == filter.Yes || s.can.WildcardIP == filter.Yes):
			if !all(s.Divide(), yield) {
				return
			}
		case s.sampledRows() && s.steady():
			if !all(s.Cover(), yield) {
				return
			}
			s.forget()
		}
		if !all(s.Greedy(), yield) {
			return
		}
		if s.stableRows() && !s.log.AllListed() {
			// What no value leads to may turn up by its age.
			before := s.log.Listed()
			if !all(s.Ages(s.left()-s.reserve(), worthAsking), yield) {
				return
			}
			if s.log.Listed() > before && !all(s.Greedy(), yield) {
				return
			}
		}
		if s.log.AllListed() && s.log.Can().Total != filter.All {
			all(s.Challenge(), yield)
		}
	}
}

// Greedy asks for the set that is expected to list most, again and again.
func (s *Search) Greedy() Queries {
	return func(yield func([]filter.Query) bool) {
		believing := len(s.memory.Places) > 0
		for s.worthListing() {
			s.explain()
			qs := s.best(min(s.width(), s.left()-s.reserve()), nil)
			switch {
			case len(qs) > 0:
				if !yield(qs) {
					return
				}
			case believing: // the last list has no more to say: what is hidden may be anywhere
				believing = false
				s.forget()
			case len(s.again()) == 0:
				return
			}
		}
	}
}

// Discover lists up to n windows of sessions whatever their address.
func (s *Search) Discover(n int) Queries {
	return func(yield func([]filter.Query) bool) {
		for n > 0 && s.left() > 1 {
			s.explain()
			qs := s.best(min(s.width(), n, s.spare()), func(x *set) bool { return x.q.IP == "" })
			if len(qs) == 0 || !yield(qs) {
				return
			}
			n -= len(qs)
		}
	}
}

// worthListing reports whether listing should go on. Sessions that have ended since
// t0 can't be found: if many queries in a row brought nothing, what is hidden is
// taken for such.
func (s *Search) worthListing() bool {
	return s.log.Listed() < s.log.Total() && !s.log.AllListed() && s.left() > s.reserve() && s.log.Asked()-s.log.Fruitful() <= maxFruitless+s.log.Asked()/10
}

// reserve is what the counts, and the users who are wanted, need if the list stays incomplete.
func (s *Search) reserve() int {
	others := 8 // idle and expired, the last look
	if s.All {
		others *= 2 // all are counted, and some more
	}
	others += s.forUsers()
	if s.can.ExactIP != filter.Exact {
		return others
	}
	n := 0
	for _, x := range s.order {
		if x.address() && x.asked == 0 {
			n++
		}
	}
	return min(n, s.Addresses) + others
}

// best picks up to n sets that pass ok, from the one expected to list most; one set
// may be picked twice if rows are sampled.
func (s *Search) best(n int, ok func(*set) bool) []filter.Query {
	var out []filter.Query
	used := map[*set]int{}
	for len(out) < n {
		var pick *set
		most := leastYield
		for _, x := range s.order {
			if y := s.worthAlso(x, most, out, used); y > most && (ok == nil || ok(x)) {
				most, pick = y, x
			}
		}
		if pick == nil {
			break
		}
		used[pick]++
		pick.hoped = most
		out = append(out, pick.q)
	}
	return out
}

// worthAlso is the worth of a set beside those that are picked; 0 if it is not above
// a least one.
func (s *Search) worthAlso(x *set, least float64, picked []filter.Query, used map[*set]int) float64 {
	if x.parent == nil && x.asked > 0 && s.stableRows() {
		return 0
	}
	y := s.yield(x)
	if y <= least {
		return 0
	}
	if k := used[x]; k > 0 {
		if x.asked == 0 || !s.sampledRows() {
			return 0
		}
		return y * (1 - min(filter.Window/s.sizeOf(x), 1)*float64(k))
	}
	if slices.ContainsFunc(picked, func(q filter.Query) bool { return q != x.q && !filter.Apart(q, x.q) }) {
		return 0 // both would list the same
	}
	return y
}
