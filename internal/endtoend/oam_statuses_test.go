package endtoend

import (
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// Of an OAM too large to list, idle and expired sessions are counted all the
// same, where filters on times are proven.
func TestIdleAndExpiredOfALargeOAM(t *testing.T) {
	for name, c := range map[string]struct {
		form   simulator.TimeForm
		filter simulator.TimeFilter
		exact  bool
	}{
		"offset":   {simulator.FormOffset, simulator.TimeBefore, true},
		"epoch":    {simulator.FormEpoch, simulator.TimeBefore, true},
		"after":    {simulator.FormOffset, simulator.TimeAfter, false},
		"ignored":  {simulator.FormOffset, simulator.TimeIgnored, false},
		"rejected": {simulator.FormOffset, simulator.TimeRejected, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := simulator.NewStatic(simulator.Static{API: session.OAM, Seed: 3, Sessions: 8000, Addresses: 300, Users: 2500, Idle: 0.3, Expired: 0.04})
			rig := newRig(t, session.OAM, w, simulator.IntersightOptions{}, simulator.OAMOptions{
				Seed: 3, Form: simulator.OAMForm{Times: c.form}, Filter: simulator.OAMFilter{ExpiryTime: c.filter, LastAccessTime: c.filter},
			})
			rig.start()
			want := truthOf(w.Truth(session.OAM), nil)
			for range 2 {
				got := rig.pull()
				want.check(t, got, "iam_sessions_by_client_ip", "iam_sessions_by_identity_store")
				if got.value("iam_source_complete") == 1 {
					t.Fatal("complete")
				}
				for _, s := range []string{"idle", "expired"} {
					if n := got.value("iam_sessions", "status", s); (n == float64(want.byStatus[s])) != c.exact {
						t.Errorf("%v %s of %d", n, s, want.byStatus[s])
					}
				}
				if c.exact {
					if n := got.value("iam_sessions", "status", "unknown"); n != got.value("iam_source_unresolved_sessions", "dimension", "status") {
						t.Errorf("%v unknown", n)
					}
				}
			}
		})
	}
}
