package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/internal/oam/filter"
)

// carries checks that each query that is sent carries the filter.
type carries struct {
	Client
	t    *testing.T
	base Query
}

func (c carries) Search(qs []Query) []Answer {
	for _, q := range qs {
		same := func(want, have string) bool { return want == "" || want == have }
		if b := c.base; !same(b.User, q.User) || !same(b.IP, q.IP) || !same(b.Store, q.Store) || b.Flag != AnyFlag && b.Flag != q.Flag {
			c.t.Errorf("got a search for %+v, want one within %+v", q, b)
		}
	}
	return c.Client.Search(qs)
}

// randomFilter is one that fits a session of the world, most of the time.
func randomFilter(r *rand.Rand, a *answerer) (q Query) {
	like := &a.all[r.IntN(len(a.all))]
	for q == (Query{}) {
		if r.IntN(3) == 0 {
			q.Store = like.Store
		}
		if r.IntN(4) == 0 {
			q.IP = like.IP
		}
		if r.IntN(5) == 0 {
			q.User = like.User
		}
		switch r.IntN(6) {
		case 0, 1:
			q.Flag = Plain
		case 2:
			q.Flag = Impersonating
		}
	}
	return q
}

// subset is what a filter lets through, counted by value.
type subset struct {
	total, impersonating int
	addresses, stores    map[string]int
	refs                 map[int]bool
}

func subsetOf(a *answerer, base Query) *subset {
	s := &subset{addresses: map[string]int{}, stores: map[string]int{}, refs: map[int]bool{}}
	for _, i := range a.by[Query{}] {
		r := &a.all[i]
		if !base.Admits(r, false) {
			continue
		}
		s.total++
		s.addresses[r.IP]++
		s.stores[r.Store]++
		s.refs[r.Ref] = true
		if r.Impersonating {
			s.impersonating++
		}
	}
	return s
}

// check checks all that a refresh says against the truth of the subset.
func (s *subset) check(t *testing.T, a *answerer, base Query, r *Result) {
	t.Helper()
	if r.Total != s.total {
		t.Errorf("total: got %d, want %d", r.Total, s.total)
	}
	for _, ref := range r.Listed {
		if !s.refs[ref] {
			t.Errorf("got %+v listed, which is outside the filter, want only what is within", a.all[ref])
		}
	}
	for name, of := range map[string][2]map[string]int{"addresses": {r.Addresses, s.addresses}, "stores": {r.Stores, s.stores}} {
		for v, n := range of[0] {
			if of[1][v] != n {
				t.Errorf("%s: got %d of %s, want %d", name, n, v, of[1][v])
			}
		}
	}
	if r.Complete && len(r.Listed) != r.Total {
		t.Errorf("got complete with %d listed, want %d", len(r.Listed), r.Total)
	}
	if r.Complete {
		return
	}
	if r.Impersonating >= 0 && r.Impersonating != s.impersonating {
		t.Errorf("impersonating: got %d, want %d", r.Impersonating, s.impersonating)
	}
	if base.Store != "" && r.Stores[base.Store] != s.total || base.IP != "" && r.Addresses[base.IP] != s.total || base.Flag != AnyFlag && r.Impersonating < 0 {
		t.Errorf("what the filter fixes is not known: stores %v, addresses %v, impersonating %d; want %d of each", r.Stores, r.Addresses, r.Impersonating, s.total)
	}
	for _, q := range r.FullyListed {
		for _, i := range a.by[Query{}] {
			if x := &a.all[i]; base.Admits(x, false) && q.Holds(x, false) && !slices.Contains(r.Listed, x.Ref) && !slices.Contains(r.ListedLater, x.Ref) {
				t.Errorf("got %+v as fully listed without %+v, want it listed", q, *x)
			}
		}
	}
}

// All that is published of a filtered source is of the subset, and exact, on all
// kinds of servers; each query carries the filter.
func TestFiltered(t *testing.T) {
	listed := 0
	for seed := range seeds(60, 2000) {
		r := rand.New(rand.NewPCG(seed, 14))
		n := []int{20, 90, 400, 2000}[r.IntN(4)]
		a := newAnswerer(mid(seed, n, max(n/12, 3), 1+r.IntN(4), max(n/4, 3)), seed, 30+r.IntN(200))
		a.fixed, a.wildcard = r.IntN(2) == 0, r.IntN(2) == 0
		base := randomFilter(r, a)
		t.Run(fmt.Sprintf("%d %+v of %d", seed, base, n), func(t *testing.T) {
			m, want := NewMemory(), subsetOf(a, base)
			var client Client = carries{a, t, base}
			if r.IntN(4) == 0 && want.total > 0 {
				client = carries{&faulty{answerer: a, form: Form404}, t, base}
			}
			for range 3 {
				a.now, a.asked = a.now+30, 0
				s := &refresh{client: client, memory: m, limits: Limits{Filter: base, Addresses: 100, Stores: []string{"elsewhere"}, Idle: 900}, enter: func(string) {},
					heard: func(q Query, a *Answer, _ int) {
						if a.Outcome == Rejected {
							t.Errorf("got a search for %+v, which the filter has already, want none", q)
						}
					}}
				got, ok := s.phases()
				if !ok || got.Untrusted != "" {
					t.Fatalf("got ok %v, untrusted %q, want true and none", ok, got.Untrusted)
				}
				want.check(t, a, base, &got)
				if got.Total >= Window && got.Complete {
					listed++
				}
			}
		})
	}
	if listed == 0 {
		t.Errorf("got no complete subset larger than a window, want one or more")
	}
}

