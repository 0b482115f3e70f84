package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestWhatShowsASetWhole(t *testing.T) {
	type step struct {
		q Query
		a Answer
	}
	row := func(ref int, user, ip, store string) Row {
		return Row{Ref: ref, User: user, IP: ip, Store: store, Created: 1000}
	}
	ann, bob, eve := row(0, "ann", "10.0.0.1", "oud"), row(1, "bob", "10.0.0.1", "oud"), row(2, "ann", "10.0.0.2", "ad")
	of := func(rows ...Row) Answer { return Answer{Total: len(rows), Rows: rows} }
	many := func(n int) (rows []Row) {
		for i := range n {
			rows = append(rows, row(100+i, fmt.Sprint("u", i), "10.0.0.9", "oud"))
		}
		return rows
	}
	ip := Query{IP: "10.0.0.1"}
	none := Query{}
	for _, c := range []struct {
		name   string
		change func(*Memory)
		steps  []step
		want   []Query
	}{
		{"an address", nil, []step{{ip, of(ann, bob)}}, []Query{ip}},
		{"more than is listed", nil, []step{{ip, Answer{Total: 3, Rows: []Row{ann, bob}}}}, nil},
		{"an address, where a store is found only by its name", nil, []step{{none, Answer{Total: 90, Rows: []Row{bob}}}, {Query{Store: "ad"}, of(eve)}, {ip, of(ann, bob)}},
			[]Query{{Store: "ad"}, {IP: "10.0.0.1", Store: "oud"}}},
		{"an address that contradicts, where a store is found only by its name", nil, []step{{Query{Store: "ad"}, of(eve)}, {ip, of(ann)}, {Query{Store: "ad"}, of(eve)}, {none, Answer{Total: 90, Rows: []Row{bob}}}},
			[]Query{{Store: "ad"}}},
		{"asked again, and no longer whole", nil, []step{{ip, of(ann)}, {ip, Answer{Total: 3, Rows: []Row{ann, bob}}}}, nil},
		{"asked again, and whole", nil, []step{{ip, Answer{Total: 3, Rows: []Row{ann, bob}}}, {ip, of(ann)}}, []Query{ip}},
		{"a user is one of each store listed", nil, []step{{Query{User: "ann"}, of(ann, eve)}}, []Query{{User: "ann", Store: "oud"}, {User: "ann", Store: "ad"}}},
		{"a user of one store", nil, []step{{Query{User: "ann"}, of(ann)}}, []Query{{User: "ann", Store: "oud"}}},
		{"a part of another user's name", nil, []step{{Query{User: "an"}, of(ann)}}, nil},
		{"no rows of a user", nil, []step{{Query{User: "ann"}, of()}}, nil},
		{"a store", nil, []step{{Query{Store: "ad"}, of(eve)}}, []Query{{Store: "ad"}}},
		{"a part of an address", nil, []step{{Query{IP: "10.0.0.1", User: "ann"}, of(ann)}}, []Query{{IP: "10.0.0.1", User: "ann", Store: "oud"}}},
		{"parts, where filters may not combine", func(m *Memory) { m.proven.Can.Combine = Unknown }, []step{{Query{IP: "10.0.0.1", User: "ann"}, of(ann)}}, nil},
		{"an empty part", nil, []step{{Query{IP: "10.0.0.1", Store: "oud"}, of()}}, nil},
		{"addresses not known to be exact", func(m *Memory) { m.proven.Can.ExactIP = Unknown }, []step{{ip, of(ann)}}, nil},
		{"loose addresses", func(m *Memory) { m.proven.Can.ExactIP = Loose }, []step{{ip, of(ann)}}, nil},
		{"stores not known to be exact", func(m *Memory) { m.proven.Can.ExactStore = Unknown }, []step{{Query{Store: "ad"}, of(eve)}, {ip, of(ann)}}, []Query{{IP: "10.0.0.1", Store: "oud"}}},
		{"a row of another address", nil, []step{{ip, of(ann, eve)}}, nil},
		{"another address's answer did not fit", nil, []step{{ip, of(ann)}, {Query{IP: "10.0.0.3"}, Answer{Total: 30, Rows: []Row{eve}}}}, nil},
		{"another case, where it may matter", func(m *Memory) { m.proven.Can.Case = Unknown }, []step{{Query{Store: "OUD"}, of(ann)}}, nil},
		{"another case, where it is ignored: as rows spell it", func(m *Memory) { m.proven.Can.Case = Insensitive }, []step{{Query{Store: "OUD"}, of(ann)}}, []Query{{Store: "oud"}}},
		{"times", nil, []step{{Query{IP: "10.0.0.1", Expires: 5}, of(ann)}, {Query{Store: "oud", Used: 5}, of(ann)}}, nil},
		{"the flag", nil, []step{{Query{Flag: Plain}, of(ann)}, {Query{Store: "oud", Flag: Plain}, of(ann)}}, nil},
		{"wildcards", nil, []step{{Query{IP: "10.0.0.*"}, of(ann)}, {Query{User: "a*"}, of(ann)}, {Query{User: "*"}, of(row(9, "*", "10.0.0.8", "oud"))}}, nil},
		{"everything", nil, []step{{none, of(ann, bob, eve)}}, nil},
		{"a whole window", nil, []step{{Query{IP: "10.0.0.9"}, of(many(Window)...)}}, []Query{{IP: "10.0.0.9"}}},
		{"a whole window, where there may be no more than that", func(m *Memory) { m.proven.Beyond = false }, []step{{Query{IP: "10.0.0.9"}, of(many(Window)...)}, {ip, of(ann)}}, []Query{ip}},
		{"empty, and never found", nil, []step{{ip, of()}, {Query{Store: "ad"}, of()}}, nil},
		{"empty, found before", func(m *Memory) {
			m.proven.Found[ip] = 1000
			m.proven.Found[Query{Store: "ad"}] = 1000
		}, []step{{ip, of()}, {Query{Store: "ad"}, of()}}, []Query{ip, {Store: "ad"}}},
		{"empty, seen before, but not by asking for it", func(m *Memory) {
			m.lessons.Addresses[ip.IP] = lesson{Size: -1, Samples: 9}
			m.lessons.Stores["ad"] = 1000
		}, []step{{ip, of()}, {Query{Store: "ad"}, of()}}, nil},
		{"empty, found days ago", func(m *Memory) { m.proven.Found[Query{Store: "ad"}] = 2000 - 2*forgetAfter }, []step{{Query{Store: "ad"}, of()}}, nil},
		{"a 404", func(m *Memory) { m.proven.Found[ip] = 1000 }, []step{{ip, Answer{Outcome: NoMatch, Form: Form404}}}, nil},
		{"a 404, as is usual", func(m *Memory) {
			m.proven.Found[ip] = 1000
			m.proven.Can.NoMatch = Form404
		}, []step{{ip, Answer{Outcome: NoMatch, Form: Form404}}}, nil},
		{"a 404, as is usual, again and again", func(m *Memory) {
			m.proven.Found[ip] = 1000
			m.proven.Can.NoMatch = Form404
		}, []step{{ip, Answer{Outcome: NoMatch, Form: Form404}}, {ip, Answer{Outcome: NoMatch, Form: Form404}}, {ip, Answer{Outcome: NoMatch, Form: Form404}}}, []Query{ip}},
		{"a 404, as is usual, and then a session", func(m *Memory) {
			m.proven.Found[ip] = 1000
			m.proven.Can.NoMatch = Form404
		}, []step{{ip, Answer{Outcome: NoMatch, Form: Form404}}, {ip, of(ann)}, {ip, Answer{Outcome: NoMatch, Form: Form404}}}, nil},
		{"a 204, where a 404 is usual", func(m *Memory) {
			m.proven.Found[ip] = 1000
			m.proven.Can.NoMatch = Form404
		}, []step{{ip, Answer{Outcome: NoMatch, Form: Form204}}}, nil},
		{"a session that is listed before", nil, []step{{none, Answer{Total: 90, Rows: []Row{bob}}}, {ip, of(ann)}}, []Query{ip}},
		{"a session that is listed at the same time", nil, []step{{ip, of(ann)}, {none, Answer{Total: 90, Rows: []Row{bob}}}}, []Query{ip}},
		{"a session that is listed later", nil, []step{{ip, of(ann)}, {Query{Store: "ad"}, of(eve)}, {none, Answer{Total: 90, Rows: []Row{bob}}}}, []Query{{Store: "ad"}}},
		{"a young session that is listed later", nil, []step{{ip, of(ann)}, {Query{Store: "ad"}, of(eve)}, {none, Answer{Total: 90, Rows: []Row{{Ref: 7, IP: ip.IP, Store: "oud", Created: 1990}, eve}}}}, []Query{ip, {Store: "ad"}}},
		{"contradicted hours ago", func(m *Memory) { m.proven.Doubted[fieldIP] = 1500 }, []step{{ip, of(ann)}, {Query{Store: "ad"}, of(eve)}}, []Query{{Store: "ad"}}},
		{"contradicted long ago", func(m *Memory) { m.proven.Doubted[fieldIP] = 2000 - doubtFor }, []step{{ip, of(ann)}}, []Query{ip}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMemory()
			m.proven.Can = Capabilities{Combine: Yes, ExactIP: Exact, ExactStore: Exact, Case: Sensitive, NoMatch: FormTotal}
			m.proven.Beyond = true
			if c.change != nil {
				c.change(m)
			}
			s := &refresh{client: &answerer{}, memory: m, heard: func(Query, *Answer, int) {}}
			s.begin(2000)
			s.take(Query{}, &Answer{At: 2000, Total: 90})
			form := m.proven.Can.NoMatch
			for _, q := range []Query{{IP: nowhere}, {User: nobody}, {Store: nobody}} {
				if form == FormTotal {
					s.noMatch.Zero(q)
				}
				for ask := range s.noMatch.Settle(q, form, func() int { return 9 }) {
					ask.Answer, ask.Answered = Answer{Outcome: NoMatch, Form: form}, true
				}
			}
			for _, x := range c.steps {
				s.take(x.q, &x.a)
			}
			got := s.log.Result().FullyListed
			same := len(got) == len(c.want)
			for _, q := range c.want {
				same = same && slices.Contains(got, q)
			}
			if !same {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A session that tells no createTime may have begun after the first search: it is
// not in the list, but no set lacks it.
func TestBesidesWhatIsListed(t *testing.T) {
	a := newAnswerer(mid(4, 2000, 150, 3, 700), 4, 200)
	for i := range a.all {
		a.all[i].Created = 0
	}
	m := NewMemory()
	for range 2 {
		a.asked = 0
		r, ok := Run(m, Limits{Addresses: 100}, a)
		if !ok || len(r.FullyListed) == 0 || len(r.Listed) > 2*Window {
			t.Fatalf("got ok %v, %d sets fully listed, %d sessions, want true, one or more, at most %d", ok, len(r.FullyListed), len(r.Listed), 2*Window)
		}
		if wrong, _ := falseEnds(a, &r, a.by[Query{}]); wrong > 0 {
			t.Errorf("got %d sessions that are there and missing in %v, want 0", wrong, r.FullyListed)
		}
	}
}

// drop ends a session.
func (a *answerer) drop(i int) {
	for _, k := range keys(&a.all[i]) {
		a.by[k] = slices.DeleteFunc(slices.Clone(a.by[k]), func(o int) bool { return o == i })
	}
}

func includes(q Query, r *Row) bool {
	return (q.User == "" || q.User == r.User && q.Store == r.Store) && (q.IP == "" || q.IP == r.IP) && (q.Store == "" || q.Store == r.Store)
}

// falseEnds counts the sessions that were there all the while, and that a set
// listed whole is said to lack; and those that ended and are proven to.
func falseEnds(a *answerer, r *Result, before []int) (wrong, right int) {
	seen := map[int]bool{}
	for _, refs := range [][]int{r.Listed, r.ListedLater} {
		for _, ref := range refs {
			seen[ref] = true
		}
	}
	alive := map[int]bool{}
	for _, i := range a.by[Query{}] {
		alive[i] = true
	}
	for _, i := range before {
		if !seen[i] && slices.ContainsFunc(r.FullyListed, func(q Query) bool { return includes(q, &a.all[i]) }) {
			if alive[i] {
				wrong++
			} else {
				right++
			}
		}
	}
	return wrong, right
}

// While sessions come and go, no set listed whole lacks one that is there.
func TestWholeSetsLackOnlyWhatEnded(t *testing.T) {
	proven := 0
	for seed := range seeds(8, 100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			n := []int{300, 1000, 3000}[seed%3]
			a := newAnswerer(mid(seed, n, n/8, 3, n/3), seed, 200)
			a.fixed, a.wildcard = seed%2 == 1, seed%4 > 1
			churn := func(i int) {
				if n < 1000 && i%4 > 0 {
					return // else parts that are asked later differ by too much to be trusted
				}
				for range 1 + n/1000 {
					all := a.by[Query{}]
					i := all[r.IntN(len(all))]
					a.drop(i)
					like := a.all[all[r.IntN(len(all))]]
					like.Created = a.now
					if r.IntN(4) > 0 {
						a.add(like, a.now)
					}
				}
			}
			m := NewMemory()
			for range 6 {
				before := slices.Clone(a.by[Query{}])
				for range 5 {
					churn(0)
				}
				a.now += 60
				a.asked, a.before = 0, churn
				res, ok := Run(m, Limits{Addresses: 100}, a)
				if !ok || res.Untrusted != "" {
					t.Fatalf("got ok %v, untrusted %q, want true and none", ok, res.Untrusted)
				}
				wrong, right := falseEnds(a, &res, before)
				if wrong > 0 {
					t.Errorf("got %d sessions that are there and missing in %v, want 0", wrong, res.FullyListed)
				}
				proven += right
			}
		})
	}
	t.Logf("%d ends proven", proven)
	if proven == 0 {
		t.Errorf("got no end proven, want one or more")
	}
}

// Where nothing moves, the sets listed whole are those whose answer fitted.
func TestWholeSets(t *testing.T) {
	for _, wildcard := range []bool{false, true} {
		a := newAnswerer(mid(3, 2000, 150, 12, 700), 3, 200)
		a.wildcard = wildcard
		m := NewMemory()
		for turn := range 3 {
			a.queries = nil
			r := refreshOf(t, a, m, Limits{Addresses: 100})
			want := map[Query]bool{}
			for i, q := range a.queries {
				if turn == 0 && i < 20 || q.Flag != AnyFlag || q.Expires != 0 || q.Used != 0 || strings.Contains(q.User+q.IP, "*") || q == (Query{}) {
					continue // of the probe, only some are of use
				}
				n := 0
				for i := range a.all {
					if a.holds(q, &a.all[i]) {
						n++
					}
				}
				if n == 0 || n > Window {
					continue
				}
				for i := range a.all {
					if a.holds(q, &a.all[i]) {
						want[a.all[i].Of(q.Kinds())] = true
					}
				}
			}
			if r.Complete {
				t.Fatalf("got a complete list, want one that lacks some")
			}
			single := map[kinds]int{}
			for _, q := range r.FullyListed {
				single[q.Kinds()]++
				if !want[q] && turn > 0 {
					t.Errorf("got %+v as fully listed, want only sets that were asked for", q)
				}
				delete(want, q)
			}
			if len(want) > 0 {
				t.Errorf("refresh %d: not among the sets: %v", turn, want)
			}
			t.Logf("refresh %d: %d sets, %v", turn, len(r.FullyListed), single)
			if single[ofIP] < 10 {
				t.Errorf("got sets %v, want 10 or more by address alone", single)
			}
		}
	}
}

// twisted answers some searches otherwise.
type twisted struct {
	*answerer
	twist func(Query, *Answer)
}

func (t *twisted) Search(qs []Query) []Answer {
	out := t.answerer.Search(qs)
	for i := range out {
		t.twist(qs[i], &out[i])
	}
	return out
}

// Of a filter that may not find what it should, sets prove nothing.
func TestSetsThatProveNothing(t *testing.T) {
	only := func(a *Answer, keep func(*Row) bool) {
		a.Rows = slices.DeleteFunc(slices.Clone(a.Rows), func(r Row) bool { return !keep(&r) })
		if a.Total <= Window {
			a.Total = len(a.Rows)
		}
	}
	none := func(a *Answer) { a.Rows, a.Total = nil, 0 }
	single := func(q Query) field { return q.Field() }
	const tiny = "tiny.store"
	for _, c := range []struct {
		name  string
		twist func(*answerer) func(Query, *Answer)
	}{
		{"addresses are never found", func(*answerer) func(Query, *Answer) {
			return func(q Query, a *Answer) {
				if q.IP != "" {
					none(a)
				}
			}
		}},
		{"some addresses are never found", func(*answerer) func(Query, *Answer) {
			return func(q Query, a *Answer) {
				if q.IP != "" && q.IP[len(q.IP)-1]%2 == 0 {
					none(a)
				}
			}
		}},
		{"a store is never found", func(*answerer) func(Query, *Answer) {
			return func(q Query, a *Answer) {
				if q.Store == tiny {
					none(a)
				}
			}
		}},
		{"users are found in one store only", func(x *answerer) func(Query, *Answer) {
			return func(q Query, a *Answer) {
				if q.User != "" && q.Store == "" {
					only(a, func(r *Row) bool { return r.Store == x.all[0].Store })
				}
			}
		}},
		{"addresses tell total and rows that differ", func(*answerer) func(Query, *Answer) {
			return func(q Query, a *Answer) {
				if q.IP != "" && len(a.Rows) > 1 && a.Total <= Window {
					a.Rows = a.Rows[1:]
				}
			}
		}},
		{"a window is full and nothing is known to be beyond", func(*answerer) func(Query, *Answer) {
			return func(_ Query, a *Answer) { a.Total = len(a.Rows) }
		}},
		{"a 404 where no match is a 200", func(*answerer) func(Query, *Answer) {
			asked := 0
			return func(q Query, a *Answer) {
				if asked++; asked > 200 && single(q) == fieldIP && q.IP[len(q.IP)-1]%2 == 0 {
					none(a)
					a.Outcome, a.Form = NoMatch, Form404
				}
			}
		}},
		{"addresses find other addresses too", func(x *answerer) func(Query, *Answer) {
			return func(q Query, a *Answer) {
				if single(q) == fieldIP && a.Total > 1 && a.Total <= Window {
					a.Rows = slices.Clone(a.Rows)
					a.Rows[0] = x.all[x.by[Query{Store: x.all[0].Store}][0]]
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAnswerer(mid(4, 2000, 150, 3, 700), 4, 200)
			for i := range 9 {
				a.add(Row{User: fmt.Sprint("u", i), Store: tiny, IP: a.all[i].IP, Created: a.now - 600, Expires: a.now + 600}, a.now)
			}
			x := &twisted{a, c.twist(a)}
			m := NewMemory()
			for range 3 {
				a.asked = 0
				r, ok := Run(m, Limits{Addresses: 100, Stores: []string{tiny}}, x)
				if !ok || r.Complete {
					t.Fatalf("got ok %v, complete %v, want true, false", ok, r.Complete)
				}
				if wrong, _ := falseEnds(a, &r, a.by[Query{}]); wrong > 0 {
					t.Errorf("got %d sessions that are there and missing in %v, want 0", wrong, r.FullyListed)
				}
			}
		})
	}
}

// What turns up after a set that should hold it came without it takes all such
// sets away, for as long as that is remembered.
func TestAContradictedSetProvesNothing(t *testing.T) {
	a := newAnswerer(mid(4, 2000, 150, 3, 700), 4, 200)
	lie := true
	x := &twisted{a, func(q Query, found *Answer) {
		if lie && q.IP != "" && q.Store == "" && found.Total > 2 && found.Total <= Window {
			found.Rows = found.Rows[:len(found.Rows)/2] // some of its sessions it never finds
			found.Total = len(found.Rows)
		}
	}}
	m := NewMemory()
	contradicted := false
	for turn := range 4 {
		a.asked = 0
		lie = turn < 2
		r, ok := Run(m, Limits{Addresses: 100}, x)
		if !ok || r.Complete {
			t.Fatalf("got ok %v, complete %v, want true, false", ok, r.Complete)
		}
		byIP := slices.ContainsFunc(r.FullyListed, func(q Query) bool { return q.IP != "" })
		contradicted = contradicted || !byIP
		if contradicted && byIP {
			t.Errorf("refresh %d: got sets by address, want none", turn)
		}
	}
	if !contradicted {
		t.Errorf("got sets by address in every refresh, want none after the contradiction")
	}
	a.now += doubtFor
	a.asked = 0
	if r, ok := Run(m, Limits{Addresses: 100}, x); !ok || !slices.ContainsFunc(r.FullyListed, func(q Query) bool { return q.IP != "" }) {
		t.Errorf("got ok %v, sets %v, want one by address again", ok, r.FullyListed)
	}
}

// An address that was found before, and has no sessions left, is a set too.
func TestAnEmptySet(t *testing.T) {
	a := newAnswerer(mid(4, 2000, 150, 3, 700), 4, 200)
	m := NewMemory()
	r := refreshOf(t, a, m, Limits{Addresses: 100})
	i := slices.IndexFunc(r.FullyListed, func(q Query) bool { return q.Kinds() == ofIP })
	if i < 0 {
		t.Fatalf("got %v, want an address listed whole", r.FullyListed)
	}
	ip := r.FullyListed[i].IP
	const never = "203.0.113.77" // asked for because it is remembered, and never found
	m.lessons.Addresses[never] = lesson{Size: -1, Samples: 50, At: a.now}
	for _, v := range []string{ip, never} {
		for _, i := range a.by[Query{IP: v}] {
			a.drop(i)
		}
	}
	r = refreshOf(t, a, m, Limits{Addresses: 100})
	if !slices.Contains(r.FullyListed, Query{IP: ip}) {
		t.Errorf("got %v, want the emptied address %s among them", r.FullyListed, ip)
	}
	if slices.Contains(r.FullyListed, Query{IP: never}) {
		t.Errorf("got the address %s, never found, as fully listed, want it not", never)
	}
	if !slices.Contains(a.queries, Query{IP: never}) {
		t.Errorf("got no search for %s, want one", never)
	}
}
