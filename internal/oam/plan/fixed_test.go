package plan

import (
	"fmt"
	"slices"
	"testing"
)

// A server that lists the newest, or the oldest, first lists others when it moves.
// That is not the same as drawing them.
func TestOrderedRowsAreNotTakenForDrawn(t *testing.T) {
	for _, newest := range []bool{false, true} {
		t.Run(fmt.Sprintf("newest %v", newest), func(t *testing.T) {
			a := newAnswerer(mid(1, 20_000, 1000, 4, 6000), 1, 200)
			a.fixed = true
			order := func() {
				for i := range a.rank {
					if a.rank[i] = uint64(i); newest {
						a.rank[i] = ^uint64(i)
					}
				}
			}
			order()
			a.before = func(i int) {
				if i == 1 {
					return
				}
				if i%10 == 0 {
					a.now++
				}
				a.remove(a.by[Query{}][0]) // the oldest
				a.login()
				order()
			}
			m := NewMemory()
			for turn := range 4 {
				a.now += 30
				a.asked = 0
				r, ok := Run(m, Limits{Addresses: 100}, a)
				if !ok || r.Untrusted != "" || m.proven.Can.Rows != Fixed {
					t.Fatalf("refresh %d: got ok %v, untrusted %q, rows %v, want true, none, %v", turn+1, ok, r.Untrusted, m.proven.Can.Rows, Fixed)
				}
				if turn > 1 && len(r.Addresses) < 90 {
					t.Errorf("got %d addresses, want at least 90", len(r.Addresses))
				}
			}
		})
	}
}

// Where all sessions are in one store, or at one address, its count is the total:
// not cut off, if two parts add up to it.
func TestOnePartIsAll(t *testing.T) {
	a := newAnswerer(mid(1, 20_000, 1000, 1, 6000), 1, 200)
	r := refreshOf(t, a, NewMemory(), Limits{Addresses: 100})
	if len(r.Stores) != 1 {
		t.Errorf("got stores %v, want one", r.Stores)
	}
	a = newAnswerer(mid(1, 20_000, 1, 4, 6000), 1, 200)
	r = refreshOf(t, a, NewMemory(), Limits{Addresses: 100})
	if len(r.Addresses) != 1 {
		t.Errorf("got addresses %v, want one", r.Addresses)
	}
}

// The sessions listed first may have no address to probe with.
func TestFirstRowsWithoutAddress(t *testing.T) {
	a := newAnswerer(mid(1, 3000, 400, 4, 1200), 1, 400)
	a.fixed = true
	first := slices.Clone(a.window(a.by[Query{}]))
	for _, i := range first {
		r := a.all[i]
		a.remove(i)
		r.IP, r.Impersonating = "", false
		a.add(r, a.used[i])
		a.rank[len(a.rank)-1] = a.rank[i]
	}
	r := refreshOf(t, a, NewMemory(), Limits{Addresses: 100})
	if len(r.Stores) != 4 || len(r.Addresses) < 5 {
		t.Errorf("got %d stores and %d addresses, want 4 and at least 5", len(r.Stores), len(r.Addresses))
	}
}

// A server that can't search by times and more is not asked again and again.
func TestAgesRefused(t *testing.T) {
	a := newAnswerer(mid(1, 3000, 400, 4, 1200), 1, 1200)
	a.fixed = true
	refusing := refuser{answerer: a}
	m := NewMemory()
	all := 0
	for turn := range 4 {
		a.asked, refusing.refused = 0, 0
		if r, ok := Run(m, Limits{Addresses: 100}, &refusing); !ok || r.Untrusted != "" {
			t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
		}
		if all += refusing.refused; turn > 1 && refusing.refused > 0 {
			t.Errorf("refresh %d: got %d refused, want none", turn+1, refusing.refused)
		}
	}
	if all == 0 || all > 2*a.Concurrency() {
		t.Errorf("got %d refused, want 1 to %d", all, 2*a.Concurrency())
	}
}

// refuser refuses times together with anything else.
type refuser struct {
	*answerer
	refused int
}

func (r *refuser) Search(qs []Query) []Answer {
	out := r.answerer.Search(qs)
	for i := range out {
		if q := qs[i]; (q.Expires != 0 || q.Used != 0) && q.Fields() > 0 {
			out[i] = Answer{Outcome: Rejected, At: out[i].At}
			r.refused++
		}
	}
	return out
}

// Discovery lives on: hours after a start, when all that turned up was asked for,
// a new address is still found.
func TestDiscoveryGoesOnForHours(t *testing.T) {
	a := newAnswerer(mid(1, 20_000, 1000, 4, 6000), 1, 200)
	a.fixed = true
	m := NewMemory()
	for range 150 {
		a.now += 60
		refreshOf(t, a, m, Limits{Addresses: 100})
	}
	for range 300 {
		r := a.all[a.rand.IntN(len(a.all))]
		r.IP, r.Created = "192.0.2.77", a.now
		a.add(r, a.now)
	}
	for turn := range 10 {
		a.now += 60
		if r := refreshOf(t, a, m, Limits{Addresses: 100}); r.Addresses["192.0.2.77"] == 300 {
			t.Logf("found in refresh %d", turn+1)
			return
		}
	}
	t.Error("got no new address in ten refreshes, want the one with 1.5 % of the sessions")
}
