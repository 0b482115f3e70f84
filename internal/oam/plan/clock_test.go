package plan

import (
	"testing"
)

// hurried is asked by a planner whose time runs out, also while it thinks.
type hurried struct {
	*answerer
	looks, end int
}

func (h *hurried) Remaining() int {
	if h.looks++; h.looks >= h.end {
		return 0
	}
	return h.answerer.Remaining()
}

func TestTimeRunsOutAnywhere(t *testing.T) {
	for _, wildcard := range []bool{false, true} {
		for _, fixed := range []bool{false, true} {
			w := mid(1, 900, 120, 3, 300)
			for end := 1; end < 400; end += 1 + end/20 {
				a := newAnswerer(w, 1, 300)
				a.wildcard, a.fixed = wildcard, fixed
				m := NewMemory()
				for range 2 {
					a.asked = 0
					r, ok := Run(m, Limits{Addresses: 100, Idle: 900}, &hurried{answerer: a, end: end})
					if !ok || r.Untrusted != "" {
						t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
					}
					checkTruth(t, a, &r)
				}
			}
		}
	}
}

// Expired sessions are purged while those past both limits are taken from the

// unused ones.
func TestAPurgeBetweenTwoCountsMakesNobodyIdle(t *testing.T) {
	const idle = 15 * 60
	a := timed(1)
	_, unused := a.truth(idle)
	asked := 0
	a.before = func(int) {
		if n := len(a.queries); n > 0 && (a.queries[n-1].Expires == a.now || a.queries[n-1].Used == a.now-idle) {
			for ref := range a.all {
				if asked++; a.all[ref].Expires <= a.now && asked%20 == 0 {
					a.remove(ref)
				}
			}
		}
	}
	r, ok := Run(NewMemory(), Limits{Addresses: 100, Idle: idle}, a)
	if !ok || r.Untrusted != "" {
		t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
	}
	if r.Idle < 0 || r.Idle > unused {
		t.Errorf("got %d idle, want %d", r.Idle, unused)
	}
}

// What began while a slow first search was answered was not in its total.
func TestASlowFirstAnswer(t *testing.T) {
	a := newAnswerer(mid(2, 300, 40, 3, 100), 2, 200)
	a.now += 60
	a.took = 5
	ended := false
	a.before = func(n int) {
		if n == 2 && !ended { // between the count and the second search, as many end as begin
			ended = true
			for i := range 4 {
				a.remove(a.by[Query{}][i*17])
				a.now -= 3
				a.login()
				a.now += 3
			}
		}
	}
	began := len(a.all)
	r, ok := Run(NewMemory(), Limits{Addresses: 100}, a)
	if !ok || r.Complete {
		t.Errorf("got ok %v, complete %v, want true, false", ok, r.Complete)
	}
	for _, ref := range r.Listed {
		if ref >= began {
			t.Error("got a session listed that began later, want none")
		}
	}
}

// Where one store has everybody and nobody impersonates, a limit of the search

// In the very second of the first search one session ends and another begins, after

// the stores were counted: the list is not taken for whole.
func TestASwapInTheSecondOfT0(t *testing.T) {
	complete := 0
	for seed := range uint64(60) {
		a := newAnswerer(mid(seed, 90, 12, 3, 30), seed, 200)
		began := len(a.all)
		last := Row{}
		a.before = func(n int) {
			if n != 24 {
				return
			}
			alive := a.by[Query{}]
			gone := a.all[alive[int(seed)%len(alive)]]
			a.remove(gone.Ref)
			last = gone
			for _, ref := range a.by[Query{}] {
				if r := a.all[ref]; r.Store != gone.Store {
					last = r
				}
			}
			last.Created = a.now
			a.add(last, a.now)
		}
		r, ok := Run(NewMemory(), Limits{Addresses: 100}, a)
		if !ok || r.Untrusted != "" {
			t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
		}
		if r.Complete {
			complete++
		}
		for _, ref := range r.Listed {
			if ref >= began {
				t.Errorf("seed %d: got a session listed that began later (complete %v), want none", seed, r.Complete)
			}
		}
	}
	t.Logf("%d of 60 complete", complete)
}
