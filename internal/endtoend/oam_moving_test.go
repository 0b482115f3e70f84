package endtoend

import (
	"fmt"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// While sessions come and go during a scrape, what is listed is a lower bound of
// what was there when it began, what is missing is told, and nothing is taken for
// a contradiction.
func TestAMovingWorldIsNeitherDownNorOverstated(t *testing.T) {
	for _, ramp := range []bool{false, true} {
		for _, fixed := range []bool{false, true} {
			for _, n := range []int{500, 3000} {
				t.Run(fmt.Sprintf("%d sessions, ramp %v, fixed %v", n, ramp, fixed), func(t *testing.T) {
					w := world.NewStatic(world.Static{API: session.OAM, Seed: 5, Sessions: n, Addresses: n / 8, Users: n / 3, Stores: 4})
					o := simoam.Options{Seed: 5, Filter: simoam.Filter{Wildcard: n > 1000}}
					if fixed {
						o.Rows = simoam.RowsFixed
					}
					// Some 1 % of the sessions change during a scrape.
					every := max(300/(n/100), 1)
					o.OnQuery = func(i int, q simoam.Query) {
						if i%every == 0 && len(q.Fields) > 0 {
							w.Step(time.Second)
							if ramp {
								w.Add(session.OAM, func(s *world.Session) { s.Expires = s.Created.Add(24 * time.Hour) })
							} else {
								w.Churn(session.OAM, 1)
							}
						}
					}
					rig := newRig(t, session.OAM, w, simintersight.Options{}, o)
					rig.queries = 300
					rig.start()
					for range 3 {
						w.Step(2 * time.Second) // so that no session begins in the second of the first search
						before := w.Truth(session.OAM)
						tr := truthOf(before, nil)
						got := rig.scrape()
						if got.value("iam_source_up") != 1 {
							t.Fatalf("down: %s", rig.log)
						}
						for _, f := range []string{"iam_sessions", "iam_sessions_by_client_ip", "iam_sessions_by_identity_store"} {
							if sum := got.value(f); sum != float64(tr.total) {
								t.Errorf("%s sums to %v, truth at the beginning is %d", f, sum, tr.total)
							}
						}
						listed := got.value("iam_source_listed_ratio") * float64(tr.total)
						for _, s := range []string{"active", "idle", "expired"} {
							if v := got.value("iam_sessions", "status", s); v > float64(tr.byStatus[s])+4 {
								t.Errorf("%s %v, truth at the beginning is %d", s, v, tr.byStatus[s])
							}
						}
						if complete := got.value("iam_source_complete") == 1; complete && int(listed+.5) != tr.total {
							t.Error("complete, but not all are listed")
						}
						after := truthOf(w.Truth(session.OAM), nil)
						moved := float64(n)/100*3 + 10
						for p := range tr.by["iam_sessions_by_client_ip"] {
							v, _ := got.get("iam_sessions_by_client_ip", "client_ip", p.value)
							a, b := 0.0, 0.0
							for _, s := range session.Statuses() {
								a += float64(tr.by["iam_sessions_by_client_ip"][pair{p.value, s.String()}])
								b += float64(after.by["iam_sessions_by_client_ip"][pair{p.value, s.String()}])
							}
							if v > max(a, b)+moved {
								t.Errorf("%s: %v, truth is %v, later %v", p.value, v, a, b)
							}
						}
					}
				})
			}
		}
	}
}

// Where time or an answer runs out in the midst of a scrape, what was proven
// until then is published.
func TestAScrapeThatEndsEarlyPublishesWhatItHas(t *testing.T) {
	for name, end := range map[string]struct {
		effect faults.Effect
		from   int // query
	}{
		"time":         {faults.Latency(40 * time.Millisecond), 0},
		"busy":         {faults.RetryAfter(429, time.Minute), 30},
		"out of order": {faults.Status(503), 30},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.NewStatic(world.Static{API: session.OAM, Seed: 5, Sessions: 3000, Addresses: 400, Users: 1000, Stores: 4})
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{Seed: 5})
			rig.change = func(o *collector.Options) { o.Timeout = 10 * time.Second }
			if end.from == 0 {
				rig.change = func(o *collector.Options) { o.Timeout = 3 * time.Second }
			}
			rig.start()
			if end.from == 0 {
				rig.faults.Set(faults.Fault{Effect: end.effect})
			} else {
				rig.oam.Set(func(o *simoam.Options) {
					o.OnQuery = func(n int, _ simoam.Query) {
						if n == end.from {
							rig.faults.Set(faults.Fault{Effect: end.effect})
						}
					}
				})
			}
			got := rig.scrape()
			if got.value("iam_source_up") != 1 || got.value("iam_source_complete") != 0 || got.value("iam_source_errors_total") != 0 {
				t.Fatalf("up %v, complete %v; want 1, 0\n%s", got.value("iam_source_up"), got.value("iam_source_complete"), rig.log)
			}
			sessions := w.Truth(session.OAM)
			truthOf(sessions, nil).check(t, got, "iam_sessions_by_identity_store", "iam_sessions_by_client_ip")
			if checkNamed(t, got, sessions, false) < 4 {
				t.Error("nothing is counted by name")
			}
		})
	}
}
