package oam

import (
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
)

// changeLog logs what is odd about a server's answers, each oddity when it begins
// and when it is over: answers come at every refresh.
type changeLog struct {
	logger log.Logger
	mixed  logging.State[bool] // addresses have several formats

	short, odd, contradicts, lost, linked trouble
}

// trouble is something that refreshes meet again and again.
type trouble struct {
	state logging.State[string] // which one; "" is none
	calm  int                   // refreshes without it that are missing until it is over
}

// calm is how many refreshes in a row must be free of trouble before it is over.
const calm = 3

// meet takes in which trouble a refresh met, "" for none, and reports whether that
// begins, or another one is over.
func (t *trouble) meet(which string) (begins, over bool) {
	switch {
	case which != "":
		t.calm = calm
	case t.calm > 1:
		t.calm--
		return false, false
	default:
		t.calm = 0
	}
	_, changed := t.state.Set(which)
	return changed && which != "", changed && which == ""
}

// met names a trouble that has no kinds.
func met(it bool) string {
	if it {
		return "met"
	}
	return ""
}

// look logs what is odd about the first answer of a refresh.
func (l *changeLog) look(a *answer) {
	short := len(a.rows) < min(a.total, window)
	switch begins, over := l.short.meet(met(short)); {
	case begins:
		level.Warn(l.logger).Log("msg", "OAM lists fewer sessions than one response can hold", "listed", len(a.rows), "total", a.total)
	case over:
		level.Info(l.logger).Log("msg", "OAM lists as many sessions as expected again")
	}

	odd := 0
	for i := range a.rows {
		if a.rows[i].odd {
			odd++
		}
	}
	switch begins, over := l.odd.meet(met(odd > 0)); {
	case begins:
		level.Warn(l.logger).Log("msg", "Unreadable session times from OAM; treated as missing", "sessions", odd, "listed", len(a.rows))
	case over:
		level.Info(l.logger).Log("msg", "Session times from OAM are readable again")
	}
	if _, over := l.contradicts.meet(""); over {
		level.Info(l.logger).Log("msg", "OAM responses are consistent again")
	}
}

// links logs whether answers have links to pages of results. OAM has no paging: one
// that has links is another build than is known, and perhaps lists more by them.
// They are not followed, and not shown, as they may hold anything.
func (l *changeLog) links(linked bool) {
	switch begins, over := l.linked.meet(met(linked)); {
	case begins:
		level.Warn(l.logger).Log("msg", "OAM responses link to pages of results, which OAM is not known to have; the links are not followed")
	case over:
		level.Info(l.logger).Log("msg", "OAM responses have no links any more")
	}
}

// formats logs whether any address may have several formats, when that changes.
func (l *changeLog) formats(mixed bool) {
	switch _, changed := l.mixed.Set(mixed); {
	case changed && mixed:
		level.Warn(l.logger).Log("msg", "OAM formats addresses inconsistently; beyond its window none is published")
	case changed:
		level.Info(l.logger).Log("msg", "OAM formats addresses consistently again")
	}
}

// semantics logs what the filters were found to mean.
func (l *changeLog) semantics(i searchInfo) {
	keyvals := []any{"msg", "Detected OAM filter semantics"}
	for _, label := range i.labels() {
		keyvals = append(keyvals, label.Name, label.Value)
	}
	level.Info(l.logger).Log(keyvals...)
}

// untrusted logs a check that failed, unless it was the last one that did, lately.
func (l *changeLog) untrusted(check string) {
	if begins, _ := l.contradicts.meet(check); begins {
		level.Warn(l.logger).Log("msg", "Inconsistent or truncated OAM responses; discarding this refresh", "check", check)
	}
}

// unanswered logs when searches begin to stay without an answer, and when that is
// over.
func (l *changeLog) unanswered(searches int, err error) {
	switch begins, over := l.lost.meet(met(err != nil)); {
	case begins:
		level.Warn(l.logger).Log("msg", "Some OAM queries failed; publishing partial results", "searches", searches, "err", err)
	case over:
		level.Info(l.logger).Log("msg", "All OAM queries succeed again")
	}
}
