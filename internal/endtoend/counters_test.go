package endtoend

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// ledger is what a test saw of a world at the scrapes that were complete.
type ledger struct {
	first   map[string]bool // listed at the first
	over    map[string]bool // of those: already over
	seen    map[string]bool
	shown   map[string]session.Status // how it was over when first listed so
	last    time.Time
	counted bool
}

func (l *ledger) take(sessions []world.Session, now time.Time) {
	if !l.counted {
		*l = ledger{first: map[string]bool{}, over: map[string]bool{}, seen: map[string]bool{}, shown: map[string]session.Status{}, counted: true}
		for _, s := range sessions {
			l.first[s.ID] = true
			l.over[s.ID] = s.Status.Over()
		}
	}
	for _, s := range sessions {
		l.seen[s.ID] = true
		if _, ok := l.shown[s.ID]; !ok && s.Status.Over() {
			l.shown[s.ID] = s.Status
		}
	}
	l.last = now
}

// check compares counters with the world's own log of events, for the sessions
// that were in at least one complete snapshot.
func (l *ledger) check(t *testing.T, w *world.World, api session.API, got samples) {
	t.Helper()
	started, ended, failed, after := 0.0, 0.0, 0.0, 0.0
	for _, e := range w.Events(api) {
		if !l.seen[e.ID] || e.At.After(l.last) {
			continue
		}
		switch e.Kind {
		case world.Started:
			if l.first[e.ID] {
				continue
			}
			started++
			if e.FailedLogins > 0 {
				failed += float64(e.FailedLogins)
				after++
			}
		case world.Ended:
			if !l.over[e.ID] {
				ended++
			}
		}
	}
	byReason := map[session.Status]float64{}
	for id, s := range l.shown {
		if !l.over[id] {
			byReason[s]++
		}
	}
	for _, c := range []struct {
		what string
		got  float64
		want float64
	}{
		{"started", got.value("iam_sessions_started_total"), started},
		{"ended", got.value("iam_sessions_ended_total"), ended},
		{"ended by an administrator", got.value("iam_sessions_ended_total", "reason", "terminated"), byReason[session.Terminated]},
		{"ended normally", got.value("iam_sessions_ended_total", "reason", "ended"), byReason[session.Ended]},
	} {
		if c.got != c.want {
			t.Errorf("%s: counted %v, the world's log says %v", c.what, c.got, c.want)
		}
	}
	if expired := got.value("iam_sessions_ended_total", "reason", "expired"); expired < byReason[session.Expired] {
		t.Errorf("expired: counted %v, listed as expired %v", expired, byReason[session.Expired])
	}
	if api == session.Intersight {
		if f, a := got.value("iam_failed_logins_total"), got.value("iam_logins_after_failures_total"); f != failed || a != after {
			t.Errorf("failed logins: counted %v and %v logins after them, the world's log says %v and %v", f, a, failed, after)
		}
	}
	if n := got.value("iam_session_duration_seconds"); n > ended {
		t.Errorf("%v lengths, want at most those of %v ended sessions", n, ended)
	}
}

// Counters over a simulated week, with failed scrapes and a restart: some 700
// scrapes each, since what only seldom happens must be counted too.
func TestCountersOverAWeek(t *testing.T) {
	for seed := range max(shortened(uint64(6)), 2) { // one of each API at least
		api := []session.API{session.Intersight, session.OAM}[seed%2]
		t.Run(fmt.Sprint(api, " ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 11))
			c := world.DefaultConfig()
			c.Seed = seed
			if api == session.Intersight {
				c.OAM.Sessions = 0
				c.Intersight.Linger = oneOf(r, 0, time.Hour)
				c.Intersight.Purge = oneOf(r, 0, 30*time.Minute)
				c.Intersight.BruteForce, c.Intersight.FailureShare = 5*time.Hour, .2
			} else {
				c.Intersight.Sessions = 0
				c.OAM.Sessions, c.OAM.Max, c.OAM.Lifetime, c.OAM.Stay = 15, 27, 3*time.Hour, 40*time.Minute
				c.OAM.Purge = oneOf(r, time.Second, 20*time.Minute)
			}
			w := world.New(c)
			rig := newRig(t, api, w, simintersight.Options{Seed: seed}, simoam.Options{Seed: seed}).start()

			var book ledger
			var before, got samples
			end := w.Now().Add(7 * 24 * time.Hour)
			half := w.Now().Add(84 * time.Hour)
			failures := 0
			for w.Now().Before(end) {
				if w.Now().After(half) && !half.IsZero() {
					book.check(t, w, api, got)
					rig.start()
					book, before, half = ledger{}, nil, time.Time{}
				}
				if chance(r, .15) {
					e, _ := fault(r, w.Now())
					rig.faults.Set(faults.Fault{Effect: e})
				}
				got = rig.scrape()
				rig.faults.Clear()
				if got.value("iam_source_complete") == 1 {
					book.take(w.Truth(api), w.Now())
				} else {
					failures++
				}
				for _, family := range []string{"iam_sessions_started_total", "iam_sessions_ended_total", "iam_failed_logins_total", "iam_logins_after_failures_total", "iam_session_duration_seconds"} {
					if before != nil && got.value(family) < before.value(family) {
						t.Fatalf("%s fell from %v to %v", family, before.value(family), got.value(family))
					}
				}
				before = got
				w.Step(time.Duration(60+r.IntN(1800)) * time.Second)
			}
			book.check(t, w, api, got)
			if failures < 20 || got.value("iam_sessions_started_total") < 100 || got.value("iam_sessions_ended_total") < 100 {
				t.Errorf("nothing was tested: %d failed scrapes, %v started; want at least 20, at least 100", failures, got.value("iam_sessions_started_total"))
			}
			if api == session.Intersight && got.value("iam_failed_logins_total") < 50 {
				t.Errorf("%v failed logins, want at least 50", got.value("iam_failed_logins_total"))
			}
		})
	}
}
