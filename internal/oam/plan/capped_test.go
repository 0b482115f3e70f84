package plan

import (
	"fmt"
	"testing"
)

// A total that was found to be cut off is not believed by the next refresh.
func TestACappedTotalIsRemembered(t *testing.T) {
	for _, limit := range []int{50, 100, 200} {
		for _, fixed := range []bool{false, true} {
			t.Run(fmt.Sprint(limit, fixed), func(t *testing.T) {
				a := newAnswerer(mid(3, limit*3/2, 30, 3, 60), 3, 200)
				a.cap, a.fixed = limit, fixed
				m := NewMemory()
				for turn := range 4 {
					a.asked = 0
					a.now += 60
					if r, ok := Run(m, Limits{Addresses: 100}, a); !ok || r.Untrusted == "" {
						t.Errorf("turn %d: got ok %v, trusted with total %d of %d, complete %v, want it untrusted", turn, ok, r.Total, limit*3/2, r.Complete)
					}
				}
			})
		}
	}
}

// One part that is all, of a server that counts no further,
// looks the same as a total, if it is a round number.
func TestOnePartThatIsAll(t *testing.T) {
	for limit, counted := range map[int]bool{0: true, 1000: false, 1237: true} {
		a := newAnswerer(mid(4, 5003, 400, 1, 1500), 4, 18) // too few to find what contradicts it
		a.by = map[Query][]int{}
		for i := range a.all {
			a.all[i].Impersonating = false
			for _, k := range keys(&a.all[i]) {
				a.by[k] = append(a.by[k], i)
			}
		}
		a.cap = limit
		r, ok := Run(NewMemory(), Limits{Addresses: 100}, a)
		if !ok {
			t.Fatal("got no answer, want one")
		}
		if r.Untrusted != "" || (len(r.Stores) > 0) != counted {
			t.Errorf("limit %d: got untrusted %q, total %d, stores %v, want a trusted one, with stores: %v", limit, r.Untrusted, r.Total, r.Stores, counted)
		}
	}
}
