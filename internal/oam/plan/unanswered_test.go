package plan

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// faulty leaves some searches without an answer, but not the first of a refresh.
type faulty struct {
	*answerer
	lose func(n int, q Query) bool // n counts the searches of a refresh from 1
	form Form                      // of no match; FormTotal, where it is not known
	lost int
}

func (f *faulty) Search(qs []Query) []Answer {
	before := f.asked
	answers := f.answerer.Search(qs)
	for i := range answers {
		a := &answers[i]
		switch {
		case before+i > 0 && f.lose != nil && f.lose(before+i+1, qs[i]):
			*a = Answer{Outcome: Unanswered}
			f.lost++
		case a.Total == 0 && f.form > FormTotal:
			*a = Answer{Outcome: NoMatch, Form: f.form}
		}
	}
	return answers
}

// refresh runs one and checks all that it says against the truth.
func (f *faulty) refresh(t *testing.T, m *Memory, l Limits) Result {
	t.Helper()
	f.asked, f.lost = 0, 0
	r, ok := Run(m, l, f)
	if !ok || r.Untrusted != "" {
		t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
	}
	checkTruth(t, f.answerer, &r)
	if r.Lost < f.lost {
		t.Errorf("got %d searches counted as lost, want at least %d", r.Lost, f.lost)
	}
	for _, q := range r.FullyListed {
		if n := f.answer(q).Total; n > Window {
			t.Errorf("got %d sessions of %v, which is said to be listed, want at most %d", n, q, Window)
		}
	}
	return r
}

func atRandom(seed uint64, oneIn int) func(int, Query) bool {
	r := rand.New(rand.NewPCG(seed, 9))
	return func(int, Query) bool { return r.IntN(oneIn) == 0 }
}

// One search in sixty without an answer costs some queries, and hardly ever the
// list or a count.
func TestSearchesWithoutAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name            string
		n, ips          int
		fixed, wildcard bool
		most            int
		complete        bool
	}{
		{"60", 60, 20, false, false, 200, true},
		{"500 drawn", 500, 60, false, false, 200, true},
		{"500 fixed", 500, 60, true, false, 200, false},
		{"500 fixed, wildcard", 500, 60, true, true, 200, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			complete, refreshes, counted := 0, 0, 0
			for seed := range seeds(5, 40) {
				a := newAnswerer(mid(seed, c.n, c.ips, 3, c.n*2/5), seed, c.most)
				a.fixed, a.wildcard = c.fixed, c.wildcard
				f := &faulty{answerer: a, lose: atRandom(seed, 60), form: Form404}
				m := NewMemory()
				for range 6 {
					refreshes++
					r := f.refresh(t, m, Limits{Addresses: 100})
					if r.Complete {
						complete++
					} else if len(r.Stores) == 3 && len(r.Addresses) >= c.ips-5 {
						counted++
					}
				}
			}
			t.Logf("%d of %d complete, %d of the others counted", complete, refreshes, counted)
			if c.complete && complete*10 < refreshes*9 || counted < (refreshes-complete)*9/10 {
				t.Errorf("got %d of %d complete, %d of the others counted, want 9 in 10 of each (complete ones: %v)", complete, refreshes, counted, c.complete)
			}
		})
	}
}

// However many searches fail, and wherever, nothing wrong is said, and what is
// learnt is not spoilt: the next refresh is as good as any.
func TestFailedSearchesSpoilNothing(t *testing.T) {
	for _, form := range []Form{FormTotal, Form404, Form204, FormOther + 2} {
		for seed := range seeds(4, 40) {
			for _, oneIn := range []int{2, 4, 10} {
				a := newAnswerer(mid(seed, 500, 60, 3, 200), seed, 200)
				a.wildcard, a.fixed = seed%2 == 1, seed%4 > 1
				f := &faulty{answerer: a, form: form}
				m := NewMemory()
				if seed%3 > 0 {
					f.refresh(t, m, Limits{Addresses: 100, Idle: 900})
				}
				f.lose = atRandom(seed, oneIn)
				for range 3 {
					f.refresh(t, m, Limits{Addresses: 100, Idle: 900})
					a.now += 60
				}
				f.lose = nil
				var r Result
				for range 2 {
					r = f.refresh(t, m, Limits{Addresses: 100, Idle: 900})
				}
				if !r.Complete && (!a.fixed || a.wildcard) || r.Lost > 0 {
					t.Errorf("form %d, seed %d, one in %d: got %d of %d listed, %d lost, want all listed and none lost", form, seed, oneIn, len(r.Listed), r.Total, r.Lost)
				}
				want := Capabilities{Combine: Yes, ExactIP: Exact, ExactStore: Exact, Case: Sensitive, NoMatch: form, Expiry: TimeBefore, Access: TimeBefore}
				got := m.Capabilities()
				got.WildcardUser, got.WildcardIP, got.Rows, got.Total = 0, 0, 0, 0
				if got != want {
					t.Errorf("form %d, seed %d, one in %d: got %+v, want %+v", form, seed, oneIn, got, want)
				}
			}
		}
	}
}

