package collector

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// TimeoutHeader is how Prometheus tells how long it waits for a scrape.
const TimeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// Allowed returns how long a scrape may take: what Prometheus waits, less offset,
// but at least nine tenths of it. 0 means that the request does not say.
func Allowed(h http.Header, offset time.Duration) time.Duration {
	s, err := strconv.ParseFloat(h.Get(TimeoutHeader), 64)
	if err != nil || math.IsNaN(s) || s <= 0 {
		return 0
	}
	wait := time.Duration(math.Min(s, 24*60*60) * float64(time.Second))
	return wait - min(max(offset, 0), wait/10)
}

// patience remembers the most that callers have lately allowed. The zero patience
// has seen no caller.
type patience struct {
	allowed time.Duration
	at      time.Time // of the last caller who allowed as much
}

// patienceFor is how long a caller who allows more than the others is remembered.
const patienceFor = time.Hour

// usual returns the most that callers have lately allowed; 0 if there were none.
func (p *patience) usual(now time.Time) time.Duration {
	if now.Sub(p.at) > patienceFor {
		return 0
	}
	return p.allowed
}

func (p *patience) see(allowed time.Duration, now time.Time) {
	if allowed >= p.allowed || now.Sub(p.at) > patienceFor {
		p.allowed, p.at = allowed, now
	}
}
