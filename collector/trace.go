package collector

import (
	"slices"
	"sync"
	"time"

	"iam_session_exporter/internal/session"
)

// Step is something that a scrape did: a request, or a conclusion. Neither tells
// a secret or an identity.
type Step struct {
	At       time.Duration    // since the scrape began
	Request  *session.Request // nil for a conclusion
	Decision string
}

// maxSteps bounds what is kept of a scrape for those who debug it.
const maxSteps = 1000

// seen gathers what a scrape's trace tells.
type seen struct {
	begin time.Time

	mu       sync.Mutex
	requests int
	skew     *time.Duration
	steps    []Step
}

func (s *seen) trace(c *counters) *session.Trace {
	return &session.Trace{
		Request: func(r session.Request) {
			c.sent(r)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.requests++
			if !r.Date.IsZero() && s.skew == nil {
				skew := r.Date.Sub(r.Sent.Add(r.RoundTrip / 2))
				s.skew = &skew
			}
			s.step(Step{Request: &r})
		},
		Connection: c.connections.Inc,
		Decision: func(what string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.step(Step{Decision: what})
		},
	}
}

// read returns when, by our clock, an answer was made that told the API's clock
// as taken; or the request sent whose answer told none.
func (s *seen) read(taken time.Time) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.steps {
		switch r := st.Request; {
		case r == nil:
		case r.Date.IsZero() && r.Sent.Equal(taken):
			return r.Sent, true
		case r.Date.Equal(taken):
			return r.Sent.Add(r.RoundTrip / 2), true
		}
	}
	return time.Time{}, false
}

func (s *seen) step(st Step) {
	if len(s.steps) < maxSteps {
		st.At = time.Since(s.begin)
		s.steps = append(s.steps, st)
	}
}

func (s *seen) outcome() outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return outcome{requests: s.requests, skew: s.skew, steps: slices.Clip(s.steps)}
}