// A search that never gets an answer is asked twice at most, and everything else
// is found.
func TestASearchThatNeverGetsAnAnswer(t *testing.T) {
	for name, poisoned := range map[string]func(a *answerer, q Query) bool{
		"a store":        func(a *answerer, q Query) bool { return q == Query{Store: a.all[0].Store} },
		"an address":     func(a *answerer, q Query) bool { return q == Query{IP: a.all[0].IP} },
		"a user":         func(a *answerer, q Query) bool { return q == Query{User: a.all[0].User} },
		"the flag true":  func(_ *answerer, q Query) bool { return q == Query{Flag: Impersonating} },
		"the flag false": func(_ *answerer, q Query) bool { return q == Query{Flag: Plain} },
		"times":          func(_ *answerer, q Query) bool { return q.Expires != 0 && q.User == "" },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range seeds(3, 20) {
				for _, n := range []int{300, 3000} {
					a := newAnswerer(mid(seed, n, 60, 3, n*2/5), seed, 200)
					asked := map[Query]int{}
					f := &faulty{answerer: a, lose: func(_ int, q Query) bool {
						if poisoned(a, q) {
							asked[q]++
							return true
						}
						return false
					}}
					m := NewMemory()
					for turn := range 3 {
						clear(asked)
						r := f.refresh(t, m, Limits{Addresses: 100, Idle: 900})
						for q, n := range asked {
							if n > 2 {
								t.Errorf("%v: got %d searches, want at most 2", q, n)
							}
						}
						// Without the flag nothing shows that larger totals are not cut off.
						if flag := strings.HasPrefix(name, "the flag"); n == 3000 && turn > 0 && !flag && (len(r.Stores) < 2 || len(r.Addresses) < 55) {
							t.Errorf("got %d stores, %d addresses, want at least 2, 55", len(r.Stores), len(r.Addresses))
						}
						if n == 300 && !r.Complete {
							t.Errorf("got %d of %d listed, want all", len(r.Listed), r.Total)
						}
						if name == "the flag true" && !r.Complete && r.Impersonating >= 0 {
							t.Errorf("got %d that impersonate, though nobody said so, want an unknown number", r.Impersonating)
						}
					}
				}
			}
		})
	}
}

// From some search on none is answered: after three in a row no more are sent, and
// what is proven is said.
func TestThreeInARow(t *testing.T) {
	for _, n := range []int{300, 3000} {
		for from := 2; from < 60; from += 6 {
			a := newAnswerer(mid(7, n, 60, 3, n*2/5), 7, 200)
			f := &faulty{answerer: a}
			m := NewMemory()
			f.refresh(t, m, Limits{Addresses: 100})
			f.lose = func(n int, _ Query) bool { return n >= from }
			for range 2 {
				if r := f.refresh(t, m, Limits{Addresses: 100}); f.lost > maxInARow+8*a.Concurrency() {
					t.Errorf("from %d: got %d searches sent in vain, want at most %d; %d of %d listed", from, f.lost, maxInARow+8*a.Concurrency(), len(r.Listed), r.Total)
				}
			}
			f.lose = nil
			if r := f.refresh(t, m, Limits{Addresses: 100}); n == 300 && !r.Complete || n == 3000 && len(r.Addresses) < 55 {
				t.Errorf("from %d, afterwards: got %d of %d listed, %d addresses, want all of 300, or 55 addresses of 3000", from, len(r.Listed), r.Total, len(r.Addresses))
			}
		}
	}
}

