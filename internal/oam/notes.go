package oam

import (
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// notes logs what is odd about a server's answers, each oddity when it begins:
// answers come at every refresh.
type notes struct {
	logger log.Logger
	mixed  bool

	short, odd, contradicts, loses trouble
}

// trouble is something that refreshes meet again and again.
type trouble struct {
	check string // which kind, where there are several
	calm  int    // refreshes without it that are missing until it is over
}

// calm is how many refreshes in a row must be free of trouble before it is over.
const calm = 3

// meet takes in whether a refresh met it, and reports whether it begins with that,
// or is over.
func (t *trouble) meet(met bool) (begins, over bool) {
	if met {
		begins, t.calm = t.calm == 0, calm
		return begins, false
	}
	if t.calm > 0 {
		t.calm--
		over = t.calm == 0
	}
	return false, over
}

func (n *notes) look(a *answer) {
	short := len(a.rows) < min(a.total, window)
	switch begins, over := n.short.meet(short); {
	case begins:
		level.Warn(n.logger).Log("msg", "OAM lists fewer sessions than one response can hold", "listed", len(a.rows), "total", a.total)
	case over:
		level.Info(n.logger).Log("msg", "OAM lists as many sessions as expected again")
	}

	odd := 0
	for i := range a.rows {
		if a.rows[i].odd {
			odd++
		}
	}
	switch begins, over := n.odd.meet(odd > 0); {
	case begins:
		level.Warn(n.logger).Log("msg", "Unreadable session times from OAM; treated as missing", "sessions", odd, "listed", len(a.rows))
	case over:
		level.Info(n.logger).Log("msg", "Session times from OAM are readable again")
	}
	if _, over := n.contradicts.meet(false); over {
		level.Info(n.logger).Log("msg", "OAM responses are consistent again")
	}
}

// formats logs whether any address may have several formats, when that changes.
func (n *notes) formats(mixed bool) {
	switch {
	case mixed && !n.mixed:
		level.Warn(n.logger).Log("msg", "OAM formats addresses inconsistently; beyond its window none is published")
	case !mixed && n.mixed:
		level.Info(n.logger).Log("msg", "OAM formats addresses consistently again")
	}
	n.mixed = mixed
}

// search logs what the filters were found to mean, when that changes.
func (n *notes) search(i searchInfo) {
	keyvals := []any{"msg", "Detected OAM filter semantics"}
	for _, l := range i.labels() {
		keyvals = append(keyvals, l.Name, l.Value)
	}
	level.Info(n.logger).Log(keyvals...)
}

// failed logs a check that failed, unless it was the last one that did, lately.
func (n *notes) failed(check string) {
	begins, _ := n.contradicts.meet(true)
	if begins || check != n.contradicts.check {
		level.Warn(n.logger).Log("msg", "Inconsistent or truncated OAM responses; discarding this refresh", "check", check)
	}
	n.contradicts.check = check
}

// lost logs when searches begin to stay without an answer, and when that is over.
func (n *notes) lost(searches int, err error) {
	switch begins, over := n.loses.meet(err != nil); {
	case begins:
		level.Warn(n.logger).Log("msg", "Some OAM queries failed; publishing partial results", "searches", searches, "err", err)
	case over:
		level.Info(n.logger).Log("msg", "All OAM queries succeed again")
	}
}
