package search

import (
	"fmt"
	"slices"
	"testing"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
)

type (
	query  = filter.Query
	answer = filter.Answer
	row    = filter.Row
)

// budget has as many queries as it says, two of which run at once.
type budget int

func (b budget) Left() int { return int(b) }
func (budget) Width() int  { return 2 }

type step struct {
	q query
	a answer
}

// after is a search that has seen some answers.
func after(can filter.Capabilities, lessons Lessons, want Want, left int, steps ...step) *Search {
	log := evidence.New(evidence.Setup{Past: evidence.Past{Can: can, Beyond: true}, Width: 2})
	tree := NewTree(log, &lessons)
	for _, x := range steps {
		x.a.At = 2000
		tree.Answered(x.q, &x.a, log.Add(x.q, x.a))
	}
	return New(tree, want, budget(left))
}

// next returns the first batch of a strategy.
func next(of Queries) []query {
	for qs := range of {
		return qs
	}
	return nil
}

var (
	equality = filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive, Rows: filter.Sampled}
	stable   = filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive, Rows: filter.Stable, Expiry: filter.TimeBefore}
	prefixes = filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive, WildcardUser: filter.Yes, WildcardIP: filter.Yes, Rows: filter.Sampled}

	dividing = filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive, WildcardUser: filter.Yes, Rows: filter.Stable}

	ann = row{Ref: 0, User: "ann", IP: "10.0.0.1", Store: "oud", Created: 1000, Expires: 5000}
	bob = row{Ref: 1, User: "bob", IP: "10.0.0.1", Store: "oud", Created: 1000, Expires: 6000}
	eve = row{Ref: 2, User: "eve", IP: "10.0.0.2", Store: "ad", Created: 1000, Expires: 7000}
)

// many rows like one, of users u0, u1 and so on.
func many(n, from int, like row) (rows []row) {
	for i := range n {
		like.Ref, like.User = from+i, "u"+string(rune('a'+i%26))
		rows = append(rows, like)
	}
	return rows
}

// listed are rows of different users, four at each address.
func listed(from, to int) (rows []row) {
	for i := from; i < to; i++ {
		rows = append(rows, row{Ref: i, User: fmt.Sprint("u", i), IP: fmt.Sprint("10.0.0.", 1+i/4), Store: "oud", Created: 1000})
	}
	return rows
}

// places are those of a last list of n sessions.
func places(n int) (ps []Place) {
	for _, r := range listed(0, n) {
		ps = append(ps, Place{r, 1})
	}
	return ps
}

