package oam

import (
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/session"
)

// notes logs what is odd about a server's answers, each oddity when it begins:
// answers come at every scrape.
type notes struct {
	logger     log.Logger
	short, odd bool
	mixed      bool
}

func (n *notes) look(a *answer) {
	short := len(a.rows) < min(a.total, window)
	if short && !n.short {
		level.Warn(n.logger).Log("msg", "OAM lists fewer sessions than it counts and than one answer can list", "listed", len(a.rows), "total", a.total)
	}
	n.short = short

	odd := 0
	for i := range a.rows {
		if a.rows[i].odd {
			odd++
		}
	}
	if odd > 0 && !n.odd {
		level.Warn(n.logger).Log("msg", "OAM lists sessions with times that can't be read; these count as not told", "sessions", odd, "listed", len(a.rows))
	}
	n.odd = odd > 0
}

// formats logs whether any address may have several formats, when that changes.
func (n *notes) formats(mixed bool) {
	switch {
	case mixed && !n.mixed:
		level.Warn(n.logger).Log("msg", "OAM formats the same client addresses in several ways; beyond its window none is published by name")
	case !mixed && n.mixed:
		level.Info(n.logger).Log("msg", "OAM formats each client address in one way again")
	}
	n.mixed = mixed
}

// search logs what the filters were found to mean, when that changes.
func (n *notes) search(i session.SearchInfo) {
	level.Info(n.logger).Log("msg", "What OAM's search filters mean", "combine", i.Combine, "match", i.Match, "case", i.Case, "wildcard", i.Wildcard,
		"rows", i.Rows, "expiry_time", i.ExpiryTime, "last_access_time", i.LastAccessTime, "total", i.Total, "no_match", i.NoMatch)
}

// failed logs a check that failed.
func (n *notes) failed(check string) {
	level.Warn(n.logger).Log("msg", "OAM's answers contradict each other, or are cut off: nothing of them is published", "check", check)
}

// cut logs why a scrape ended early though its first search was answered.
func (n *notes) cut(err error) {
	if err != nil {
		level.Warn(n.logger).Log("msg", "OAM stopped answering in the midst of a scrape: what was proven until then is published", "err", err)
	}
}
