package oam

import (
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// notes logs what is odd about a server's answers, each oddity when it begins:
// answers come at every scrape.
type notes struct {
	logger     log.Logger
	short, odd bool
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
