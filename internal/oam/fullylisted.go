package oam

import (
	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/session"
)

// fullyListed adds the sets that are fully listed, and the sessions that were listed
// later than those of the snapshot. Sets by an address count only if it has one
// format: else the server may have a session of it in another by now.
func (s *Source) fullyListed(snap *session.Snapshot, a *client, r *evidence.Result) {
	for _, ref := range r.ListedLater {
		snap.ListedLater = append(snap.ListedLater, s.convert.id(&a.rows[ref]))
	}
	for _, q := range r.FullyListed {
		if q.IP != "" && !s.formats.sole(q.IP) {
			continue
		}
		x := session.Set{ClientIP: q.IP, IdentityStore: q.Store}
		if q.User != "" {
			x.User, x.IdentityStore = s.convert.user(q.Store, q.User), ""
		}
		snap.FullyListed = append(snap.FullyListed, x)
	}
}
