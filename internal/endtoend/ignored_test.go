package endtoend

import (
	"testing"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// An OAM that takes no notice of any filter still has a total.
func TestFiltersThatAreIgnored(t *testing.T) {
	all := []string{simoam.FieldSessionID, simoam.FieldUserID, simoam.FieldClientIP, simoam.FieldStore, simoam.FieldImpersonating,
		simoam.FieldExpiry, simoam.FieldLastAccess, simoam.FieldUpdate}
	for _, n := range []int{28, 40, 60, 500, 5000} {
		for _, rows := range []simoam.RowsMode{simoam.RowsDrawn, simoam.RowsFixed} {
			w := world.NewStatic(world.Static{API: session.OAM, Sessions: n})
			r := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{Rows: rows, Filter: simoam.Filter{Ignore: all}}).start()
			for i := range 3 {
				got := r.scrape()
				if got.value("iam_source_up") != 1 || got.value("iam_sessions") != float64(n) {
					t.Errorf("%d sessions, rows %v, scrape %d: up %v, %v sessions; want 1, %v\n%s", n, rows, i, got.value("iam_source_up"), got.value("iam_sessions"), float64(n), r.log)
				}
				truthOf(w.Truth(session.OAM), nil).check(t, got, "iam_sessions_by_identity_store", "iam_sessions_by_client_ip")
			}
		}
	}
}
