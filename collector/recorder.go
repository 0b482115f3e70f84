package collector

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"iam_session_exporter/internal/session"
)

// Step is something that a refresh did: a request, or a conclusion. Neither tells
// a secret or an identity.
type Step struct {
	At       time.Duration    // since the refresh began
	Request  *session.Request // nil for a conclusion
	Decision string
}

// maxSteps bounds what is kept of a refresh for those who debug it.
const maxSteps = 1000

// recorder gathers what a refresh's trace tells.
type recorder struct {
	begin time.Time

	mu       sync.Mutex
	requests int
	skew     *time.Duration
	steps    []Step
}

func (rec *recorder) trace(c *counters) *session.Trace {
	return &session.Trace{
		Request: func(r session.Request) {
			c.sent(r)
			rec.mu.Lock()
			defer rec.mu.Unlock()
			rec.requests++
			if !r.Date.IsZero() && rec.skew == nil {
				skew := r.Date.Sub(r.Sent.Add(r.RoundTrip / 2))
				rec.skew = &skew
			}
			rec.step(Step{Request: &r})
		},
		Connection: c.connections.Inc,
		Decision: func(what string) {
			rec.mu.Lock()
			defer rec.mu.Unlock()
			rec.step(Step{Decision: what})
		},
	}
}

// read returns when, by our clock, an answer was made that told the API's clock
// as taken; or the request sent whose answer told none. The skew is then that of
// this answer: another one's may be of another host, which gave a token.
func (rec *recorder) read(taken time.Time) (time.Time, bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, st := range rec.steps {
		switch r := st.Request; {
		case r == nil:
		case r.Date.IsZero() && r.Sent.Equal(taken):
			return r.Sent, true
		case r.Date.Equal(taken):
			at := r.Sent.Add(r.RoundTrip / 2)
			skew := taken.Sub(at)
			rec.skew = &skew
			return at, true
		}
	}
	return time.Time{}, false
}

// answered reports whether any request was answered with success.
func (rec *recorder) answered() bool {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, st := range rec.steps {
		if r := st.Request; r != nil && r.Code == http.StatusOK && r.Err == nil {
			return true
		}
	}
	return false
}

func (rec *recorder) step(st Step) {
	if len(rec.steps) < maxSteps {
		st.At = time.Since(rec.begin)
		rec.steps = append(rec.steps, st)
	}
}

func (rec *recorder) outcome() outcome {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return outcome{requests: rec.requests, skew: rec.skew, steps: slices.Clip(rec.steps)}
}
