package collector

import (
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// A listing that is never complete, one session more each minute, and a clock
// that is ahead for some refreshes: starts are counted as soon as it is right.
func TestStartsAfterAClockWasAhead(t *testing.T) {
	for _, c := range []struct {
		ahead         time.Duration
		before, wrong int // refreshes
		hidden        int // starts that are not counted though the clock is right again
	}{
		{400 * day, 5, 3, 1},
		{400 * day, 0, 3, 1},
		{50 * time.Hour, 5, 3, 26 * 60},
		{time.Hour, 5, 3, 60},
	} {
		h := newHistory(maxRemembered)
		var ours time.Duration
		var listed []session.Session
		step := func(skew time.Duration) int {
			ours += time.Minute
			now := noon.Add(ours).Add(skew)
			listed = append(listed, session.Session{ID: session.Key(ours / time.Minute), Status: session.Active, Created: now.Add(-5 * time.Second), FailedLogins: -1})
			listed = listed[max(len(listed)-20, 0):]
			return h.learn(&session.Snapshot{Taken: now, Sessions: listed, Total: 1000, Reported: 1000}, ours).started
		}
		for range c.before {
			step(0)
		}
		for range c.wrong {
			step(c.ahead)
		}
		const refreshes = 3 * 24 * 60
		started := 0
		for range refreshes {
			started += step(0)
		}
		if started > refreshes+1 || started < refreshes-c.hidden-2 {
			t.Errorf("ahead by %v for %d refreshes after %d: %d of %d starts, at most %d should be missing; want at most %d, at least %d", c.ahead, c.wrong, c.before, started, refreshes, c.hidden, refreshes+1, refreshes-c.hidden-2)
		}
	}
}

// A session of the time that a clock was ahead, listed later, is not counted as a
// start: it may be older than our first look.
func TestSessionsOfAClockThatWasAhead(t *testing.T) {
	for _, ahead := range []time.Duration{400 * day, 25 * time.Hour, time.Hour} {
		h := newHistory(maxRemembered)
		look := func(minute int, skew time.Duration, created ...time.Time) int {
			ours := time.Duration(minute) * time.Minute
			s := &session.Snapshot{Taken: noon.Add(ours).Add(skew), Total: 1000, Reported: 1000}
			for _, at := range created {
				s.Sessions = append(s.Sessions, session.Session{ID: session.Key(at.Unix()), Status: session.Active, Created: at, FailedLogins: -1})
			}
			return h.learn(s, ours).started
		}
		then := noon.Add(ahead)
		look(0, ahead, then.Add(-time.Hour+10*time.Minute))
		look(1, ahead)
		look(2, 0)
		look(3, 0)
		for _, minute := range []int{4, 100} {
			if n := look(minute, 0, then.Add(-30*time.Minute), then.Add(30*time.Second)); n != 0 {
				t.Errorf("ahead by %v: %d starts at minute %d; want 0", ahead, n, minute)
			}
		}
	}
}
