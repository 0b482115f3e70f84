package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// wanting runs refreshes of a world with users who are wanted by name.
type wanting struct {
	*answerer
	m     *Memory
	l     Limits
	twist func(Query, *Answer)
}

func wantingOf(n, most int) *wanting {
	return &wanting{answerer: newAnswerer(mid(9, n, n/6, 3, n/2), 9, most), m: NewMemory(), l: Limits{Addresses: 20}, twist: func(Query, *Answer) {}}
}

func (w *wanting) refresh(t *testing.T) Result {
	t.Helper()
	w.asked, w.queries = 0, nil
	r, ok := Run(w.m, w.l, &twisted{w.answerer, w.twist})
	if !ok || r.Untrusted != "" {
		t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
	}
	addsUp(t, w.answerer, &r)
	within := slices.DeleteFunc(slices.Clone(w.by[Query{}]), func(i int) bool { return !w.holds(w.l.Filter, &w.all[i]) })
	if wrong, _ := falseEnds(w.answerer, &r, within); wrong > 0 {
		t.Errorf("got %d sessions that are there and missing in %v, want 0", wrong, r.FullyListed)
	}
	return r
}

// askedBy counts the queries for nothing but one of the wanted users.
func (w *wanting) askedBy() map[string]int {
	n := map[string]int{}
	for _, q := range w.queries {
		if u := onlyUser(q); slices.ContainsFunc(w.l.Users, func(o User) bool { return o.Name == u.User }) {
			n[u.User]++
		}
	}
	return n
}

// somebody is a user who has few sessions, all of them in one store.
func (w *wanting) somebody(skip int) Row {
	for i := range w.all {
		r := w.all[i]
		if of := w.by[Query{User: r.User}]; len(of) < 5 && of[0] == i && !slices.ContainsFunc(of, func(o int) bool { return w.all[o].Store != r.Store }) {
			if skip--; skip < 0 {
				return r
			}
		}
	}
	panic("nobody")
}

func (w *wanting) want(u ...User) { w.l.Users = append(w.l.Users, u...) }

func (w *wanting) logout(user string) {
	for _, i := range slices.Clone(w.by[Query{User: user}]) {
		w.remove(i)
	}
}

func (w *wanting) lists(r *Result, user string) bool {
	for _, i := range w.by[Query{User: user}] {
		if !slices.Contains(r.Listed, i) {
			return false
		}
	}
	return true
}

// form has the server answer as no match in a form without a total.
func (w *wanting) form(f Form) {
	w.twist = func(q Query, a *Answer) {
		if a.Total == 0 && q != (Query{}) {
			*a = Answer{Outcome: NoMatch, Form: f, At: a.At}
		}
	}
}

// A user who is wanted by name is listed whole, whatever else is; and so is one who
// has no session any more.
func TestUsersWanted(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *wanting, r Row)
		listed bool // while there are sessions
		ended  bool // it is proven
	}{
		{"exact", func(*wanting, Row) {}, true, true},
		{"rows fixed", func(w *wanting, _ Row) { w.fixed = true }, true, true},
		{"404", func(w *wanting, _ Row) { w.form(Form404) }, true, true},
		{"another case", func(w *wanting, r Row) { w.l.Users[0].Name = strings.ToUpper(r.User) }, false, false},
		{"no store", func(w *wanting, _ Row) { w.l.Users[0].Store = "" }, true, false},
		{"a store that is not known", func(w *wanting, _ Row) { w.l.Users[0].Store = "elsewhere" }, true, false},
		{"a wildcard", func(w *wanting, r Row) { w.l.Users[0].Name = r.User[:1] + "*" }, false, false},
		{"the filter has the store", func(w *wanting, r Row) { w.l.Filter.Store = r.Store }, true, true},
		{"the filter has another store", func(w *wanting, r Row) {
			w.l.Filter.Store = w.all[slices.IndexFunc(w.all, func(o Row) bool { return o.Store != r.Store })].Store
		}, false, false},
		{"userId is ignored", func(w *wanting, _ Row) {
			w.twist = func(q Query, a *Answer) {
				if q.User != "" {
					q.User = ""
					*a = w.answer(q)
				}
			}
		}, false, false},
		{"userId finds nobody", func(w *wanting, _ Row) {
			w.twist = func(q Query, a *Answer) {
				if q.User != "" {
					a.Total, a.Rows = 0, nil
				}
			}
		}, false, false},
		{"userId finds those that contain it", func(w *wanting, r Row) {
			other := r
			other.User = "x" + r.User
			w.add(other, w.now)
			w.twist = func(q Query, a *Answer) {
				if onlyUser(q).User == r.User {
					both := w.answer(Query{User: other.User})
					a.Total, a.Rows = a.Total+both.Total, append(slices.Clone(a.Rows), both.Rows...)
				}
			}
		}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := wantingOf(6000, 60)
			r := w.somebody(0)
			w.want(User{Name: r.User, Store: r.Store})
			c.change(w, r)
			set := Query{User: r.User, Store: r.Store}
			got := w.refresh(t)
			if c.listed && !w.lists(&got, r.User) {
				t.Errorf("not all of the user's sessions are listed, want all of %d", len(w.by[Query{User: r.User}]))
			}
			if is := slices.Contains(got.FullyListed, set); is != c.listed && c.ended {
				t.Errorf("listed whole: got %v, want %v", is, c.listed)
			}
			w.logout(r.User)
			w.now += 60
			got = w.refresh(t)
			if is := slices.Contains(got.FullyListed, set); is != c.ended {
				t.Errorf("no session any more: proven %v, want %v; notes %v", is, c.ended, got.Notes)
			}
			for user, n := range w.askedBy() {
				if n > 3 {
					t.Errorf("%d queries for %s, want 3 at most", n, user)
				}
			}
		})
	}
}

