package oam

import (
	"fmt"

	"iam_session_exporter/internal/session"
)

// window is the most sessions that one answer lists, and there is no second
// page ("maximum of 28 sessions", "not paginated").
const window = 28

// conclude says what an answer to everything proves. Below the window a listing
// that is as long as the total is whole. At the window it is not believed to be:
// a server whose total counts no further than it lists would look the same.
func (s *Source) conclude(a *answer) *session.Snapshot {
	complete := a.total < window && len(a.rows) == a.total
	snap := &session.Snapshot{
		Taken:    a.date,
		Sessions: make([]session.Session, len(a.rows)),
		Total:    a.total,
		Reported: a.total,
		Complete: complete,
		Resolved: map[session.Dimension]session.Resolution{
			session.DimensionClientIP:      {Listed: complete},
			session.DimensionIdentityStore: {Listed: complete},
		},
		Drift:  new(int), // the first look is the last
		Limits: s.limits(),
	}
	if s.cfg.RoleAttribute != "" {
		snap.Resolved[session.DimensionRole] = session.Resolution{Listed: complete}
	}
	impersonating := 0
	for i := range a.rows {
		snap.Sessions[i] = s.judge.session(&a.rows[i], a.date)
		if a.rows[i].impersonating {
			impersonating++
		}
	}
	if complete {
		snap.Impersonating = &impersonating
	}
	return snap
}

// limits are those of the config: the API tells none.
func (s *Source) limits() session.Limits {
	idle, lifetime := s.cfg.IdleTimeout, s.cfg.SessionLifetime
	l := session.Limits{IdleTimeout: &idle, Lifetime: &lifetime}
	if n := s.cfg.MaxSessionsPerUser; n > 0 {
		l.UserSessions = &n
	}
	return l
}

func describe(a *answer, snap *session.Snapshot) string {
	switch {
	case snap.Complete:
		return fmt.Sprintf("all %d sessions are listed", a.total)
	case a.total < window:
		return fmt.Sprintf("%d of %d sessions are listed, though one answer could list them all: the rest is unknown", len(a.rows), a.total)
	}
	return fmt.Sprintf("%d of %d sessions are listed, as one answer lists at most %d: the rest is unknown", len(a.rows), a.total, window)
}
