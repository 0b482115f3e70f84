package plan

import (
	"fmt"
	"slices"
	"testing"
)

// storm makes n people log in, in the second that it is.
func (a *answerer) storm(n int) {
	for range n {
		a.login()
	}
}

// purge removes every other session.
func (a *answerer) purge() {
	for i, ref := range slices.Clone(a.by[Query{}]) {
		if i%2 == 0 {
			a.remove(ref)
		}
	}
}

// newestFirst makes a server with fixed rows list the newest sessions first.
func (a *answerer) newestFirst() {
	for i := range a.rank {
		a.rank[i] = ^uint64(i)
	}
}

// What happens in one refresh, at whatever moment, proves neither that rows are
// drawn nor that they are fixed where they are not. What they are is known again
// soon after.
func TestOneMomentDoesNotTellDrawnRowsFromFixedOnes(t *testing.T) {
	events := map[string]func(*answerer){
		"300 log in":      func(a *answerer) { a.storm(300) },
		"half are purged": (*answerer).purge,
		"as many log in as are purged": func(a *answerer) {
			n := len(a.by[Query{}])
			a.purge()
			a.storm(n - len(a.by[Query{}]))
		},
	}
	for _, n := range []int{70, 330, 3000} {
		for _, rows := range []string{"drawn", "fixed", "newest first"} {
			for event, happens := range events {
				for _, when := range []int{1, 2, 3, 60} {
					t.Run(fmt.Sprintf("%d %s, %s before query %d", n, rows, event, when), func(t *testing.T) {
						for seed := range seeds(1, 60) {
							a := newAnswerer(mid(seed, n, n/8, 3, n/3), seed, 200)
							a.fixed = rows != "drawn"
							is, isNot := Drawn, Fixed
							if a.fixed {
								is, isNot = Fixed, Drawn
							}
							m := NewMemory()
							for turn := range 4 {
								a.now += 30
								a.asked = 0
								a.before = func(i int) {
									if i == when && turn == 0 {
										happens(a)
									}
									if rows == "newest first" {
										a.newestFirst()
									}
								}
								r, ok := Run(m, Limits{Addresses: 100}, a)
								if !ok || r.Untrusted != "" && turn > 0 { // so much at once may be too much
									t.Fatalf("refresh %d: got ok %v, untrusted %q, want true and none", turn+1, ok, r.Untrusted)
								}
								if m.proven.Can.Rows == isNot {
									t.Fatalf("seed %d, refresh %d: got rows %v, want %v or unknown", seed, turn+1, isNot, is)
								}
							}
							if m.proven.Can.Rows != is {
								t.Errorf("seed %d: got rows %v after 4 refreshes, want %v", seed, m.proven.Can.Rows, is)
							}
						}
					})
				}
			}
		}
	}
}

// A world of which most sessions began in the second of the first search.
func TestRowsOfAWorldThatHasJustBegun(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		for seed := range seeds(20, 200) {
			a := newAnswerer(mid(seed, 30, 10, 3, 20), seed, 200)
			a.fixed = fixed
			a.storm(300)
			m := NewMemory()
			for range 3 {
				refreshOf(t, a, m, Limits{Addresses: 100})
				if m.proven.Can.Rows != Unknown && (m.proven.Can.Rows == Fixed) != fixed {
					t.Fatalf("seed %d: got rows %v, want fixed: %v", seed, m.proven.Can.Rows, fixed)
				}
				a.now += 30
			}
			if m.proven.Can.Rows == Unknown {
				t.Errorf("seed %d: got rows unknown, want fixed: %v", seed, fixed)
			}
		}
	}
}

// What was concluded wrongly is corrected within a refresh or two, also where
// refreshes use all their queries.
func TestAWrongConclusionOnRowsIsCorrected(t *testing.T) {
	for _, n := range []int{60, 500, 3000, 100_000} {
		for _, fixed := range []bool{false, true} {
			for seed := range seeds(2, 20) {
				a := newAnswerer(mid(seed, n, n/20+10, 4, n/3), seed, 200)
				a.fixed = fixed
				m := NewMemory()
				refreshOf(t, a, m, Limits{Addresses: 100})
				is := m.proven.Can.Rows
				if is == Unknown || (is == Fixed) != fixed {
					t.Fatalf("%d sessions, fixed %v: got rows %v at first, want them known", n, fixed, is)
				}
				m.proven.Can.Rows = Drawn + Fixed - is
				for range 2 {
					a.now += 30
					refreshOf(t, a, m, Limits{Addresses: 100})
				}
				if m.proven.Can.Rows != is {
					t.Errorf("%d sessions, fixed %v, seed %d: got rows %v, want %v", n, fixed, seed, m.proven.Can.Rows, is)
				}
			}
		}
	}
}