// A probe that lost a search keeps what an earlier one had proven, and is taken up
// again by the next refresh.
func TestAProbeThatLosesASearch(t *testing.T) {
	for lost := 2; lost < 14; lost++ {
		a := newAnswerer(mid(1, 500, 60, 3, 200), 1, 200)
		f := &faulty{answerer: a}
		m := NewMemory()
		gone := func(n int, _ Query) bool { return n == lost || n == lost+1 }
		f.lose = gone
		f.refresh(t, m, Limits{Addresses: 100})
		f.lose = nil
		f.refresh(t, m, Limits{Addresses: 100})
		known := m.Capabilities()
		if !m.Probed() && m.filters.Probed == 0 || known.ExactIP != Exact || known.Combine != Yes || known.Expiry != TimeBefore {
			t.Fatalf("search %d lost: got %+v, want a new probe that finds exact addresses, filters that combine, and expiry before a time", lost, known)
		}
		a.now += probeEvery + 1
		f.lose = gone
		f.refresh(t, m, Limits{Addresses: 100})
		if got := m.Capabilities(); got != known {
			t.Errorf("search %d lost: got %+v, want %+v as before", lost, got, known)
		}
		f.lose = nil
		f.refresh(t, m, Limits{Addresses: 100})
		if m.filters.Probed != a.now {
			t.Errorf("search %d lost: got a probe at %d, want one at %d", lost, m.filters.Probed, a.now)
		}
	}
}

// Where parts exceed the total and the second look at it has no answer, nothing is
// remembered of a limit.
func TestALookWithoutAnAnswer(t *testing.T) {
	a := newAnswerer(mid(3, 300, 30, 3, 100), 3, 200)
	first := true
	f := &faulty{answerer: a}
	f.lose = func(n int, q Query) bool { return n > 2 && q == Query{} }
	a.before = func(n int) {
		if n == 15 && first { // many begin before the stores are counted
			first = false
			for range 60 {
				a.add(a.all[a.rand.IntN(300)], a.now)
			}
		}
	}
	m := NewMemory()
	r, ok := Run(m, Limits{Addresses: 100}, f)
	if !ok || m.proven.Limit != 0 || m.proven.Can.Total == Capped || r.Complete {
		t.Errorf("got ok %v, complete %v, remembered limit %d, total %v, want true, false, 0, not capped", ok, r.Complete, m.proven.Limit, m.proven.Can.Total)
	}
}

// No match is believed in the form only in which the impossible value is answered
// in the same refresh.
func TestFormsOfNoMatch(t *testing.T) {
	forms := []Form{FormTotal, Form404, Form204, FormOther, FormOther + 1, FormOther + 2, FormOther + 3}
	for _, form := range forms {
		for _, n := range []int{20, 60, 500} {
			a := newAnswerer(mid(2, n, n/4+1, 3, n*2/5), 2, 200)
			f := &faulty{answerer: a, form: form}
			m := NewMemory()
			for turn := range 3 {
				r := f.refresh(t, m, Limits{Addresses: 100})
				if !r.Complete || r.Lost > 0 {
					t.Errorf("form %d, %d sessions: got %d listed, %d lost, want all, 0", form, n, len(r.Listed), r.Lost)
				}
				if got := m.Capabilities().NoMatch; n > Window && got != form {
					t.Errorf("got form %d, want %d", got, form)
				}
				if extra := slices.Index(a.queries, Query{IP: nowhere}) >= 0; extra && form == FormTotal {
					t.Errorf("turn %d: got a search for the impossible value, want none as no answer needs it", turn)
				}
			}
		}
	}
}

// strange answers some searches without a total, though something matches.
type strange struct {
	*faulty
	form  Form
	which func(n int, q Query) bool
}

func (x *strange) Search(qs []Query) []Answer {
	before := x.asked
	answers := x.faulty.Search(qs)
	for i := range answers {
		if before+i > 0 && (qs[i] != Query{}) && x.which(before+i+1, qs[i]) {
			answers[i] = Answer{Outcome: NoMatch, Form: x.form}
		}
	}
	return answers
}

