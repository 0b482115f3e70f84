package endtoend

import (
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// An OAM that takes no notice of any filter still has a total.
func TestFiltersThatAreIgnored(t *testing.T) {
	all := []string{simulator.FieldSessionID, simulator.FieldUserID, simulator.FieldClientIP, simulator.FieldStore, simulator.FieldImpersonating,
		simulator.FieldExpiry, simulator.FieldLastAccess, simulator.FieldUpdate}
	for _, n := range []int{28, 40, 60, 500, 5000} {
		for _, rows := range []simulator.RowsMode{simulator.RowsDrawn, simulator.RowsFixed} {
			w := simulator.NewStatic(simulator.Static{API: session.OAM, Sessions: n})
			r := newRig(t, session.OAM, w, simulator.IntersightOptions{}, simulator.OAMOptions{Rows: rows, Filter: simulator.OAMFilter{Ignore: all}}).start()
			for i := range 3 {
				got := r.pull()
				if got.value("iam_source_up") != 1 || got.value("iam_sessions") != float64(n) {
					t.Errorf("%d sessions, rows %v, pull %d: up %v, %v sessions\n%s", n, rows, i, got.value("iam_source_up"), got.value("iam_sessions"), r.log)
				}
				truthOf(w.Truth(session.OAM), nil).check(t, got, "iam_sessions_by_identity_store", "iam_sessions_by_client_ip")
			}
		}
	}
}
