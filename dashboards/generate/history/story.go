// Package history makes a past for the dashboards in a minute: simulated APIs go
// through a story in their own time, the exporter is scraped as Prometheus would
// do it, and the responses become blocks of a real Prometheus's database. It
// serves the tests and the pictures of the dashboards.
package history

import (
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	"iam_session_exporter/internal/simulator/world"
)

// Site is one API that is asked.
type Site struct {
	Name       string
	API        session.API
	World      *world.World
	Skew       time.Duration // of an OAM's clock
	MaxQueries int           // of an OAM; 0: as by default
	Faults     *faults.Handler
}

// Story is what happens, to whom, and when it is looked at.
type Story struct {
	Sites    []*Site
	Networks string        // of the configuration, in YAML
	Policy   time.Duration // the idle timeout that the OAMs are said to have
	Lifetime time.Duration
	End      time.Time      // of the worlds
	Looks    []Look         // in the order of time
	Events   map[int]func() // what happens besides, by minutes before the end
	Restart  time.Duration  // of the exporter, before the end; 0: never
	Reload   time.Duration  // of its configuration
	Outage   Look           // when the second Alertmanager accepts nothing
}

// Look is a time in which the exporter is scraped, counted back from the end.
type Look struct{ From, To, Every time.Duration }

const (
	day  = 24 * time.Hour
	week = 7 * day

	every = 2 * time.Minute // the longest interval that the rules are for
)

// wednesday is an afternoon in the office.
var wednesday = world.DefaultStart.Add(9*day + 6*time.Hour + 30*time.Minute)

const everywhere = `
  offices: [10.0.0.0/8]
  vpn: [100.64.0.0/10]
  homes: [198.18.0.0/15, "2001:db8::/32"]
`

func newWorld(begin time.Time, change func(*world.Config)) *world.World {
	c := world.DefaultConfig()
	c.Start = begin
	c.Intersight.Linger = 10 * time.Minute
	change(&c)
	return world.New(c)
}

// Busy is a story with all that the dashboards are for: three sources, one of
// which can't be listed whole, a week to compare with, attacks, faults, and an
// afternoon of trouble.
func Busy() *Story {
	s := &Story{
		Networks: everywhere, Policy: 15 * time.Minute, Lifetime: 8 * time.Hour, End: wednesday, Restart: 20 * time.Hour, Reload: 5 * time.Hour,
		Outage: Look{From: 90 * time.Minute, To: 65 * time.Minute},
		Looks:  []Look{{From: week + 26*time.Hour, To: week - 10*time.Minute, Every: every}, {From: 26 * time.Hour, Every: every}},
	}
	begin := s.End.Add(-s.Looks[0].From)
	office := newWorld(begin, func(c *world.Config) {
		c.Users = 180
		c.Intersight.Sessions, c.Intersight.BruteForce = 92, 0
		c.OAM.Sessions, c.OAM.Max, c.OAM.Impersonating, c.OAM.Lifetime = 20, 26, 0, 8*time.Hour
	})
	large := newWorld(begin, func(c *world.Config) {
		c.Seed, c.OAM.Sessions, c.OAM.Impersonating, c.OAM.Lifetime, c.OAM.OddAddresses = 2, 320, 0, 8*time.Hour, 0
	})
	prod := &Site{Name: "intersight-prod", API: session.Intersight, World: office}
	emea := &Site{Name: "sso-emea", API: session.OAM, World: office}
	apac := &Site{Name: "sso-apac", API: session.OAM, World: large, Skew: -2 * time.Second, MaxQueries: 60}
	s.Sites = []*Site{prod, emea, apac}

	slow := faults.Fault{Effect: faults.Latency(15 * time.Millisecond), Probability: 0.05}
	at := func(before time.Duration, do func()) { s.Events[int(before/time.Minute)] = do }
	login := func(failures int64, from string) func() {
		return func() {
			office.Add(session.Intersight, func(x *world.Session) { x.FailedLogins, x.ClientIP = failures, from })
		}
	}
	var batch []string
	s.Events = map[int]func(){}
	at(week+26*time.Hour, func() { prod.Faults.Set(slow) })
	at(week+5*time.Hour, login(7, "198.18.3.4"))
	at(19*time.Hour, login(9, "203.0.113.77"))
	at(5*time.Hour, func() { login(14, "203.0.113.77")() })
	at(4*time.Hour, func() { // an administrator tidies up
		n := 0
		for _, x := range office.Truth(session.Intersight) {
			if n < 8 && x.Status == session.Active && office.End(session.Intersight, x.ID, true) {
				n++
			}
		}
	})
	at(200*time.Minute, func() { apac.Faults.Set(faults.Fault{Effect: faults.Status(500)}) })
	at(178*time.Minute, func() { apac.Faults.Clear() })
	at(150*time.Minute, func() { prod.Faults.Set(faults.Fault{Effect: faults.Latency(400 * time.Millisecond)}) })
	at(140*time.Minute, func() { prod.Faults.Set(slow) })
	at(110*time.Minute, func() { // a script that never logs out
		batch = office.AddN(session.Intersight, 18, func(_ int, x *world.Session) {
			x.User, x.UserMoid, x.ClientIP = "backup@example.com", "5b000000000000000000beef", "203.0.113.9"
		})
	})
	at(75*time.Minute, func() {
		for _, id := range batch[:9] {
			office.Remove(session.Intersight, id)
		}
	})
	at(70*time.Minute, func() {
		office.AddN(session.OAM, 2, func(_ int, x *world.Session) { x.Impersonating = true })
	})
	at(40*time.Minute, func() {
		prod.Faults.Set(faults.Fault{Effect: faults.RetryAfter(429, 3*time.Minute)})
	})
	at(35*time.Minute, func() { prod.Faults.Set(slow) })
	at(6*time.Minute, login(12, "203.0.113.77"))
	return s
}

// Quiet is a healthy office that was installed two hours ago, listed whole, in
// which nothing happens that anybody should look at.
func Quiet() *Story {
	s := &Story{Networks: everywhere, Policy: 15 * time.Minute, Lifetime: 8 * time.Hour, End: wednesday, Looks: []Look{{From: 2 * time.Hour, Every: every}}}
	calm := newWorld(s.End.Add(-2*time.Hour), func(c *world.Config) {
		c.Users, c.Addresses = 300, 100
		c.Intersight.Sessions, c.Intersight.BruteForce, c.Intersight.FailureShare, c.Intersight.TerminatedShare = 30, 0, 0, 0
		c.Intersight.IdleTimeout, c.Intersight.Lifetime, c.Intersight.Gaps, c.Intersight.OddAddresses = 15*time.Minute, 8*time.Hour, 0, 0
		c.OAM.Sessions, c.OAM.Max, c.OAM.Impersonating, c.OAM.Gaps = 15, 26, 0, 0
		c.OAM.Lifetime = 8 * time.Hour
	})
	s.Sites = []*Site{{Name: "intersight", API: session.Intersight, World: calm}, {Name: "sso", API: session.OAM, World: calm}}
	return s
}

// Only is a quiet office with one of the two APIs and without named networks.
func Only(api session.API) *Story {
	s := Quiet()
	s.Networks, s.Looks = "", []Look{{From: 40 * time.Minute, Every: every}}
	for _, site := range s.Sites {
		if site.API == api {
			s.Sites = []*Site{site}
		}
	}
	return s
}