func TestAnotherFormProvesNothing(t *testing.T) {
	for _, form := range []Form{FormTotal, Form404, FormOther} {
		for seed := range seeds(3, 40) {
			a := newAnswerer(mid(seed, 2000, 150, 3, 700), seed, 200)
			r := rand.New(rand.NewPCG(seed, 4))
			x := &strange{faulty: &faulty{answerer: a, form: form}, form: Form204, which: func(int, Query) bool { return r.IntN(10) == 0 }}
			m := NewMemory()
			for range 4 {
				a.asked = 0
				got, ok := Run(m, Limits{Addresses: 100, Idle: 900}, x)
				if !ok || got.Untrusted != "" {
					t.Fatalf("got ok %v, untrusted %q, want true and none", ok, got.Untrusted)
				}
				checkTruth(t, a, &got)
				if wrong, _ := falseEnds(a, &got, a.by[Query{}]); wrong > 0 {
					t.Errorf("got %d sessions that are there and missing in %v, want 0", wrong, got.FullyListed)
				}
			}
		}
	}
}

// One stray answer in another form neither teaches a wrong one nor unsettles what
// is known.
func TestStrayForms(t *testing.T) {
	for _, form := range []Form{FormTotal, Form404, FormOther} {
		complete, refreshes := 0, 0
		for seed := range seeds(8, 60) {
			a := newAnswerer(mid(seed, 500, 60, 3, 200), seed, 200)
			lose := atRandom(seed, 60)
			x := &strange{faulty: &faulty{answerer: a, form: form}, form: Form204, which: lose}
			m := NewMemory()
			for range 5 {
				a.asked = 0
				r, ok := Run(m, Limits{Addresses: 100, Idle: 900}, x)
				if !ok || r.Untrusted != "" {
					t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
				}
				checkTruth(t, a, &r)
				if refreshes++; r.Complete {
					complete++
				}
				a.now += probeEvery / 3
			}
			if got := m.Capabilities().NoMatch; got != form {
				t.Errorf("seed %d: got form %d, want %d", seed, got, form)
			}
		}
		if complete*10 < refreshes*9 {
			t.Errorf("form %d: got %d of %d complete, want 9 in 10", form, complete, refreshes)
		}
	}
}

// A server that answers in another form than it was known to has changed, or is no
// longer the one that answers.
func TestTheFormChanges(t *testing.T) {
	a := newAnswerer(mid(5, 500, 60, 3, 200), 5, 200)
	f := &faulty{answerer: a, form: Form404}
	m := NewMemory()
	f.refresh(t, m, Limits{Addresses: 100})
	f.form = FormOther
	gone := slices.Sorted(maps.Keys(m.lessons.Addresses))[0]
	for _, i := range slices.Clone(a.by[Query{IP: gone}]) {
		a.remove(i)
	}
	a.most = 40 // too few to list all
	r := f.refresh(t, m, Limits{Addresses: 100})
	if slices.Contains(r.FullyListed, Query{IP: gone}) {
		t.Errorf("got an end proven by an answer in a form that was never probed, want none")
	}
	a.most = 200
	f.refresh(t, m, Limits{Addresses: 100})
	if got := m.Capabilities().NoMatch; got != FormOther {
		t.Errorf("after the next probe: got form %d, want %d", got, FormOther)
	}
}

// A probe that is answered no match in another form than before has no answer to it,
// and what an earlier probe had proven may be of another server.
func TestTheFormChangesBeforeAProbe(t *testing.T) {
	a := newAnswerer(mid(5, 500, 60, 3, 200), 5, 200)
	f := &faulty{answerer: a, form: Form404}
	m := NewMemory()
	f.refresh(t, m, Limits{Addresses: 100})
	if got := m.Capabilities(); got.ExactIP != Exact || got.Combine != Yes {
		t.Fatalf("got %+v before, want exact addresses that combine", got)
	}
	f.form = FormOther
	a.now += probeEvery + 1
	f.refresh(t, m, Limits{Addresses: 100})
	if got := m.Capabilities(); got.ExactIP != Unknown || got.ExactStore != Unknown || got.Combine != Unknown || got.Case != Unknown {
		t.Errorf("got %+v, want what filters mean to be unknown", got)
	}
	f.refresh(t, m, Limits{Addresses: 100})
	if got := m.Capabilities(); got.NoMatch != FormOther || got.ExactIP != Exact || got.Combine != Yes {
		t.Errorf("got %+v after the next probe, want form %d, and exact addresses that combine", got, FormOther)
	}
}

