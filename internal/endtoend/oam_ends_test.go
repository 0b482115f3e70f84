package endtoend

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// asked notes the addresses that a scrape asks for alone.
type asked struct {
	mu        sync.Mutex
	addresses map[string]bool
}

func (a *asked) note(q simoam.Query) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ip := q.Fields[simoam.FieldClientIP]; ip != "" && len(q.Fields) == 1 {
		a.addresses[ip] = true
	}
}

func (a *asked) take() map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.addresses
	a.addresses = map[string]bool{}
	return was
}

// Of an OAM with too many sessions to list, the ends at addresses that are listed
// whole are counted, all of them, and none that did not happen.
func TestEndsInAWorldTooLargeToList(t *testing.T) {
	for _, rows := range []simoam.RowsMode{simoam.RowsDrawn, simoam.RowsFixed} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			w := world.NewStatic(world.Static{API: session.OAM, Seed: 8, Sessions: 6000, Addresses: 170, Users: 2500, Stores: 4})
			a := &asked{addresses: map[string]bool{}}
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{
				Seed: 8, Rows: rows, OnQuery: func(_ int, q simoam.Query) { a.note(q) }}).start()
			r := rand.New(rand.NewPCG(8, 8))
			at := map[string]string{}   // address by session, of those listed whole before
			proven := map[string]bool{} // ended, and missing in an address listed whole
			began := w.Counts(session.OAM)
			for scrape := range 10 {
				w.Step(time.Minute)
				if scrape > 0 {
					w.Churn(session.OAM, 40+r.IntN(40))
					w.Step(time.Second)
				}
				got := rig.scrape()
				if got.value("iam_source_up") != 1 || got.value("iam_source_complete") != 0 {
					t.Fatalf("up %v, complete %v: nothing is tested; want 1, 0", got.value("iam_source_up"), got.value("iam_source_complete"))
				}
				sizes, there := map[string]int{}, map[string]bool{}
				for _, s := range w.Truth(session.OAM) {
					sizes[s.ClientIP]++
					there[s.ID] = true
				}
				whole := a.take()
				for ip := range whole {
					if n := sizes[ip]; n == 0 || n > 27 {
						delete(whole, ip)
					}
				}
				for id, ip := range at {
					if whole[ip] && !there[id] {
						proven[id] = true
					}
				}
				for _, s := range w.Truth(session.OAM) {
					if whole[s.ClientIP] && !s.Status.Over() {
						at[s.ID] = s.ClientIP
					}
				}
				really := w.Counts(session.OAM).EndedTotal() - began.EndedTotal()
				ended := got.value("iam_sessions_ended_total")
				if ended > float64(really) || ended < float64(len(proven)) {
					t.Errorf("scrape %d: %v ended, of %d that did; at least %d are proven", scrape, ended, really, len(proven))
				}
				if lengths := got.value("iam_session_duration_seconds"); lengths != ended {
					t.Errorf("%v lengths, want those of %v ended sessions", lengths, ended)
				}
				t.Logf("scrape %d: %v ended of %d; %d at addresses listed whole", scrape, ended, really, len(proven))
			}
			if len(proven) < 20 {
				t.Errorf("nothing was tested: %d; want at least 20", len(proven))
			}
		})
	}
}

// Whatever a server's filters mean, no session is said to have ended that has
// not: none while none ends, and never more than ended. Many servers are drawn, as
// few of them mislead.
func TestNoMeaningOfTheFiltersMakesAFalseEnd(t *testing.T) {
	incomplete, proven := 0, 0
	for seed := range combinations(80) {
		r := rand.New(rand.NewPCG(seed, 23))
		w, o := oddWorld(r, seed), oddServer(r, seed)
		during := chance(r, .3) // sessions come and go during scrapes too
		if chance(r, .1) {
			o.DefaultStoreOnly = oneOf(r, w.Stores()...)
		}
		quiet := true
		var mu sync.Mutex
		o.OnQuery = func(n int, _ simoam.Query) {
			mu.Lock()
			defer mu.Unlock()
			if during && n%20 == 0 {
				w.Step(time.Second)
				if quiet {
					w.Add(session.OAM, nil)
				} else {
					w.Churn(session.OAM, 1)
				}
			}
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rig := newRig(t, session.OAM, w, simintersight.Options{}, o)
			rig.start()
			began, listed := w.Counts(session.OAM).EndedTotal(), 0.0
			for turn := range 6 {
				if turn == 3 {
					mu.Lock()
					quiet = false
					mu.Unlock()
				}
				if turn >= 3 {
					w.Churn(session.OAM, w.Len(session.OAM)/20+1)
				}
				w.Step(time.Second)
				got := rig.scrape()
				if got.value("iam_source_complete") == 1 {
					if o.DefaultStoreOnly != "" || o.TotalCap > 0 && w.Len(session.OAM) > o.TotalCap {
						return // the total hides some, and nobody noticed: what is complete is another test's subject
					}
					listed = got.value("iam_sessions_ended_total")
				}
				really := w.Counts(session.OAM).EndedTotal() - began
				if n := got.value("iam_sessions_ended_total"); n > float64(really) {
					t.Errorf("turn %d: %v ended, of %d that did", turn, n, really)
				} else if n > listed {
					proven++
				}
				if got.value("iam_source_complete") == 0 {
					incomplete++
				}
			}
			if t.Failed() {
				t.Logf("%d sessions, %+v\n%s", w.Len(session.OAM), o, rig.log)
			}
		})
	}
	t.Logf("%d incomplete scrapes, %d that proved ends", incomplete, proven)
	if incomplete == 0 || proven == 0 {
		t.Errorf("the combinations have grown one-sided; incomplete = %v, want more than 0; proven = %v, want more than 0", incomplete, proven)
	}
}
