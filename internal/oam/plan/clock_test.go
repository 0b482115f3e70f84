package plan

import (
	"fmt"
	"testing"
)

// hurried is asked by a planner whose time runs out, also while it thinks.
type hurried struct {
	*answerer
	looks, end int
}

func (h *hurried) Left() int {
	if h.looks++; h.looks >= h.end {
		return 0
	}
	return h.answerer.Left()
}

func TestTimeRunsOutAnywhere(t *testing.T) {
	for _, wildcard := range []bool{false, true} {
		for _, fixed := range []bool{false, true} {
			w := mid(1, 900, 120, 3, 300)
			for end := 1; end < 400; end += 7 {
				a := newAnswerer(w, 1, 300)
				a.wildcard, a.fixed = wildcard, fixed
				m := NewMemory()
				for range 2 {
					a.asked = 0
					r, ok := Run(m, Limits{Addresses: 100, Idle: 900}, &hurried{answerer: a, end: end})
					if !ok || r.Untrusted != "" {
						t.Fatalf("ok %v, untrusted %q", ok, r.Untrusted)
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
		t.Fatalf("ok %v, %s", ok, r.Untrusted)
	}
	if r.Idle < 0 || r.Idle > unused {
		t.Errorf("%d idle, truth is %d", r.Idle, unused)
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
		t.Errorf("ok %v, complete %v", ok, r.Complete)
	}
	for _, ref := range r.Listed {
		if ref >= began {
			t.Error("listed what began later")
		}
	}
}

// A total that was found to be cut off is not believed by the next scrape.
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
						t.Errorf("turn %d: total %d of %d, complete %v", turn, r.Total, limit*3/2, r.Complete)
					}
				}
			})
		}
	}
}

// All names but one begin alike.
func TestANameApart(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		a := newAnswerer(mid(1, 400, 50, 2, 150), 1, 700)
		numbered(a)
		a.fixed, a.wildcard = fixed, true
		r := a.all[0]
		r.User, r.IP, r.Created = "robot", "172.16.0.1", a.now-3600
		a.add(r, r.Used)
		m := NewMemory()
		for turn := range 3 {
			a.asked = 0
			if r, _ := Run(m, Limits{Addresses: 100}, a); !r.Complete && turn == 2 {
				t.Errorf("fixed %v: %d of %d listed by %d queries", fixed, len(r.Listed), r.Total, a.asked)
			}
		}
	}
}
