package collector

import (
	"sync"
	"time"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// sharing has callers share refreshes: those who come while one is under way, and
// those who come within the minimal interval after it began. It is safe for
// concurrent use.
type sharing struct {
	opt *Options

	mu      sync.Mutex
	newest  *flight // the refresh that began last, under way or not
	patient patience
}

// share is a caller's share in a flight.
type share struct {
	*flight
	came  time.Time // the collector's clock
	first bool      // the flight is new, and has to be run
	waits bool      // the flight counts him among those who wait
}

// take finds or makes the flight whose outcome answers a caller who came at begin
// and can wait as long as allowed. by is how sessions are to be grouped.
func (s *sharing) take(begin time.Time, allowed time.Duration, by *grouping.Grouping) share {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, f := s.opt.Now(), s.newest
	if f != nil && f.join(begin.Add(allowed)) {
		return share{flight: f, came: now, waits: true}
	}
	if f != nil && !f.outdated(by) && now.Sub(f.began) < s.opt.MinInterval {
		return share{flight: f, came: now}
	}
	s.newest = s.newFlight(begin, now, allowed)
	return share{flight: s.newest, came: now, first: true, waits: true}
}

// see takes in how long a scrape can wait.
func (s *sharing) see(allowed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patient.see(allowed, time.Now())
}

// planned returns how long a refresh may take that no scrape waits for: the source's
// own timeout, but where it plans for the time that it has, a scrape that joins it
// should have its answer in time.
func (s *sharing) planned() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if usual := s.patient.usual(time.Now()); usual > 0 && s.opt.facts.Has(session.FactPartial) {
		return usual
	}
	return s.opt.Timeout
}

// asked returns when the newest refresh began; zero before the first.
func (s *sharing) asked() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return time.Time{}
	}
	return s.newest.began
}

// newFlight prepares a refresh for a caller who can wait as long as allowed. One
// that answers later scrapes, too, takes the time that they may allow.
func (s *sharing) newFlight(begin, now time.Time, allowed time.Duration) *flight {
	longest := begin.Add(s.opt.Timeout)
	switch {
	case s.opt.MinInterval <= 0:
		return newFlight(begin, now, begin.Add(allowed), longest, false, false)
	case s.opt.facts.Has(session.FactPartial):
		// It plans for the time it has, and publishes then what is proven: it
		// should be in time for those who usually wait.
		return newFlight(begin, now, begin.Add(max(allowed, s.patient.allowed)), longest, true, true)
	}
	return newFlight(begin, now, longest, longest, true, false)
}

// idle reports whether no refresh is under way.
func (s *sharing) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest == nil || s.newest.landed()
}

// closing is how long a refresh that was given up may take to end.
const closing = 5 * time.Second

// close ends a refresh under way.
func (s *sharing) close() {
	s.mu.Lock()
	f := s.newest
	s.mu.Unlock()
	if f == nil {
		return
	}
	f.cancel(errAbandoned)
	select {
	case <-f.done:
	case <-time.After(closing): // it is stuck, and must not hold the end up
	}
}
