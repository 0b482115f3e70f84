package plan

import (
	"fmt"
	"testing"
)

// swap makes n sessions end and as many begin, stamped by a clock that is some
// seconds slow.
func (a *answerer) swap(n int, slow int64) {
	for range n {
		a.remove(a.by[Query{}][a.rand.IntN(len(a.by[Query{}]))])
		a.now -= slow
		a.login()
		a.now += slow
	}
}

// Sessions that came instead of others make a list longer than the total, once.
// That is no limit of the search: when all is quiet, the same total is believed.
func TestSwappedSessionsAreNotTakenForALimit(t *testing.T) {
	for _, n := range []int{28, 29, 48, 100, 300} {
		for _, slow := range []int64{0, 4} {
			for seed := range seeds(5, 60) {
				t.Run(fmt.Sprintf("%d sessions, %d s slow, %d", n, slow, seed), func(t *testing.T) {
					a := newAnswerer(mid(seed, n, n/6, 2, n/3), seed, 200)
					m := NewMemory()
					m.proven.Beyond = n > Window
					for turn := range 3 {
						a.now += 100
						a.asked = 0
						a.before = func(i int) {
							if turn == 0 && i%2 == 0 && i <= 40 {
								a.swap(max(n/40, 1), slow)
							}
						}
						r, ok := Run(m, Limits{Addresses: 100}, a)
						if !ok {
							t.Fatal("got no answer, want one")
						}
						if turn == 0 {
							continue
						}
						if r.Untrusted != "" || m.proven.Can.Total == Capped || !r.Complete && n > Window {
							t.Fatalf("refresh %d: got untrusted %q, complete %v, total capped: %v; want a trusted, complete and uncapped one", turn+1, r.Untrusted, r.Complete, m.proven.Can.Total == Capped)
						}
					}
				})
			}
		}
	}
}

// One session more than a window, of a server that counts no further.
func TestOneMoreThanAWindowThatIsTheLimit(t *testing.T) {
	for more := 1; more <= 4; more++ {
		found := 0
		for seed := range uint64(20) {
			a := newAnswerer(mid(seed, Window+more, 8, 2, 12), seed, 200)
			a.cap = Window
			r, ok := Run(NewMemory(), Limits{Addresses: 100}, a)
			if !ok || r.Complete {
				t.Errorf("%d more: got ok %v, complete %v, want true, false", more, ok, r.Complete)
			}
			if r.Untrusted != "" {
				found++
			}
		}
		if found < 15 {
			t.Errorf("%d more: got %d of 20 found, want at least 15", more, found)
		}
	}
}

// A limit that was found is disproved by a total above it, and forgotten.
func TestATotalAboveALimitDisprovesIt(t *testing.T) {
	a := newAnswerer(mid(3, 150, 30, 3, 60), 3, 200)
	a.cap = 100
	m := NewMemory()
	if r, ok := Run(m, Limits{Addresses: 100}, a); !ok || r.Untrusted == "" || m.proven.Can.Total != Capped {
		t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
	}
	a.cap = 0
	a.now += 60
	if r := refreshOf(t, a, m, Limits{Addresses: 100}); !r.Complete || m.proven.Limit != 0 {
		t.Errorf("got complete %v, remembered limit %d, want true, 0", r.Complete, m.proven.Limit)
	}
	// Nothing above it turns up, but it is no longer remembered.
	a.cap = 100
	a.now += 60
	if r, ok := Run(m, Limits{Addresses: 100}, a); !ok || r.Untrusted == "" {
		t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
	}
	a.cap = 0
	for len(a.by[Query{}]) > 60 {
		a.remove(a.by[Query{}][0])
	}
	a.now += suspectFor + 60
	a.asked = 0
	Run(m, Limits{Addresses: 100}, a)
	a.now += suspectFor + 60
	if r := refreshOf(t, a, m, Limits{Addresses: 100}); !r.Complete {
		t.Errorf("long after: got complete %v, want true", r.Complete)
	}
}