func TestWhatIsAskedNext(t *testing.T) {
	everything := step{query{}, answer{Total: 90, Rows: []row{ann, bob, eve}}}
	for _, c := range []struct {
		name     string
		can      filter.Capabilities
		lessons  Lessons
		want     Want
		left     int
		steps    []step
		strategy func(*Search) Queries
		queries  []query
	}{
		{"stores: those configured, remembered and listed", equality, Lessons{Stores: map[string]int64{"tam": 900}}, Want{Stores: []string{"ldap"}}, 50,
			[]step{everything}, (*Search).Stores, []query{{Store: "oud"}, {Store: "ad"}}},
		{"stores: one that was asked is not asked again", equality, Lessons{}, Want{}, 50,
			[]step{everything, {query{Store: "oud"}, answer{Total: 60}}}, (*Search).Stores, []query{{Store: "ad"}}},
		{"stores: no budget but for the last look", equality, Lessons{}, Want{}, 1, []step{everything}, (*Search).Stores, nil},
		{"stores: not by a filter that is not exact", filter.Capabilities{ExactStore: filter.Loose}, Lessons{}, Want{}, 50, []step{everything}, (*Search).Stores, nil},

		{"greedy: the sets with most of what is hidden", equality, Lessons{}, Want{}, 50,
			[]step{everything}, (*Search).Greedy, []query{{}, {Flag: filter.Plain}}},
		{"greedy, stable rows: never the same again", stable, Lessons{}, Want{}, 50,
			[]step{everything, {query{Store: "oud"}, answer{Total: 60}}, {query{Store: "ad"}, answer{Total: 30}}, {query{Flag: filter.Plain}, answer{Total: 90}}}, (*Search).Greedy,
			[]query{{IP: "10.0.0.1"}, {IP: "10.0.0.2"}}},
		{"greedy: nothing is hidden", equality, Lessons{}, Want{}, 50, []step{{query{}, answer{Total: 3, Rows: []row{ann, bob, eve}}}}, (*Search).Greedy, nil},
		{"greedy: what is left is needed for counts", equality, Lessons{}, Want{Addresses: 100}, 10, []step{everything}, (*Search).Greedy, nil},

		{"cover: windows of the whole first", equality, Lessons{Places: places(100)}, Want{}, 50, []step{{query{}, answer{Total: 100, Rows: many(3, 0, ann)}}}, (*Search).Cover,
			[]query{{}, {}}},
		{"cover: at the end, what lists most of what is left", equality, Lessons{Places: places(100)}, Want{}, 50, []step{{query{}, answer{Total: 100, Rows: listed(0, 94)}}}, (*Search).Cover,
			[]query{{IP: "10.0.0.25"}, {IP: "10.0.0.24"}}},
		{"cover: nothing is hidden", equality, Lessons{Places: places(20)}, Want{}, 50, []step{{query{}, answer{Total: 20, Rows: listed(0, 20)}}}, (*Search).Cover, nil},
		{"cover: the last list knows no more", equality, Lessons{Places: places(20)}, Want{}, 50, []step{{query{}, answer{Total: 30, Rows: listed(0, 20)}}}, (*Search).Cover, nil},

		{"divide: by store, unless prefixes do it better", prefixes, Lessons{}, Want{}, 50,
			[]step{everything}, (*Search).Divide, []query{{Store: "oud"}, {Store: "ad"}}},
		{"divide, sampled rows: an address in a store, if one query then lists the rest", prefixes, Lessons{}, Want{}, 50,
			[]step{everything, {query{Store: "oud"}, answer{Total: 30, Rows: []row{ann, bob}}}, {query{Store: "ad"}, answer{Total: 20, Rows: []row{eve}}}}, (*Search).Divide,
			[]query{{IP: "10.0.0.1", Store: "oud"}}},
		{"divide: a part that fits a window is done, another is divided further", dividing, Lessons{}, Want{}, 50,
			[]step{everything, {query{Store: "oud"}, answer{Total: 70, Rows: []row{ann, bob}}}, {query{Store: "ad"}, answer{Total: 20, Rows: []row{eve}}}}, (*Search).Divide,
			[]query{{User: "a*", Store: "oud"}, {User: "b*", Store: "oud"}}},

		{"ages: quarters of stores by expiry", stable, Lessons{}, Want{}, 50,
			[]step{{query{}, answer{Total: 90, Rows: many(28, 0, ann)}}, {query{Store: "oud"}, answer{Total: 90}}}, func(s *Search) Queries { return s.Ages(9, 4) },
			[]query{{Store: "oud", Expires: 5000}, {Store: "oud", Expires: 5000}}},
		{"ages: not if fields don't combine", filter.Capabilities{Expiry: filter.TimeBefore}, Lessons{}, Want{}, 50, []step{everything}, func(s *Search) Queries { return s.Ages(9, 4) }, nil},

		{"places: those that hold one come first", equality, Lessons{InPlace: map[string]int{"10.0.0.9": 5, "10.0.0.8": 7}}, Want{Addresses: 100}, 50,
			[]step{everything}, (*Search).InPlace, []query{{IP: "10.0.0.8"}, {IP: "10.0.0.9"}}},
		{"largest: by what is remembered", equality, Lessons{Addresses: map[string]Value{"10.0.0.2": {Size: 40}, "10.0.0.1": {Size: 30}}}, Want{Addresses: 100}, 50,
			[]step{everything}, func(s *Search) Queries { s.Places = 9; return s.Largest(9, 0) }, []query{{IP: "10.0.0.2"}, {IP: "10.0.0.1"}}},
		{"largest: by how often they turned up", equality, Lessons{}, Want{Addresses: 100}, 50,
			[]step{everything}, func(s *Search) Queries { s.Places = 9; return s.Largest(9, 0) }, []query{{IP: "10.0.0.1"}, {IP: "10.0.0.2"}}},
		{"discover: whatever the address", equality, Lessons{}, Want{}, 50,
			[]step{everything}, func(s *Search) Queries { return s.Discover(9) }, []query{{}, {Flag: filter.Plain}}},
		{"explore: first what says nothing of users or addresses", stable, Lessons{}, Want{}, 50,
			[]step{everything, {query{Store: "oud"}, answer{Total: 60}}}, (*Search).Explore, []query{{Store: "ad"}}},

		{"challenge: one value of each field", equality, Lessons{}, Want{}, 50, []step{everything}, (*Search).Challenge, []query{{IP: "10.0.0.1"}}},
		{"window: parts of what was listed", equality, Lessons{}, Want{}, 50,
			[]step{{query{}, answer{Total: 28, Rows: []row{ann}}}}, (*Search).Window, []query{{Store: "oud"}, {Flag: filter.Plain}}},
		{"retry: what got no answer", equality, Lessons{}, Want{}, 50,
			[]step{everything, {query{IP: "10.0.0.2"}, answer{Outcome: filter.Unanswered}}}, (*Search).Retry, []query{{IP: "10.0.0.2"}}},
		{"retry: not a third time", equality, Lessons{}, Want{}, 50,
			[]step{everything, {query{IP: "10.0.0.2"}, answer{Outcome: filter.Unanswered}}, {query{IP: "10.0.0.2"}, answer{Outcome: filter.Unanswered}}}, (*Search).Retry, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := next(c.strategy(after(c.can, c.lessons, c.want, c.left, c.steps...))); !slices.Equal(got, c.queries) {
				t.Errorf("got %+v, want %+v", got, c.queries)
			}
		})
	}
}

