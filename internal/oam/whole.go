package oam

import (
	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// whole tells which sets were listed whole, and which sessions were listed
// besides those of the snapshot. Sets by an address count only if it has one
// format: else the server may have a session of it in another by now.
func (s *Source) whole(snap *session.Snapshot, a *asker, r *plan.Result) {
	for _, ref := range r.Besides {
		snap.ListedLater = append(snap.ListedLater, s.judge.id(&a.rows[ref]))
	}
	for _, q := range r.Whole {
		if q.IP != "" && !s.formats.sole(q.IP) {
			continue
		}
		x := session.Set{ClientIP: q.IP, IdentityStore: q.Store}
		if q.User != "" {
			x.User, x.IdentityStore = s.judge.user(q.Store, q.User), ""
		}
		snap.FullyListed = append(snap.FullyListed, x)
	}
}
