package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// leaveOut removes the families that need what the API was not asked for: of what it
// does not know, there is not even a zero to publish.
func (v *view) leaveOut(snap *session.Snapshot) {
	for d := range v.by {
		if _, ok := snap.Resolved[d]; !ok {
			delete(v.by, d)
			delete(v.unresolved, d)
			delete(v.values, d)
		}
	}
	if _, ok := snap.Resolved[session.DimensionClientIP]; !ok {
		v.byNetwork = nil
		delete(v.unresolved, session.DimensionClientIP)
	}
	if snap.Lacks.User {
		v.users, v.userMax = nil, nil
	}
	if snap.Lacks.Created {
		v.oldest, v.older = time.Time{}, nil
	}
	v.noFailures = snap.Lacks.FailedLogins
}
