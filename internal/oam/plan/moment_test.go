package plan

import (
	"slices"
	"testing"
)

// odd changes what one query of a refresh is answered with.
type odd struct {
	*answerer
	when   func(Query) bool
	answer func(*Answer)
	times  int // how often it does so
}

func (o *odd) Search(qs []Query) []Answer {
	out := o.answerer.Search(qs)
	for i := range out {
		if o.times > 0 && o.when(qs[i]) {
			o.times--
			o.answer(&out[i])
		}
	}
	return out
}

// One login while filters on times are tried, or one session that is used
// meanwhile, leaves idle sessions uncounted in that refresh only.
func TestAMomentDoesNotCostTheTimes(t *testing.T) {
	const idle = 15 * 60
	for name, o := range map[string]odd{
		"a login":             {when: func(q Query) bool { return q == Query{Expires: farAhead} }, answer: func(a *Answer) { a.Total++ }},
		"the session is used": {when: func(q Query) bool { return q.User != "" && q.IP != "" && q.Used != 0 }, answer: func(a *Answer) { a.Total, a.Rows = 0, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			a := timed(1)
			expired, unused := a.truth(idle)
			m := NewMemory()
			o.answerer, o.times = a, 1
			refresh := func(most int) Result {
				a.asked, o.times = 0, most
				r, ok := Run(m, Limits{Addresses: 100, Idle: idle}, &o)
				if !ok || r.Untrusted != "" {
					t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
				}
				a.now += 30
				return r
			}
			if name == "a login" { // the probe asks so, too
				asked := 0
				o.when = func(q Query) bool {
					if q == (Query{Expires: farAhead}) {
						asked++
					}
					return q == Query{Expires: farAhead} && asked > 1
				}
			}
			if r := refresh(1); r.Idle >= 0 {
				t.Fatalf("got %d idle, want an unknown number", r.Idle)
			}
			a.now -= 30
			if r := refresh(0); r.Expired != expired || r.Idle != unused {
				t.Errorf("in the next refresh: got %d expired, %d idle, want %d, %d", r.Expired, r.Idle, expired, unused)
			}
		})
	}
}

// A probe that fails for a moment is repeated by the next refresh.
func TestAMomentDoesNotCostTheProbe(t *testing.T) {
	a := newAnswerer(mid(1, 20_000, 1000, 4, 6000), 1, 200)
	m := NewMemory()
	o := &odd{answerer: a, times: 1, when: func(q Query) bool { return q.IP != "" }, answer: func(a *Answer) { a.Outcome, a.Total, a.Rows = Rejected, 0, nil }}
	for turn := range 2 {
		a.asked = 0
		r, ok := Run(m, Limits{Addresses: 100}, o)
		if !ok || r.Untrusted != "" {
			t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
		}
		if known := m.proven.Can.ExactIP == Exact; known != (turn == 1) {
			t.Errorf("refresh %d: got known %v with %d addresses, want %v", turn+1, known, len(r.Addresses), turn == 1)
		}
		a.now += 30
	}
}

// addressWins answers searches for an address as if they had no other filter.
type addressWins struct{ *answerer }

func (a addressWins) Search(qs []Query) []Answer {
	asked := slices.Clone(qs)
	for i := range asked {
		if asked[i].IP != "" {
			asked[i] = Query{IP: asked[i].IP}
		}
	}
	return a.answerer.Search(asked)
}

// Filters that were taken to combine, and do not, are probed again.
func TestFiltersThatDoNotCombineAreNoticed(t *testing.T) {
	a := addressWins{newAnswerer(mid(1, 3000, 400, 4, 1200), 1, 1200)}
	m := NewMemory()
	refresh := func() {
		a.asked = 0
		if r, ok := Run(m, Limits{Addresses: 100}, a); !ok || r.Untrusted != "" {
			t.Fatalf("got ok %v, untrusted %q, want true and none", ok, r.Untrusted)
		}
		a.now += 30
	}
	if refresh(); m.proven.Can.Combine != No {
		t.Fatalf("got combine %v, want %v", m.proven.Can.Combine, No)
	}
	m.proven.Can.Combine = Yes // as the probe finds where the sessions that it asks for have just ended
	if refresh(); m.proven.Can.Combine == Yes {
		t.Errorf("got combine %v, want another", m.proven.Can.Combine)
	}
	if refresh(); m.proven.Can.Combine != No {
		t.Errorf("two refreshes later: got combine %v, want %v", m.proven.Can.Combine, No)
	}
}

// One refusal is no proof that a server can't search by times and more.
func TestOneRefusalDoesNotEndTheAges(t *testing.T) {
	a := newAnswerer(mid(1, 3000, 400, 4, 1200), 1, 1200)
	a.fixed = true
	o := &odd{answerer: a, times: 1, when: func(q Query) bool { return q.Store != "" && (q.Expires != 0 || q.Used != 0) },
		answer: func(a *Answer) { a.Outcome, a.Total, a.Rows = Rejected, 0, nil }}
	m := NewMemory()
	for range 4 {
		a.asked = 0
		if r, ok := Run(m, Limits{Addresses: 100}, o); !ok || r.Untrusted != "" || m.lessons.AgesRefused {
			t.Errorf("got ok %v, untrusted %q, ages refused %v, want true, none, false", ok, r.Untrusted, m.lessons.AgesRefused)
		}
	}
	if o.times > 0 {
		t.Errorf("got %d answers that were never asked for, want 0", o.times)
	}
}
