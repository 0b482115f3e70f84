package endtoend

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
)

// worldTimeout is that of the sources: long, as the machine may be busy.
const worldTimeout = 30 * time.Second

// allowed is the time of a scrape: less where something is waited for in vain.
func (s *scenario) allowed(faulty bool) time.Duration {
	if faulty && s.fault.waits {
		return 2 * time.Second
	}
	return worldTimeout
}

// run scrapes a few times, with and without the fault, and compares.
func (s *scenario) run(t *testing.T, sums *tally) {
	defer func() {
		if t.Failed() {
			t.Log(s)
		}
	}()
	var mu sync.Mutex
	requests := 0
	moving := true
	move := func() {
		mu.Lock()
		defer mu.Unlock()
		if requests++; moving && s.movement.every > 0 && requests > 1 && requests%s.movement.every == 0 {
			s.movement.step(s.world)
		}
	}
	s.iopt.OnRequest, s.oopt.OnQuery = nil, nil
	rig := newRig(t, s.api, s.world, s.iopt, s.oopt, s.formed)
	if s.api == session.Intersight {
		rig.inter.Set(func(o *simintersight.Options) { o.OnRequest = func(int, *http.Request) { move() } })
	} else {
		rig.oam.Set(func(o *simoam.Options) { o.OnQuery = func(int, simoam.Query) { move() } })
	}
	rig.queries = s.queries
	rig.options = intersight.Options{IdentityProviders: s.identities}
	rig.change = func(o *collector.Options) { withNetworks(o); o.Timeout = worldTimeout }
	rig.start()
	began, events := s.world.Counts(s.api), len(s.world.Events(s.api))
	sums.worlds++
	// Two scrapes well, three with the fault, and two to get over it.
	for scrape := range 7 {
		faulty := scrape >= 2 && scrape < 5 && s.fault.class != soundFault
		if s.fault.class == clockFault && s.fault.fault.Count > 0 && scrape > 2 {
			faulty = false // a clock that is wrong in two scrapes in a row is believed
		}
		if faulty {
			rig.faults.Set(s.fault.fault)
		} else {
			rig.faults.Clear()
		}
		mu.Lock()
		requests = 0
		mu.Unlock()
		o := observation{scenario: s, rig: rig, scrape: scrape, faulty: faulty, began: began, events: events}
		o.take(t, sums)
		if t.Failed() {
			t.Logf("scrape %d\n%s", scrape, rig.log)
			return
		}
		s.world.Step(time.Duration(1+s.rand.IntN(60)) * time.Second)
		if scrape == 4 {
			s.world.Step(20 * time.Minute) // past every hold
		}
	}
}