func largestStore(a *answerer) (store string) {
	most := 0
	for q, refs := range a.by {
		if q.Store != "" && (len(refs) > most || len(refs) == most && q.Store < store) {
			store, most = q.Store, len(refs)
		}
	}
	return store
}

// What a filter leaves is counted as well as if there were nothing else.
func TestFilteredIsCounted(t *testing.T) {
	a := newAnswerer(mid(3, 3000, 300, 3, 900), 3, 120)
	for _, base := range []Query{{Store: largestStore(a)}, {Flag: Plain}} {
		m, want := NewMemory(), subsetOf(a, base)
		for n := range 3 {
			a.now, a.asked = a.now+30, 0
			got, ok := Run(m, Limits{Filter: base, Addresses: 50}, a)
			if !ok || got.Untrusted != "" {
				t.Fatalf("got ok %v, untrusted %q, want true and none", ok, got.Untrusted)
			}
			want.check(t, a, base, &got)
			if got.Complete || n > 0 && len(got.Addresses) < 50 || len(got.Stores) == 0 || got.Impersonating < 0 {
				t.Errorf("%+v, refresh %d: got complete %v, %d addresses, %d stores, %d impersonating; want 50, at least 1, at least 0", base, n+1, got.Complete, len(got.Addresses), len(got.Stores), got.Impersonating)
			}
		}
	}
}

// Sums are those of the subset while sessions begin and end.
func TestFilteredMoves(t *testing.T) {
	for seed := range seeds(10, 300) {
		r := rand.New(rand.NewPCG(seed, 15))
		a := newAnswerer(mid(seed, 600, 60, 3, 200), seed, 150)
		m := &mover{a: a, rand: r, every: 5, begin: 1, end: 1}
		base, memory := Query{Store: a.all[0].Store}, NewMemory()
		for range 3 {
			a.before, a.asked = nil, 0
			want := subsetOf(a, base)
			a.before = m.before
			got, ok := Run(memory, Limits{Filter: base, Addresses: 100}, carries{a, t, base})
			if !ok {
				t.Fatal("no refresh, want one")
			}
			if got.Untrusted != "" {
				continue // it moved too much
			}
			if got.Total != want.total || len(got.Listed) > got.Total {
				t.Errorf("seed %d: got %d sessions, %d listed, want %d", seed, got.Total, len(got.Listed), want.total)
			}
			for _, ref := range got.Listed {
				if !base.Admits(&a.all[ref], false) {
					t.Errorf("seed %d: got %+v listed, which is outside the filter, want only what is within", seed, a.all[ref])
				}
			}
		}
	}
}

// rewriting sends other queries than it is asked to.
type rewriting struct {
	*answerer
	to func(Query) Query
}

func (c rewriting) Search(qs []Query) []Answer {
	out := make([]Query, len(qs))
	for i, q := range qs {
		out[i] = c.to(q)
	}
	return c.answerer.Search(out)
}

// A server that ignores the filter, or a part of it, is not trusted.
func TestFilterIgnored(t *testing.T) {
	for name, c := range map[string]struct {
		n  int
		to func(Query) Query
	}{
		"ignored, few":      {20, func(q Query) Query { q.Store = ""; return q }},
		"ignored, many":     {300, func(q Query) Query { q.Store = ""; return q }},
		"the address wins":  {300, onlyAddress},
		"the last one wins": {300, func(q Query) Query { return onlyUser(onlyAddress(q)) }},
	} {
		a := newAnswerer(mid(5, c.n, 20, 3, 60), 5, 150)
		base := Query{Store: a.all[0].Store}
		got, ok := Run(NewMemory(), Limits{Filter: base, Addresses: 100}, rewriting{a, c.to})
		if !ok || got.Untrusted != "row_outside_filter" {
			t.Errorf("%s: got ok %v, untrusted %q, want row_outside_filter", name, ok, got.Untrusted)
		}
	}
}

func onlyAddress(q Query) Query {
	if q.IP != "" {
		return Query{IP: q.IP}
	}
	return q
}

func onlyUser(q Query) Query {
	if q.User != "" {
		return Query{User: q.User}
	}
	return q
}

// A server that ignores case lists a store as it spells it. One that is proven not
// to lists only the store that was asked for: other rows are outside.
func TestFilterInAnotherCase(t *testing.T) {
	for _, n := range []int{20, 300} {
		a := newAnswerer(mid(6, n, 20, 1, 60), 6, 200)
		store := a.all[0].Store
		base := Query{Store: strings.ToUpper(store)}
		if base.Store == store {
			base.Store = strings.ToLower(store)
		}
		folding := func(q Query) Query {
			if strings.EqualFold(q.Store, store) {
				q.Store = store
			}
			for u := range a.by {
				if u.User != "" && strings.EqualFold(u.User, q.User) {
					q.User = u.User
				}
			}
			return q
		}
		m := NewMemory()
		for range 2 {
			a.asked = 0
			got, ok := Run(m, Limits{Filter: base, Addresses: 100}, rewriting{a, folding})
			if !ok || got.Untrusted != "" || got.Total != n || !got.Complete && got.Stores[store] != n {
				t.Errorf("%d sessions: got ok %v, untrusted %q, %d, complete %v, stores %v; want all in %s", n, ok, got.Untrusted, got.Total, got.Complete, got.Stores, store)
			}
		}
		m.proven.Can.Case = filter.Sensitive
		a.asked = 0
		if got, _ := Run(m, Limits{Filter: base}, rewriting{a, folding}); got.Untrusted != "row_outside_filter" {
			t.Errorf("case is proven to matter: got untrusted %q, want row_outside_filter", got.Untrusted)
		}
	}
}
