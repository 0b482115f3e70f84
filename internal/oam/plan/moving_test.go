package plan

import (
	"fmt"
	"slices"
	"testing"
)

// remove ends a session.
func (a *answerer) remove(ref int) {
	for _, k := range keys(&a.all[ref]) {
		if i := slices.Index(a.by[k], ref); i >= 0 {
			a.by[k] = slices.Delete(a.by[k], i, i+1)
		}
	}
}

// login begins a session like one that there is.
func (a *answerer) login() {
	alive := a.by[Query{}]
	r := a.all[alive[a.rand.IntN(len(alive))]]
	r.Created, r.Expires = a.now, a.now+24*3600
	a.add(r, a.now)
}

// While 1 % of the sessions change during a refresh, those listed were all alive
// when it began, what is counted was so when it was asked, and nothing is taken
// for a contradiction.
func TestMovingWorlds(t *testing.T) {
	for _, c := range []struct {
		name                        string
		n, ips, stores, users, most int
		fixed, wildcard, ramp       bool
	}{
		{name: "3000", n: 3000, ips: 400, stores: 4, users: 1200, most: 1200},
		{name: "3000 fixed, ramp", n: 3000, ips: 400, stores: 4, users: 1200, most: 1200, fixed: true, ramp: true},
		{name: "3000 wildcard", n: 3000, ips: 400, stores: 4, users: 1200, most: 650, wildcard: true},
		{name: "3000 wildcard, fixed, ramp", n: 3000, ips: 400, stores: 4, users: 1200, most: 650, wildcard: true, fixed: true, ramp: true},
		{name: "100000", n: 100_000, ips: 5000, stores: 6, users: 30_000, most: 200},
		{name: "100000 ramp", n: 100_000, ips: 5000, stores: 6, users: 30_000, most: 200, ramp: true},
		{name: "100000 fixed", n: 100_000, ips: 5000, stores: 6, users: 30_000, most: 200, fixed: true},
		{name: "100000 fixed, ramp", n: 100_000, ips: 5000, stores: 6, users: 30_000, most: 200, fixed: true, ramp: true},
	} {
		for seed := range seeds(1, 5) {
			t.Run(fmt.Sprint(c.name, " ", seed), func(t *testing.T) {
				a := newAnswerer(mid(seed, c.n, c.ips, c.stores, c.users), seed, c.most)
				a.fixed, a.wildcard = c.fixed, c.wildcard
				m := NewMemory()
				for turn := range 4 {
					a.now += 30
					began := map[int]bool{}
					for _, ref := range a.by[Query{}] {
						began[ref] = true
					}
					count := func() (ips map[string]int) {
						ips = map[string]int{}
						for ref := range began {
							ips[a.all[ref].IP]++
						}
						return ips
					}()
					changed, due := 0, 0.0
					queries := max(c.most/2, 100)
					a.before = func(i int) {
						if i == 1 {
							return
						}
						if i%20 == 2 {
							a.now++
						}
						for due += float64(c.n) / 100 / float64(queries); due >= 1 && changed < c.n/100; due-- {
							if changed++; !c.ramp {
								alive := a.by[Query{}]
								a.remove(alive[a.rand.IntN(len(alive))])
							}
							a.login()
						}
					}
					a.asked = 0
					r, ok := Run(m, Limits{Addresses: 100}, a)
					if !ok || r.Untrusted != "" {
						t.Fatalf("refresh %d: got ok %v, untrusted %q, want true and none", turn+1, ok, r.Untrusted)
					}
					if r.Total != len(began) {
						t.Errorf("got a total of %d, want %d", r.Total, len(began))
					}
					d := r.Total - len(r.Listed)
					if d < 0 || r.Complete != (d == 0) {
						t.Errorf("got %d listed of %d, complete %v, want at most the total, and complete only with all", len(r.Listed), r.Total, r.Complete)
					}
					for _, ref := range r.Listed {
						if !began[ref] {
							t.Fatal("got a session listed that began later, want none")
						}
					}
					sum, off := 0, 0
					for ip, n := range r.Addresses {
						sum += n
						off += max(n-count[ip], count[ip]-n)
					}
					if off > 2*changed || sum > r.Total {
						t.Errorf("got counts off by %d, want at most %d; got their sum %d, want at most %d", off, 2*changed, sum, r.Total)
					}
					t.Logf("refresh %d: %d queries, %d changed, %d of %d listed, %d addresses, off by %d, drift %d", turn+1, a.asked, changed, len(r.Listed), r.Total, len(r.Addresses), off, r.Last-r.Total)
					if turn > 1 && c.n > 10_000 && len(r.Addresses) < 90 || !r.Complete && len(r.Stores) < c.stores-2 {
						t.Errorf("got %d addresses, %d stores, complete %v, want at least 90 of many, and %d unless complete", len(r.Addresses), len(r.Stores), r.Complete, c.stores-2)
					}
				}
			})
		}
	}
}
