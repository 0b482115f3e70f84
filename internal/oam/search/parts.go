package search

import (
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
// total counts all.
func (s *Search) Challenge() Queries {
	return func(yield func([]filter.Query) bool) {
		var list []*set
		for _, f := range []filter.Field{filter.ByIP, filter.ByUser, filter.ByStore} {
			var pick *set
			for _, x := range s.order {
				if x.q.Field() == f && x.asked == 0 && (pick == nil || x.seen > pick.seen) {
					pick = x
				}
			}
			if pick != nil {
				list = append(list, pick)
			}
		}
		for _, x := range list {
			if s.left() > 1 && !yield([]filter.Query{x.q}) {
				return
			}
		}
	}
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
