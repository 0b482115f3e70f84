package search

import (
	"cmp"
	"maps"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// Stores asks for each store that is known, also those that turn up.
func (s *Search) Stores() Queries {
	return func(yield func([]filter.Query) bool) {
		if s.can.ExactStore != filter.Exact {
			return
		}
		for _, v := range slices.Concat(s.Want.Stores, slices.Sorted(maps.Keys(s.memory.Stores))) {
			s.Seek(filter.ByStore, v)
		}
		for s.left() > 1 {
			var list []*set
			for _, x := range s.order {
				if x.q.Field() == filter.ByStore && x.asked == 0 && !x.refused && len(list) < s.width() {
					list = append(list, x)
				}
			}
			list = list[:min(len(list), s.spare())]
			if len(list) == 0 {
				break
			}
			if !yield(queries(list)) {
				return
			}
		}
		all(s.Retry(), yield)
	}
}

// Flag asks for those who impersonate, and for those who don't.
func (s *Search) Flag() []filter.Query {
	return []filter.Query{{Flag: filter.Impersonating}, {Flag: filter.Plain}}
}

// Challenge asks for more if all seems to be listed, but nothing has shown that the
// total counts all: for a set by each field, and for several if the total is a usual
// limit.
func (s *Search) Challenge() Queries {
	const ofUsualLimit = 8
	return func(yield func([]filter.Query) bool) {
		n := 1
		if s.log.UsualLimit() {
			n = ofUsualLimit
		}
		for _, x := range s.unasked(n) {
			if s.left() <= 1 || s.log.Listed() > s.log.Total() || !yield([]filter.Query{x.q}) {
				return
			}
		}
	}
}

// unasked returns up to n sets by each field that were not asked for, those of which
// most sessions were seen first.
func (s *Search) unasked(n int) (list []*set) {
	for _, f := range []filter.Field{filter.ByIP, filter.ByUser, filter.ByStore} {
		var of []*set
		for _, x := range s.order {
			if x.q.Field() == f && x.asked == 0 {
				of = append(of, x)
			}
		}
		slices.SortStableFunc(of, func(a, b *set) int { return cmp.Compare(b.seen, a.seen) })
		list = append(list, of[:min(n, len(of))]...)
	}
	return list
}

// Window asks for parts if the total is just one window, of a server that never
// counted further: it may not be able to. Parts show it, if they have more.
func (s *Search) Window() Queries {
	const most = 24
	var list []*set
	for _, x := range s.order {
		if x.q.Fields() == 1 && len(list) < most {
			list = append(list, x)
		}
	}
	return func(yield func([]filter.Query) bool) {
		for len(list) > 0 && s.left() > 0 {
			n := min(s.width(), len(list))
			if !yield(queries(list[:n])) {
				return
			}
			list = list[n:]
		}
	}
}
