// Package search decides what to ask next. It can't be wrong, only wasteful: what
// answers prove is the business of package evidence, of which strategies have a
// view that they can't change.
//
// A strategy is a sequence of batches of queries. Whoever ranges over it sends each
// batch and takes the answers in before it takes the next one, so that a strategy
// sees by then what has become of what it asked for.
//
//	server and site                    strategy                       cost, by windows of 28
//	------------------------------------------------------------------------------------------
//	all stores and the flag            Stores, Flag                   one query a part
//	filters combine, with prefixes     Divide: into sets that fit     about 2
//	equality only, rows sampled        Greedy: the set with most new  6 to 9
//	the same, and all is as before     Cover, then Greedy             less than 4
//	equality only, rows stable         Greedy, then Ages              7 to 11, not all
//	too large to list, rows sampled    InPlace, Largest, Discover     one an address, and some
//	too large to list, rows stable     InPlace, Largest, Explore      one an address, and some
//	users that alerts are about        Users                          20 at most
//	nothing proves the total           Challenge, Window              a few
package search

import (
	"iter"

	"iam_session_exporter/internal/oam/filter"
)

// Queries are batches of queries, each of which may run at once.
type Queries = iter.Seq[[]filter.Query]

// Budget is what may still be asked.
type Budget interface {
	Left() int  // queries; 0 once no more will be answered
	Width() int // queries that may run at once
}

// Want is what is wanted of a refresh.
type Want struct {
	Addresses int      // addresses whose count is wanted: the largest ones
	All       bool     // that is meant to be all of them
	Stores    []string // known beforehand
	Users     []string // worth asking for by name, in this order

	// Sole reports whether an address may be published: others get no place.
	Sole func(ip string) bool
}

// Search is one refresh's search.
type Search struct {
	*Tree
	Want

	Places      int      // addresses that are wanted, and can be counted
	Crowded     bool     // more addresses are known than a refresh can count
	UsersAsked  []string // of those wanted
	AgesRefused bool     // a store's sessions can't be narrowed by times

	controls []string // users asked for to show that users of their store are found

	budget Budget
	most   int // answers after which no more is asked; 0: as many as the budget has
}

// New begins a refresh.
func New(t *Tree, w Want, b Budget) *Search {
	return &Search{Tree: t, Want: w, budget: b, Crowded: t.memory.Crowded, AgesRefused: t.memory.AgesRefused}
}

func (s *Search) width() int { return s.budget.Width() }

func (s *Search) left() int {
	left := s.budget.Left()
	if s.most > 0 {
		left = max(min(left, s.most-s.log.Asked()), 0)
	}
	return left
}

// spare is what is left besides the last look at the total.
func (s *Search) spare() int { return max(s.left()-1, 0) }

// all yields a strategy's batches, and reports whether there is to be more.
func all(of Queries, yield func([]filter.Query) bool) bool {
	for qs := range of {
		if !yield(qs) {
			return false
		}
	}
	return true
}

// each asks for up to n sets, some at a time, as the last answers show which.
func (s *Search) each(n int, next func() []*set) Queries {
	return func(yield func([]filter.Query) bool) {
		for n > 0 && s.left() > 1 {
			list := next()
			list = list[:min(len(list), n, some*s.width(), s.spare())]
			if len(list) == 0 {
				return
			}
			n -= len(list)
			if !yield(queries(list)) {
				return
			}
		}
	}
}

func queries(list []*set) []filter.Query {
	qs := make([]filter.Query, len(list))
	for i, x := range list {
		qs[i] = x.q
	}
	return qs
}

// once yields a batch of queries, at most as many as may run at once at a time.
func (s *Search) once(qs []filter.Query) Queries {
	return func(yield func([]filter.Query) bool) {
		for len(qs) > 0 && s.left() > 1 {
			n := min(s.width(), len(qs), s.spare())
			if !yield(qs[:n]) {
				return
			}
			qs = qs[n:]
		}
	}
}

// Retry asks for the sets that were put off.
func (s *Search) Retry() Queries { return s.once(queries(s.again())) }
