package plan

import (
	"fmt"
	"testing"
)

// All names and addresses but one begin alike.
func TestANameApart(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		a := newAnswerer(mid(1, 400, 50, 2, 150), 1, 700)
		addresses := map[string]string{}
		for i := range a.all {
			ip := a.all[i].IP
			if addresses[ip] == "" {
				addresses[ip] = fmt.Sprintf("10.0.%d.%d", len(addresses)%7, len(addresses))
			}
			a.all[i].IP = addresses[ip]
		}
		numbered(a)
		a.fixed, a.wildcard = fixed, true
		r := a.all[0]
		r.User, r.IP, r.Created, r.Impersonating = "bob", "172.16.0.1", a.now-3600, false
		a.add(r, r.Used)
		a.rank[len(a.rank)-1] = 1<<64 - 1 // the last of a fixed list
		m := NewMemory()
		for turn := range 3 {
			a.asked = 0
			if r, _ := Run(m, Limits{Addresses: 100}, a); !r.Complete && turn == 2 {
				t.Errorf("fixed %v: got %d listed by %d queries, want %d", fixed, len(r.Listed), a.asked, r.Total)
			}
		}
	}
}
