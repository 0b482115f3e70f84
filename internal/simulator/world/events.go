package world

import (
	"maps"
	"time"

	"iam_session_exporter/internal/session"
)

// Kind says what an Event tells.
type Kind string

const (
	// Started: a session began. FailedLogins is its figure if one is told.
	Started Kind = "started"
	// Ended: a session ended by the product's rules, for Reason. It may stay
	// listed for some time. An expired one ends when it expires; an idle
	// Intersight one when it is removed, as a listed idle session has not ended.
	Ended Kind = "ended"
	// Removed: a session is not listed any more.
	Removed Kind = "removed"
	// FailedLogin: somebody failed to log in to Intersight. No session yet, and
	// perhaps never one.
	FailedLogin Kind = "failed_login"
)

// Why a session ended. Only the world knows: Intersight deletes the object, and
// OAM the row, so a reader can often tell no more than that it is gone.
const (
	ReasonEnded      = "ended"      // logged out
	ReasonTerminated = "terminated" // by an administrator
	ReasonExpired    = "expired"
	ReasonIdle       = "idle"
	ReasonGone       = "gone" // removed by World.Remove
)

// Event is something that happened in a world.
type Event struct {
	At           time.Time
	Kind         Kind
	ID           string // of the session; "" for FailedLogin
	User         string
	ClientIP     string
	Reason       string // of Ended
	FailedLogins int64  // of Started; -1 where the session tells none
}

// Counts sums up what has happened to one API's sessions since the world's
// start. Started − Σ Ended is the change in sessions that have not ended;
// Started − Removed the change in those listed.
type Counts struct {
	Started int
	Ended   map[string]int // by reason
	Removed int

	FailedAttempts      int   // failed logins, told or not
	FailedLogins        int64 // told: the sum of the figures, each once
	LoginsAfterFailures int   // logins whose figure is 1 or more
}

// EndedTotal sums Ended over all reasons.
func (c Counts) EndedTotal() int {
	sum := 0
	for _, n := range c.Ended {
		sum += n
	}
	return sum
}

type eventLog struct {
	max    int
	off    bool // during the warm-up
	events []Event
	counts Counts
}

func (l *eventLog) add(e Event) {
	if l.off {
		return
	}
	switch e.Kind {
	case Started:
		l.counts.Started++
		if e.FailedLogins > 0 {
			l.counts.FailedLogins += e.FailedLogins
			l.counts.LoginsAfterFailures++
		}
	case Ended:
		if l.counts.Ended == nil {
			l.counts.Ended = make(map[string]int)
		}
		l.counts.Ended[e.Reason]++
	case Removed:
		l.counts.Removed++
	case FailedLogin:
		l.counts.FailedAttempts++
	}
	// Dropping half at a time makes dropping cheap.
	if l.max > 0 && len(l.events) >= 2*l.max {
		l.events = append(l.events[:0], l.events[len(l.events)-l.max+1:]...)
	}
	l.events = append(l.events, e)
}

// grew counts failed logins that a listed figure has newly shown.
func (l *eventLog) grew(n int64) {
	if !l.off {
		l.counts.FailedLogins += n
	}
}

func (l *eventLog) list() []Event {
	from := 0
	if l.max > 0 {
		from = max(0, len(l.events)-l.max)
	}
	return append([]Event(nil), l.events[from:]...)
}

// Events lists what has happened to an API's sessions, oldest first; with
// Config.MaxEvents, only the latest.
func (w *World) Events(api session.API) []Event {
	defer w.enter()()
	return w.pool(api).log.list()
}

// Counts sums up what has happened to an API's sessions since the start.
func (w *World) Counts(api session.API) Counts {
	defer w.enter()()
	c := w.pool(api).log.counts
	c.Ended = maps.Clone(c.Ended)
	return c
}
