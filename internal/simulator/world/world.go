package world

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/session"
)

// World is the people, the sessions of both APIs and a clock. Its methods may
// be called concurrently.
type World struct {
	mu     sync.Mutex
	config Config
	rand   *rand.Rand
	now    time.Time
	follow func() time.Time

	people     people
	directory  directory
	intersight *pool
	oam        *pool
	schedule   schedule
	made       uint64 // sessions made so far
}

// New returns a moving world at c.Start, populated if c.Warmup is long enough.
func New(c Config) *World {
	c = c.filled()
	w := newWorld(c, c.Start.Add(-max(c.Warmup, 0)))
	w.people = newPeople(w.rand, c.Users, c.Stores, c.Roles, newAddresses(w.rand, c.Addresses))
	w.enroll()
	for _, p := range []*pool{w.intersight, w.oam} {
		if p.Sessions > 0 {
			w.schedule.push(w.now, due{duty: dutyArrive, pool: p})
			if p.BruteForce > 0 && p.api == session.Intersight {
				w.schedule.push(w.soon(p, exponential(w.rand, p.BruteForce)), due{duty: dutyBrute, pool: p})
			}
		}
		p.log.off = true
	}
	w.advance(c.Start)
	w.intersight.log.off, w.oam.log.off = false, false
	return w
}

func newWorld(c Config, start time.Time) *World {
	return &World{
		config:     c,
		rand:       newRand(c.Seed, 1),
		now:        start,
		intersight: newPool(session.Intersight, c.Intersight, c.MaxEvents),
		oam:        newPool(session.OAM, c.OAM, c.MaxEvents),
		directory:  newDirectory(c.Providers),
	}
}

// enroll makes users of Intersight of all people.
func (w *World) enroll() {
	for _, who := range w.people.all {
		w.directory.enroll(who)
	}
}

// Now is the world's time.
func (w *World) Now() time.Time {
	defer w.enter()()
	return w.now
}

// Advance moves the world to a time; one that is past does nothing.
func (w *World) Advance(to time.Time) {
	defer w.enter()()
	w.advance(to)
}

// Step advances the world by d.
func (w *World) Step(d time.Duration) {
	defer w.enter()()
	w.advance(w.now.Add(d))
}

// Follow makes the world keep up with a clock by itself, in steps of
// Config.Tick: from now on it moves whenever it is asked something. No goroutine
// is involved. The clock must not call the world. nil makes it stand still again.
func (w *World) Follow(now func() time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.follow = now
}

// Truth lists every session that an API has listed now, in the order of their
// ids, each with its true Status and, in Intersight, identity store.
func (w *World) Truth(api session.API) []Session {
	defer w.enter()()
	p := w.pool(api)
	out := make([]Session, 0, len(p.all()))
	for _, e := range p.all() {
		s := e.Session
		w.describe(p, &s)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Session) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Tally counts the sessions listed now, by true status.
func (w *World) Tally(api session.API) map[session.Status]int {
	defer w.enter()()
	p := w.pool(api)
	out := make(map[session.Status]int)
	for _, e := range p.all() {
		out[p.statusOf(&e.Session, w.now)]++
	}
	return out
}

// Len is the number of sessions listed now.
func (w *World) Len(api session.API) int {
	defer w.enter()()
	return len(w.pool(api).all())
}

// Stores lists the names of the identity stores, the biggest first.
func (w *World) Stores() []string {
	defer w.enter()()
	count := make(map[string]int)
	for _, p := range w.people.all {
		count[p.store]++
	}
	out := make([]string, 0, len(count))
	for name := range count {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return out
}

// Limits returns the settings of an API's population, such as its timeouts.
func (w *World) Limits(api session.API) Population {
	defer w.enter()()
	return w.pool(api).Population
}

// enter locks the world and lets it catch up with the clock it follows; the
// function it returns unlocks it.
func (w *World) enter() (leave func()) {
	w.mu.Lock()
	if w.follow != nil {
		w.advance(w.follow().UTC().Round(0).Truncate(w.config.Tick))
	}
	return w.mu.Unlock
}

func (w *World) pool(api session.API) *pool {
	if api == session.OAM {
		return w.oam
	}
	return w.intersight
}

func (w *World) advance(to time.Time) {
	for {
		d, ok := w.schedule.pop(to)
		if !ok {
			break
		}
		w.now = time.Unix(0, d.at).UTC()
		w.do(d)
	}
	if to.After(w.now) {
		w.now = to.UTC().Round(0)
	}
}