// That a search for a user finds others of the store is shown first, by one who is
// listed.
func TestAUserWhoHadGoneBefore(t *testing.T) {
	w := wantingOf(6000, 60)
	r := w.somebody(0)
	w.logout(r.User)
	w.want(User{Name: r.User, Store: r.Store})
	got := w.refresh(t)
	if want := (Query{User: r.User, Store: r.Store}); !slices.Contains(got.FullyListed, want) {
		t.Errorf("got %v, want %v in it", got.FullyListed, want)
	}
}

// One answer in another form than is usual, or one among others, ends nobody.
func TestStrayAnswersEndNoUser(t *testing.T) {
	w := wantingOf(6000, 60)
	w.form(Form404)
	usual := w.twist
	r := w.somebody(0)
	w.want(User{Name: r.User, Store: r.Store})
	w.refresh(t)
	for _, f := range []Form{Form404, Form204} {
		strays := 1
		w.twist = func(q Query, a *Answer) {
			if usual(q, a); onlyUser(q).User == r.User && strays > 0 {
				strays--
				*a = Answer{Outcome: NoMatch, Form: f, At: a.At}
			}
		}
		w.refresh(t) // checks that nobody is said to have ended
		if strays > 0 {
			t.Errorf("got %d stray answers not given, want 0", strays)
		}
	}
}

// At most 20 queries of a refresh are for users: urgent ones first, then who was not
// asked for longest.
func TestOrderOfUsersWanted(t *testing.T) {
	w := wantingOf(6000, 80)
	w.l.Addresses = 0 // else some are asked for as they list addresses
	for i := range 50 {
		r := w.somebody(i)
		w.want(User{Name: r.User, Store: r.Store})
	}
	for i := range 3 {
		w.want(User{Name: fmt.Sprint("absent", i), Urgent: true})
	}
	times := map[string]int{}
	for range 6 {
		w.refresh(t)
		sum := 0
		for user, n := range w.askedBy() {
			times[user]++
			sum += n
		}
		if sum > 20 || sum < 17 {
			t.Errorf("%d queries for users, want 17 to 20", sum)
		}
		for i := range 3 {
			if u := fmt.Sprint("absent", i); w.askedBy()[u] != 1 {
				t.Errorf("%s: %d queries, want 1, as it is urgent", u, w.askedBy()[u])
			}
		}
	}
	for _, u := range w.l.Users {
		if n := times[u.Name]; n < 1 || !u.Urgent && n > 3 {
			t.Errorf("%s: asked for in %d refreshes of 6, want each of the others equally often", u.Name, n)
		}
	}
	w.l.Users = w.l.Users[:5]
	if w.refresh(t); len(w.m.usersAsked) != 5 {
		t.Errorf("%d users are remembered, want 5: who is not wanted is forgotten", len(w.m.usersAsked))
	}
}

// Nobody is asked for who is listed anyway, or can't be asked for.
func TestUsersWantedInVain(t *testing.T) {
	for _, c := range []struct {
		name   string
		n      int
		change func(w *wanting)
	}{
		{"within the window", 20, func(*wanting) {}},
		{"all are listed", 300, func(w *wanting) { w.wildcard = true }},
		{"the filter has the user", 6000, func(w *wanting) {
			most := w.somebody(0).User
			for i := range w.all {
				if u := w.all[i].User; len(w.by[Query{User: u}]) > len(w.by[Query{User: most}]) {
					most = u
				}
			}
			w.l.Filter.User = most
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := wantingOf(c.n, 200)
			w.want(User{Name: "absent", Urgent: true}, User{Name: "gone", Store: w.all[0].Store})
			c.change(w)
			for range 2 {
				w.asked, w.queries = 0, nil
				if r, ok := Run(w.m, w.l, w); !ok || r.Untrusted != "" {
					t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
				}
				for _, q := range w.queries {
					if q.User == "absent" || q.User == "gone" {
						t.Errorf("asked %+v, want no query for the user", q)
					}
				}
			}
		})
	}
}

// In worlds that move, sums stay exact, and no user is proven to have ended who is
// there.
func TestUsersWantedInMovingWorlds(t *testing.T) {
	ended := 0
	for seed := range seeds(4, 60) {
		w := wantingOf(4000, 80)
		w.rand = rand.New(rand.NewPCG(seed, 7))
		w.fixed = seed%2 == 1
		if seed%4 > 1 {
			w.form(Form404)
		}
		for i := range 40 {
			r := w.somebody(i)
			w.want(User{Name: r.User, Store: r.Store})
		}
		for round := range 5 {
			gone := w.l.Users[round*5 : round*5+3]
			for _, u := range gone {
				w.logout(u.Name)
			}
			w.now += 60
			m := &mover{a: w.answerer, rand: w.rand, every: 5, begin: 1, end: 1}
			w.before = m.before
			before := slices.Clone(w.by[Query{}])
			w.asked, w.queries = 0, nil
			r, ok := Run(w.m, w.l, &twisted{w.answerer, w.twist})
			if !ok || r.Untrusted != "" {
				t.Fatalf("seed %d: got ok %v, untrusted %q, want true and none", seed, ok, r.Untrusted)
			}
			addsUp(t, w.answerer, &r)
			if wrong, _ := falseEnds(w.answerer, &r, before); wrong > 0 {
				t.Errorf("seed %d: got %d sessions that are there and missing in %v, want 0", seed, wrong, r.FullyListed)
			}
			for _, u := range w.l.Users {
				if len(w.by[Query{User: u.Name}]) == 0 && slices.Contains(r.FullyListed, Query{User: u.Name, Store: u.Store}) {
					ended++
				}
			}
		}
	}
	if ended == 0 {
		t.Errorf("got no end proven, want one or more")
	}
}