// A strategy can't change what is proven: it sees a view without a way to.
func TestStrategiesLeaveTheEvidenceAlone(t *testing.T) {
	log := evidence.New(evidence.Setup{Past: evidence.Past{Can: prefixes, Beyond: true}, Width: 2})
	lessons := Lessons{Addresses: map[string]Value{"10.0.0.7": {Size: 9}}, Stores: map[string]int64{"tam": 1}}
	tree := NewTree(log, &lessons)
	a := answer{At: 2000, Total: 90, Rows: []row{ann, bob, eve}}
	tree.Answered(query{}, &a, log.Add(query{}, a))
	s := New(tree, Want{Addresses: 10}, budget(50))
	before := log.Result()
	for _, of := range []Queries{s.Stores(), s.List(), s.CountAddresses(), s.Challenge(), s.Window(), s.Retry()} {
		next(of)
	}
	if after := log.Result(); after.Total != before.Total || len(after.Listed) != len(before.Listed) || len(after.Addresses) != 0 {
		t.Errorf("got %+v, want %+v", after, before)
	}
}

// If case is ignored, values that are remembered in two spellings are one, and are
// asked for once.
func TestRememberedSpellings(t *testing.T) {
	for _, c := range []struct {
		can  filter.Case
		want int
	}{{filter.Insensitive, 1}, {filter.Sensitive, 2}} {
		can := equality
		can.Case = c.can
		s := after(can, Lessons{Addresses: map[string]Value{"FE80::A": {Size: 9}, "fe80::a": {Size: 8}}}, Want{Addresses: 9}, 50, step{query{}, answer{Total: 90}})
		for ip := range s.memory.Addresses {
			s.Seek(filter.ByIP, ip)
		}
		s.Places = 9
		if got := next(s.Largest(9, 0)); len(got) != c.want {
			t.Errorf("case %d: got %v, want %d queries", c.can, got, c.want)
		}
	}
}

// A user and a store whose names differ only by case are two values.
func TestSpellingsAreOfOneField(t *testing.T) {
	can := equality
	can.Case = filter.Insensitive
	s := after(can, Lessons{}, Want{Addresses: 9}, 50, step{query{}, answer{Total: 90}})
	s.Seek(filter.ByUser, "hr")
	if got, want := s.Seek(filter.ByStore, "HR").q, (query{Store: "HR"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