// A server that says of everything what it says of no match has gone: it is not
// asked any more, and what it said before stands.
func TestEverythingWithoutAMatch(t *testing.T) {
	for _, form := range []Form{Form404, FormOther} {
		a := newAnswerer(mid(2, 500, 60, 3, 200), 2, 200)
		looks := 0
		x := &lookless{&faulty{answerer: a, form: form}, func() bool {
			looks++
			return looks == 2 || looks == 3 // after the probe's, and once more
		}}
		r, ok := Run(NewMemory(), Limits{Addresses: 100}, x)
		if !ok || r.Untrusted != "" || !slices.Contains(r.Notes, goneNote) || r.Complete && len(r.Listed) != r.Total {
			t.Errorf("form %d: got ok %v, untrusted %q, complete %v with %d of %d, notes %q; want true, none, all if complete, and the note %q", form, ok, r.Untrusted, r.Complete, len(r.Listed), r.Total, r.Notes, goneNote)
		}
	}
}

// A server that goes away during a refresh, so that something else answers all
// searches as it answered no match, ends no session and makes no zero: also where
// there is no time left to look at the total again.
func TestTheServerGoesAway(t *testing.T) {
	for _, more := range []int{1, 3, 30} {
		for from := 2; from <= 70; from += 3 {
			a := newAnswerer(mid(4, 2000, 150, 3, 700), 4, 200)
			gone := false
			x := &goner{&faulty{answerer: a, form: Form404}, func(n int) bool { return gone && n >= from }, 200}
			m := NewMemory()
			for turn := range 3 {
				a.asked, a.queries = 0, nil
				if gone = turn == 2; gone {
					x.stop = from + more
				}
				r, ok := Run(m, Limits{Addresses: 100, Idle: 900}, x)
				if !ok {
					t.Fatal("got no answer, want one")
				}
				if r.Untrusted != "" {
					continue
				}
				checkTruth(t, a, &r)
				if wrong, _ := falseEnds(a, &r, a.by[Query{}]); wrong > 0 {
					t.Errorf("gone from %d, and %d more: got %d sessions that are there and said to have ended, want 0", from, more, wrong)
				}
				// A zero is that of the server where no such search came after it had gone.
				after := func(is func(Query) bool) bool {
					return gone && slices.ContainsFunc(a.queries[min(from-1, len(a.queries)):], is)
				}
				if r.Expired == 0 && after(func(q Query) bool { return q.Expires != 0 && q.Fields() == 0 }) || r.Impersonating == 0 {
					t.Errorf("gone from %d, and %d more: got %d expired, %d impersonating, want neither known as 0", from, more, r.Expired, r.Impersonating)
				}
			}
		}
	}
}

// goner answers everything as no match from some search on.
type goner struct {
	*faulty
	gone func(n int) bool
	stop int // time runs out after so many
}

func (g *goner) Remaining() int { return max(min(g.faulty.Remaining(), g.stop-g.asked), 0) }

func (g *goner) Search(qs []Query) []Answer {
	before := g.asked
	answers := g.faulty.Search(qs)
	for i := range answers {
		if g.gone(before + i + 1) {
			answers[i] = Answer{Outcome: NoMatch, Form: g.form}
		}
	}
	return answers
}

// lookless answers some searches for everything in the form of no match.
type lookless struct {
	*faulty
	lose func() bool
}

func (l *lookless) Search(qs []Query) []Answer {
	before := l.asked
	answers := l.faulty.Search(qs)
	for i := range answers {
		if before+i > 0 && qs[i] == (Query{}) && l.lose() {
			answers[i] = Answer{Outcome: NoMatch, Form: l.form}
		}
	}
	return answers
}
