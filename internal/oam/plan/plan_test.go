package plan

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
)

// seeds is how many worlds of a kind are tried: all of them with SOAK=1.
func seeds(everyday, all uint64) uint64 {
	if os.Getenv("SOAK") != "" {
		return all
	}
	return everyday
}

func ceil(n int) float64 { return float64((n + Window - 1) / Window) }

// refreshOf runs a refresh and checks all that it says against the truth.
func refreshOf(t *testing.T, a *answerer, m *Memory, l Limits) Result {
	t.Helper()
	a.asked = 0
	r, ok := Run(m, l, a)
	if !ok || r.Untrusted != "" {
		t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
	}
	checkTruth(t, a, &r)
	return r
}

func checkTruth(t *testing.T, a *answerer, r *Result) {
	t.Helper()
	if total := len(a.by[Query{}]); r.Total != total {
		t.Errorf("got a total of %d, want %d", r.Total, total)
	}
	for ip, n := range r.Addresses {
		if got := len(a.by[Query{IP: ip}]); got != n {
			t.Errorf("%s: got %d, want %d", ip, n, got)
		}
	}
	for v, n := range r.Stores {
		if got := len(a.by[Query{Store: v}]); got != n {
			t.Errorf("%s: got %d, want %d", v, n, got)
		}
	}
	if n := len(a.by[Query{Flag: Impersonating}]); r.Impersonating >= 0 && r.Impersonating != n {
		t.Errorf("got %d impersonating, want %d", r.Impersonating, n)
	}
	if r.Complete != (len(r.Listed) == r.Total) {
		t.Errorf("got complete %v, want %v: %d of %d are listed", r.Complete, !r.Complete, len(r.Listed), r.Total)
	}
}

func mid(seed uint64, n, ips, stores, users int) *world.World {
	return world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: n, Addresses: ips, Stores: stores, Users: users})
}

// numbered renames the users to user1, user2 and so on.
func numbered(a *answerer) {
	names := map[string]string{}
	a.by = map[Query][]int{}
	for i := range a.all {
		r := &a.all[i]
		if names[r.User] == "" {
			names[r.User] = fmt.Sprintf("user%d", len(names)+1)
		}
		r.User = names[r.User]
		for _, k := range keys(r) {
			a.by[k] = append(a.by[k], i)
		}
	}
}

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name                  string
		n, ips, stores, users int
		fixed, wildcard       bool
		most                  int
		complete              bool
		first                 int     // queries
		later                 float64 // queries by windows
		listed                float64 // share, from the second refresh
	}{
		{"20", 20, 10, 2, 15, true, false, 200, true, 1, 1, 1},
		{"500 drawn", 500, 60, 3, 200, false, false, 200, true, 200, 4, 1},
		{"500 fixed", 500, 60, 3, 200, true, false, 200, false, 200, 99, .85},
		{"3000 drawn", 3000, 400, 4, 1200, false, false, 1200, true, 1000, 4, 1},
		{"3000 fixed", 3000, 400, 4, 1200, true, false, 1200, false, 1200, 99, .8},
		{"3000 drawn, wildcard", 3000, 400, 4, 1200, false, true, 650, true, 400, 2.2, 1},
		{"3000 fixed, wildcard", 3000, 400, 4, 1200, true, true, 650, true, 650, 3.5, 1},
	} {
		for seed := range seeds(2, 12) {
			t.Run(fmt.Sprint(c.name, " ", seed), func(t *testing.T) {
				a := newAnswerer(mid(seed, c.n, c.ips, c.stores, c.users), seed, c.most)
				a.fixed, a.wildcard = c.fixed, c.wildcard
				if seed%2 == 1 {
					numbered(a)
				}
				m := NewMemory()
				for turn := range 4 {
					r := refreshOf(t, a, m, Limits{Addresses: 100})
					share := float64(len(r.Listed)) / float64(r.Total)
					t.Logf("refresh %d: %d queries (%.2f × N/28), %.1f %% listed, %d addresses counted", turn+1, a.asked, float64(a.asked)/ceil(c.n), 100*share, len(r.Addresses))
					if c.complete && !r.Complete {
						t.Errorf("got %d of %d listed, want all", len(r.Listed), r.Total)
					}
					most := float64(c.first)
					if turn > 0 {
						most = c.later * ceil(c.n)
					}
					if float64(a.asked) > most {
						t.Errorf("got %d queries, want at most %.0f", a.asked, most)
					}
					if turn > 0 && share < c.listed {
						t.Errorf("got a share of %.3f listed, want at least %.3f", share, c.listed)
					}
					if !r.Complete && turn > 0 && (len(r.Addresses) < min(c.ips, 100)-5 || len(r.Stores) < c.stores) {
						t.Errorf("got %d addresses and %d stores, want at least %d and %d", len(r.Addresses), len(r.Stores), min(c.ips, 100)-5, c.stores)
					}
				}
			})
		}
	}
}

