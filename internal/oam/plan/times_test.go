package plan

import (
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
)

// timed returns a world too large to list, of which some sessions are idle and
// some expired.
func timed(seed uint64) *answerer {
	w := world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: 20_000, Addresses: 900, Stores: 3, Users: 6000, Idle: 0.2, Expired: 0.05})
	return newAnswerer(w, seed, 200)
}

func (a *answerer) truth(idle int64) (expired, unused int) {
	for i := range a.all {
		switch r := &a.all[i]; {
		case r.Expires <= a.now:
			expired++
		case r.Used <= a.now-idle:
			unused++
		}
	}
	return expired, unused
}

func TestIdleAndExpiredAreCountedByTime(t *testing.T) {
	const idle = 15 * 60
	a := timed(1)
	expired, unused := a.truth(idle)
	m := NewMemory()
	for range 3 {
		r := refreshOf(t, a, m, Limits{Addresses: 100, Idle: idle})
		if r.Complete || r.Expired != expired || r.Idle != unused {
			t.Fatalf("got complete %v, %d expired, %d idle, want false, %d, %d", r.Complete, r.Expired, r.Idle, expired, unused)
		}
	}
	if r := refreshOf(t, a, NewMemory(), Limits{Addresses: 100}); r.Expired != expired || r.Idle != -1 {
		t.Errorf("where none is idle: got %d expired, %d idle, want %d, -1", r.Expired, r.Idle, expired)
	}
}

// Filters that mean something else, or sessions that have no time, give no count.
func TestTimesThatAreNotProvenGiveNoCount(t *testing.T) {
	const idle = 15 * 60
	for name, spoil := range map[string]func(*answerer, *Query, *Row) bool{
		"an hour late":       func(_ *answerer, q *Query, _ *Row) bool { shift(q, 3600); return true },
		"an hour early":      func(_ *answerer, q *Query, _ *Row) bool { shift(q, -3600); return true },
		"a second early":     func(_ *answerer, q *Query, _ *Row) bool { shift(q, -1); return true },
		"expiry wins":        func(_ *answerer, q *Query, _ *Row) bool { q.Used *= min(1-min(q.Expires, 1), 1); return true },
		"last access wins":   func(_ *answerer, q *Query, _ *Row) bool { q.Expires *= 1 - min(q.Used, 1); return true },
		"times win":          func(_ *answerer, q *Query, _ *Row) bool { return !(q.Expires != 0 && q.IP != "") },
		"some have no times": func(a *answerer, q *Query, r *Row) bool { return q.Expires == 0 || r.Ref%5 != 0 },
	} {
		t.Run(name, func(t *testing.T) {
			a := timed(2)
			a.spoil = spoil
			r, ok := Run(NewMemory(), Limits{Addresses: 100, Idle: idle}, a)
			if !ok || r.Untrusted != "" {
				t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
			}
			if expired, unused := a.truth(idle); r.Expired >= 0 && r.Expired != expired || r.Idle >= 0 && r.Idle != unused {
				t.Errorf("got %d expired, %d idle, want %d, %d, or less than 0 where unknown", r.Expired, r.Idle, expired, unused)
			}
			if r.Idle >= 0 {
				t.Errorf("got %d idle, by a filter that is not proven, want -1", r.Idle)
			}
		})
	}
}

func shift(q *Query, by int64) {
	if q.Expires != 0 {
		q.Expires += by
	}
	if q.Used != 0 {
		q.Used += by
	}
}
