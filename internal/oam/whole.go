package oam

import (
	"net/netip"

	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// whole tells which sets were listed whole, and which sessions were listed
// besides those of the snapshot. Sets by an address count only where addresses
// are spelt in one way: else the server may have it in another by now.
func (s *Source) whole(snap *session.Snapshot, a *asker, r *plan.Result, v4, v6 bool) {
	for _, ref := range r.Besides {
		snap.Besides = append(snap.Besides, s.judge.id(&a.rows[ref]))
	}
	for _, q := range r.Whole {
		if q.IP != "" {
			ip, err := netip.ParseAddr(q.IP)
			if err != nil || ip.Unmap().Is4() && !v4 || ip.Unmap().Is6() && !v6 {
				continue
			}
		}
		x := session.Set{ClientIP: q.IP, IdentityStore: q.Store}
		if q.User != "" {
			x.User, x.IdentityStore = s.judge.user(q.Store, q.User), ""
		}
		snap.Whole = append(snap.Whole, x)
	}
}
