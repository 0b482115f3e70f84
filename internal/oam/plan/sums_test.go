package plan

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// mover changes a world while it is refreshed.
type mover struct {
	a      *answerer
	rand   *rand.Rand
	every  int   // queries from one change to the next
	begin  int   // sessions that begin at each
	end    int   // sessions that end at each
	behind int64 // seconds by which the clock that stamps sessions is slow
	same   bool  // all that begins is like one session
	moved  int
}

func (m *mover) before(n int) {
	a := m.a
	if n == 1 || n%m.every != 0 {
		return
	}
	if m.rand.IntN(2) == 0 {
		a.now++
	}
	for range m.end {
		if alive := a.by[Query{}]; len(alive) > 1 {
			a.remove(alive[m.rand.IntN(len(alive))])
			m.moved++
		}
	}
	alive := a.by[Query{}]
	like := a.all[alive[m.rand.IntN(len(alive))]]
	for range m.begin {
		r := like
		if !m.same {
			r = a.all[alive[m.rand.IntN(len(alive))]]
		}
		r.Created = a.now - m.behind
		a.add(r, a.now)
		m.moved++
	}
}

// addsUp checks what is handed over as whoever publishes it counts: what is
// listed is counted by its value where that was counted, each value is completed
// to its count, and the rest is of no known value. All that makes the total.
func addsUp(t *testing.T, a *answerer, r *Result) {
	t.Helper()
	if len(r.Listed) > r.Total || r.Complete && len(r.Listed) != r.Total {
		t.Errorf("got %d listed of %d, complete %v, want at most the total, and all of it if complete", len(r.Listed), r.Total, r.Complete)
	}
	for name, f := range map[string]struct {
		counted map[string]int
		of      func(*Row) string
	}{
		"addresses": {r.Addresses, func(r *Row) string { return r.IP }},
		"stores":    {r.Stores, func(r *Row) string { return r.Store }},
	} {
		listed := map[string]int{}
		for _, ref := range r.Listed {
			listed[f.of(&a.all[ref])]++
		}
		sum, all := 0, len(r.Listed)
		for v, n := range f.counted {
			if n < listed[v] {
				t.Errorf("%s: got %d sessions of %s, want at least the %d that are listed", name, n, v, listed[v])
			}
			sum, all = sum+n, all+max(n-listed[v], 0)
		}
		if sum > r.Total || all > r.Total {
			t.Errorf("%s: got counts that sum to %d, with what else is listed to %d, want at most %d", name, sum, all, r.Total)
		}
	}
}

// However a world moves while it is refreshed, the counts find room in its total.
func TestCountsFindRoomInTheTotal(t *testing.T) {
	published := 0
	for seed := range seeds(300, 5000) {
		r := rand.New(rand.NewPCG(seed, 3))
		pick := func(of ...int) int { return of[r.IntN(len(of))] }
		n := pick(29, 35, 48, 48, 60, 120, 300, 800)
		a := newAnswerer(mid(seed, n, pick(3, 8, n/8+1), pick(1, 2, 3, 5), n/3+1), seed, pick(40, 120, 200))
		a.fixed, a.wildcard = r.IntN(2) == 0, r.IntN(3) == 0
		m := &mover{a: a, rand: r, every: pick(3, 9, 25, 60), begin: pick(0, 1, 1, 2, 4), end: pick(0, 1, 1, 2, 4), behind: int64(pick(0, 0, 1, 4, 60)), same: r.IntN(3) == 0}
		a.before = m.before
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			memory := NewMemory()
			for range 3 {
				a.now += 30
				a.asked = 0
				res, ok := Run(memory, Limits{Addresses: pick(5, 100), Idle: 900}, a)
				if !ok {
					t.Fatal("got no answer, want one")
				}
				if res.Untrusted == "" {
					published++
					addsUp(t, a, &res)
				}
			}
			if t.Failed() {
				t.Logf("%d sessions; every %d queries %d begin and %d end, stamped %d s late", n, m.every, m.begin, m.end, m.behind)
			}
		})
	}
	t.Logf("%d refreshes were published", published)
}
