package endtoend

import (
	"testing"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// Of an OAM too large to list, idle and expired sessions are counted all the
// same, where filters on times are proven.
func TestIdleAndExpiredOfALargeOAM(t *testing.T) {
	for name, c := range map[string]struct {
		form   simoam.TimeForm
		filter simoam.TimeFilter
		exact  bool
	}{
		"offset":   {simoam.FormOffset, simoam.TimeBefore, true},
		"epoch":    {simoam.FormEpoch, simoam.TimeBefore, true},
		"after":    {simoam.FormOffset, simoam.TimeAfter, false},
		"ignored":  {simoam.FormOffset, simoam.TimeIgnored, false},
		"rejected": {simoam.FormOffset, simoam.TimeRejected, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.NewStatic(world.Static{API: session.OAM, Seed: 3, Sessions: 8000, Addresses: 300, Users: 2500, Idle: 0.3, Expired: 0.04})
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{
				Seed: 3, Form: simoam.Form{Times: c.form}, Filter: simoam.Filter{ExpiryTime: c.filter, LastAccessTime: c.filter},
			})
			rig.start()
			want := truthOf(w.Truth(session.OAM), nil)
			for range 2 {
				got := rig.scrape()
				want.check(t, got, "iam_sessions_by_client_ip", "iam_sessions_by_identity_store")
				if got.value("iam_source_complete") == 1 {
					t.Fatal("complete")
				}
				for _, s := range []string{"idle", "expired"} {
					if n := got.value("iam_sessions", "status", s); (n == float64(want.byStatus[s])) != c.exact {
						t.Errorf("%v %s of %d; want (n == float64(want.byStatus[s])) %v", n, s, want.byStatus[s], c.exact)
					}
				}
				if c.exact {
					if n := got.value("iam_sessions", "status", "unknown"); n != got.value("iam_source_unresolved_sessions", "dimension", "status") {
						t.Errorf("%v unknown, want the %v unresolved", n, got.value("iam_source_unresolved_sessions", "dimension", "status"))
					}
				}
			}
		})
	}
}