// A user with more sessions on one address than a window lists can't be listed
// whole where rows are fixed. All others are, and the refresh does not burn its
// budget on it.
func TestAUserWithSixtySessionsOnOneAddress(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		a := newAnswerer(mid(1, 3000, 400, 4, 1200), 1, 1200)
		a.fixed, a.wildcard = fixed, true
		for range 60 {
			r := a.all[0]
			r.User, r.IP, r.Created = "build.robot", "10.9.9.9", a.now-3600
			a.add(r, r.Used)
		}
		m := NewMemory()
		for turn := range 3 {
			r := refreshOf(t, a, m, Limits{Addresses: 100})
			hidden := 0
			if fixed {
				hidden = 60 - Window
			}
			t.Logf("fixed %v, refresh %d: %d queries, %d of %d", fixed, turn+1, a.asked, len(r.Listed), r.Total)
			if len(r.Listed) != r.Total-hidden || turn > 0 && float64(a.asked) > 4*ceil(r.Total) {
				t.Errorf("fixed %v, refresh %d: got %d of %d listed by %d queries, want %d, later by at most %.0f", fixed, turn+1, len(r.Listed), r.Total, a.asked, r.Total-hidden, 4*ceil(r.Total))
			}
		}
	}
}

func TestLargeWorlds(t *testing.T) {
	for seed := range seeds(1, 10) {
		w := mid(seed, 100_000, 5000, 6, 30_000)
		for _, c := range []struct {
			name          string
			fixed, noTime bool
			third, fifth  int // addresses that may be missing
		}{
			{"drawn", false, false, 5, 2},
			{"fixed", true, false, 12, 8},
			{"fixed, times ignored", true, true, 12, 8},
		} {
			t.Run(fmt.Sprintf("%s %d", c.name, seed), func(t *testing.T) {
				a := newAnswerer(w, seed, 200)
				a.fixed = c.fixed
				if c.noTime {
					a.spoil = func(_ *answerer, q *Query, _ *Row) bool {
						q.Expires, q.Used = 0, 0
						return true
					}
				}
				m := NewMemory()
				for turn := range 5 {
					r := refreshOf(t, a, m, Limits{Addresses: 100})
					var sizes []int
					for _, n := range r.Addresses {
						sizes = append(sizes, n)
					}
					slices.Sort(sizes)
					slices.Reverse(sizes)
					if turn < 2 && len(sizes) < 100 {
						continue
					}
					if len(sizes) < 100 || len(r.Stores) != 6 {
						t.Fatalf("got %d addresses and %d stores, want at least 100 and 6", len(sizes), len(r.Stores))
					}
					missing := 0
					for k, l := range a.by {
						if k.IP != "" && 10*len(l) > 11*sizes[99]+20 {
							if _, ok := r.Addresses[k.IP]; !ok {
								missing++
							}
						}
					}
					t.Logf("refresh %d: %d queries, %d asked, %d missing, smallest %d, sampled %.0f", turn+1, a.asked, len(sizes), missing, sizes[99], m.lessons.Sampled)
					most := map[int]int{2: c.third, 4: c.fifth}
					if n, ok := most[turn]; ok && missing > n {
						t.Errorf("got %d addresses missing, want at most %d", missing, n)
					}
				}
			})
		}
	}
}

// Once the largest addresses are known, a refresh takes little more than a query
// for each, and still finds what is new, or has grown.
func TestWhatIsNewIsFoundInLargeWorlds(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		for seed := range seeds(1, 5) {
			t.Run(fmt.Sprintf("fixed %v %d", fixed, seed), func(t *testing.T) {
				a := newAnswerer(mid(seed, 100_000, 5000, 6, 30_000), seed, 200)
				a.fixed = fixed
				m := NewMemory()
				for range 12 {
					refreshOf(t, a, m, Limits{Addresses: 100})
				}
				if a.asked > 160 {
					t.Errorf("got %d queries for what is known, want at most 160", a.asked)
				}
				grown, least := "", 50
				for ip, l := range m.lessons.Addresses {
					if l.Size > 0 && (l.Size < least || l.Size == least && ip < grown) {
						grown, least = ip, l.Size
					}
				}
				for _, ip := range []string{"192.0.2.77", grown} {
					for range 1000 { // of all users
						r := a.all[a.rand.IntN(len(a.all))]
						r.IP, r.Created = ip, a.now
						a.add(r, a.now)
					}
				}
				a.now += 30
				found := map[string]int{}
				for turn := range 8 {
					r := refreshOf(t, a, m, Limits{Addresses: 100})
					for _, ip := range []string{"192.0.2.77", grown} {
						if found[ip] == 0 && r.Addresses[ip] > 0 {
							found[ip] = turn + 1
						}
					}
				}
				if t.Logf("found in refreshes %v", found); len(found) < 2 {
					t.Errorf("got %d of two addresses found, want both", len(found))
				}
			})
		}
	}
}

// The planner alone, at 100,000 sessions; the answerer's time is not counted.
func BenchmarkPlanner(b *testing.B) {
	a := newAnswerer(mid(1, 100_000, 5000, 6, 30_000), 1, 200)
	timed := &timedAnswerer{answerer: a, b: b}
	m := NewMemory()
	queries := 0
	b.ReportAllocs()
	for b.Loop() {
		a.asked = 0
		if _, ok := Run(m, Limits{Addresses: 100}, timed); !ok {
			b.Fatal("got no answer, want one")
		}
		queries += a.asked
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(queries)/1e6, "ms/query")
	b.ReportMetric(float64(m.Lessons()), "lessons")
}

type timedAnswerer struct {
	*answerer
	b *testing.B
}

func (t *timedAnswerer) Search(qs []Query) []Answer {
	t.b.StopTimer()
	defer t.b.StartTimer()
	return t.answerer.Search(qs)
}
