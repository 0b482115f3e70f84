package search

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// CountAddresses asks for the sessions of single addresses: those in place, then
// those known to be large, then new ones, found by listing whatever lists most.
func (s *Search) CountAddresses() Queries {
	return func(yield func([]filter.Query) bool) {
		if s.Addresses == 0 || s.can.ExactIP != filter.Exact || s.log.Broken(filter.ByIP) {
			return
		}
		for _, ip := range slices.Sorted(maps.Keys(s.memory.Addresses)) {
			s.Seek(filter.ByIP, ip)
		}
		if all(s.countAddresses(), yield) {
			all(s.Retry(), yield)
		}
	}
}

func (s *Search) countAddresses() Queries {
	return func(yield func([]filter.Query) bool) {
		before := s.log.Asked()
		if !all(s.InPlace(), yield) {
			return
		}
		asked := s.log.Asked() - before
		want, spare := s.Places, s.spare()
		if spare == 0 {
			return
		}
		if len(s.memory.Places) > 0 || s.Reachable() {
			all(s.Largest(max(min(want+want/5-asked, spare), 0), 0), yield) // most are known from the list
			return
		}
		if !all(s.known(want, asked), yield) {
			return
		}
		if s.memory.Settled {
			s.most = s.log.Asked() + discovery
			defer func() { s.most = 0 }()
		}
		if !all(s.grown(), yield) {
			return
		}
		if s.stableRows() {
			all(s.Explore(), yield)
			return
		}
		// The less is known of the others, the more is left to chance.
		chance := 0.15 + 0.7*(1-min(s.memory.Sampled/(enough*float64(want)), 1))
		if s.memory.Settled {
			chance = 0.5
		}
		if all(s.Discover(int(float64(s.left()-1)*chance)), yield) {
			all(s.Largest(s.left()-1, 0), yield)
		}
	}
}

// known asks for those known to be large.
func (s *Search) known(want, asked int) Queries {
	wanted := s.smallestWanted(want)
	if !s.stableRows() {
		if asked >= want {
			return func(func([]filter.Query) bool) {}
		}
		return s.Largest(s.spare(), wanted)
	}
	most := want
	if s.memory.Settled {
		most += want / 10
	}
	return s.Largest(min(max(most-asked, 0), s.spare()), knownShare*wanted)
}

// InPlace counts the addresses in place, and works out how many there may be: some
// queries are left to find others.
//
// Addresses in place are the largest that were counted, as many as are wanted and a
// refresh can count. Each refresh counts them again before it looks for others, so
// that one gives its place up only to another that the same refresh has counted, and
// that is clearly larger. What is estimated decides only which others to count.
func (s *Search) InPlace() Queries {
	counted, known := 0, 0
	for _, x := range s.order {
		switch {
		case !x.address() || s.Sole != nil && !s.Sole(x.q.IP):
		case x.asked > 0:
			counted++
		default:
			known++
		}
	}
	spare := s.spare()
	room := spare - s.others(spare, known)
	s.Places = min(s.Addresses, counted+room)
	var list []*set
	for _, ip := range Descending(s.memory.InPlace) {
		if x := s.Seek(filter.ByIP, ip); x != nil && x.asked == 0 && !x.refused && len(list) < room {
			list = append(list, x)
		}
	}
	return s.each(len(list), func() []*set {
		list = slices.DeleteFunc(list, func(x *set) bool { return x.asked > 0 || x.refused })
		return list
	})
}

// others returns how many of the spare queries are left to find other addresses. If
// all are wanted, these are more once the known ones are too many to count: then
// some have no place, and larger ones are worth finding.
func (s *Search) others(spare, known int) int {
	few, many := min(5, spare/5), min(discovery, spare/5)
	switch {
	case known > spare-few:
		s.Crowded = true
	case known <= spare-many: // not in between, so that what moves by a few changes nothing
		s.Crowded = false
	}
	if s.All && s.Crowded {
		return many
	}
	return few
}

// Descending returns the names with the largest numbers first.
func Descending(of map[string]int) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b))
	})
}

// Settles reports whether the largest addresses seem to be known: all that are
// wanted were counted, and hardly one of them for the first time.
func (s *Search) Settles() bool {
	want := s.Places
	var asked []*set
	for _, x := range s.order {
		if x.address() && x.asked > 0 {
			asked = append(asked, x)
		}
	}
	if want == 0 || len(asked) < want {
		return false
	}
	slices.SortFunc(asked, func(a, b *set) int { return b.total - a.total })
	found := 0
	for _, x := range asked[:want] {
		if v, known := s.memory.Addresses[x.q.IP]; !known || v.Size < 0 {
			found++
		}
	}
	return found <= 1
}

// grown asks for addresses that were counted before, and turned up so often since
// then that they must have grown.
func (s *Search) grown() Queries {
	var list []*set
	factor := map[*set]float64{}
	for _, x := range s.order {
		v, known := s.memory.Addresses[x.q.IP]
		if x.q.Field() != filter.ByIP || !known || v.Size < 0 || x.asked > 0 {
			continue
		}
		since := v.Since + float64(x.sampleRows)
		// So many more than chance explains that few are asked for in vain.
		expected := float64(v.Size) * (s.memory.Turned + s.sampled - v.From) / float64(s.log.Total())
		if since > 2.5+expected+4*math.Sqrt(expected) {
			list, factor[x] = append(list, x), since/(1+expected)
		}
	}
	slices.SortFunc(list, func(a, b *set) int {
		return cmp.Or(cmp.Compare(factor[b], factor[a]), cmp.Compare(a.q.IP, b.q.IP))
	})
	return s.each(maxGrown, func() (next []*set) {
		next, list = list, nil
		return next
	})
}

// candidate is an address that was not counted yet.
type candidate struct {
	*set
	expected float64 // sessions
}

// candidates are the addresses that are expected to be at least so large, the
// largest first; only those that were counted before, if known is above 0.
func (s *Search) candidates(known float64) (list []candidate, counted []int) {
	estimate := s.estimator()
	for _, x := range s.order {
		switch {
		case !x.address():
			continue
		case x.asked > 0:
			counted = append(counted, x.total)
			continue
		case x.refused:
			continue
		}
		v, ok := s.memory.Addresses[x.q.IP]
		size := float64(v.Size)
		if !ok || v.Size < 0 {
			if size = estimate(x, v); known > 0 {
				continue
			}
		}
		if size >= known {
			list = append(list, candidate{x, size})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.expected, a.expected), cmp.Compare(a.q.IP, b.q.IP))
	})
	slices.SortFunc(counted, func(a, b int) int { return b - a })
	return list, counted
}

// Largest asks for up to n addresses from the largest expected.
func (s *Search) Largest(n int, known float64) Queries {
	return func(yield func([]filter.Query) bool) {
		list, counted := s.candidates(known)
		for i := 0; i < len(list) && i < n && s.left() > 1; {
			// Far below the smallest that will be published, asking is of no use.
			if w := s.Places; w > 0 && len(counted) >= w && list[i].expected < farBelow*float64(counted[w-1]) {
				return
			}
			var next []*set
			for range min(s.width(), n-i, len(list)-i, s.spare()) {
				next = append(next, list[i].set)
				i++
			}
			if !yield(queries(next)) {
				return
			}
			for _, x := range next {
				if x.asked > 0 {
					at, _ := slices.BinarySearchFunc(counted, x.total, func(a, b int) int { return b - a })
					counted = slices.Insert(counted, at, x.total)
				}
			}
		}
	}
}
