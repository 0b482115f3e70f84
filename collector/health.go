package collector

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// health is how a source fares, by the refreshes that ended and were not given up.
// It is safe for concurrent use.
type health struct {
	logger  log.Logger
	errors  *prometheus.CounterVec // by reason
	failing logging.State[cause]   // zero: it does not

	mu      sync.Mutex
	latest  *outcome
	success time.Time
}

// ended takes in what a refresh came to.
func (h *health) ended(out *outcome, now time.Time) {
	h.report(out.err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latest = out
	if out.err == nil {
		h.success = now
	}
}

// last returns what the last refresh came to, nil before the first, and when one
// last succeeded.
func (h *health) last() (*outcome, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest, h.success
}

// report counts a failed refresh, and logs when a source begins to fail, fails
// for another cause, or recovers.
func (h *health) report(err error) {
	if err == nil {
		if before, changed := h.failing.Set(cause{}); changed {
			level.Info(h.logger).Log("msg", "Source recovered", "after", before.reason)
		}
		return
	}
	reason, failed := session.ReasonOf(err)
	if !failed {
		return // given up: nothing is known
	}
	h.errors.WithLabelValues(string(reason)).Inc()
	logger := level.Debug(h.logger)
	if _, changed := h.failing.Set(causeOf(err)); changed {
		logger = level.Error(h.logger)
	}
	logger.Log("msg", "Source refresh failed", "reason", reason, "err", err, "check", reason.Check())
}

// cause tells failures apart for the log: by reason, and by what kind of thing
// went wrong, as a refused password and a missing password file differ. Texts
// don't do: they hold trace ids.
type cause struct {
	reason session.Reason
	kind   string
}

func causeOf(err error) cause {
	reason, _ := session.ReasonOf(err)
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return cause{reason, fmt.Sprintf("%T", err)}
		}
		if _, file := err.(*fs.PathError); file {
			return cause{reason, "file"}
		}
		err = inner
	}
}
