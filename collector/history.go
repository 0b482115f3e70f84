package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// history is what a source's snapshots have taught, one after the other.
type history struct {
	clock  clock
	life   *lifecycle
	logins *logins
	users  recentUsers // whatever the API's clock does
	limit  int         // of sessions remembered, of logins, and of users
}

// maxRemembered is how many sessions of a source are remembered, how many logins, and
// how many users.
const maxRemembered = 200_000

func newHistory(limit int) *history {
	return &history{life: newLifecycle(limit), logins: newLogins(limit), users: recentUsers{limit: limit}, limit: limit}
}

// learn takes the next snapshot, whose Taken was read when ours was the time
// since the source was made.
func (h *history) learn(snap *session.Snapshot, ours time.Duration) (c changes) {
	b, set := h.clock.read(reading{snap.Taken, ours})
	switch b {
	case doubted:
		return changes{}
	case anew:
		h.life, h.logins = newLifecycle(h.limit), newLogins(h.limit)
	}
	if set != 0 {
		h.life.clockSet(snap.Taken, set)
	}
	c = h.life.observe(snap, ours)
	c.failed, c.after = h.logins.observe(snap, h.life.sight, ours)
	return c
}
