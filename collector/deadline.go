package collector

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// TimeoutHeader is how Prometheus tells how long it waits for a pull.
const TimeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// Allowed returns how long a pull may take: what Prometheus waits, less offset,
// but at least nine tenths of it. 0 means that the request does not say.
func Allowed(h http.Header, offset time.Duration) time.Duration {
	s, err := strconv.ParseFloat(h.Get(TimeoutHeader), 64)
	if err != nil || math.IsNaN(s) || s <= 0 {
		return 0
	}
	wait := time.Duration(math.Min(s, 24*60*60) * float64(time.Second))
	return wait - min(max(offset, 0), wait/10)
}
