package notify

import (
	"testing"
	"time"
)

// The numbers of the Prometheus Alert Generator Compliance Specification 1.0, where
// the exporter keeps to it: a firing alert is sent again each minute, a resolved one
// for 15 minutes, and what fires again is sent as it fires. Its caller decides when:
// each state that it hands over is sent then, and no other.
// https://github.com/prometheus/compliance/blob/main/alert_generator/specification.md
func TestComplianceSpecification(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		time.Sleep(time.Second)
		var want []posted
		version := 0
		each := func(minutes int, state func() Alert) {
			for range minutes {
				version++
				a := state()
				r.Send([]Alert{a})
				want = append(want, posted{at: time.Since(am.begin), alerts: []wire{{Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, EndsAt: a.EndsAt}}})
				time.Sleep(time.Minute - time.Nanosecond)
			}
		}
		each(20, func() Alert { return firing("u-1", version) })
		ended := time.Now()
		each(15, func() Alert {
			a := resolved("u-1", version)
			a.EndsAt = ended
			return a
		})
		again := time.Now()
		each(5, func() Alert {
			a := firing("u-1", version)
			a.StartsAt = again
			return a
		})
		got := am.takeAll()
		if len(got) != len(want) {
			t.Fatalf("%d requests, want %d", len(got), len(want))
		}
		for i, w := range want {
			if g := got[i]; g.String() != w.String() || !g.alerts[0].StartsAt.Equal(w.alerts[0].StartsAt) || !g.alerts[0].EndsAt.Equal(w.alerts[0].EndsAt) {
				t.Errorf("got %s from %s to %s, want %s from %s to %s", g, g.alerts[0].StartsAt, g.alerts[0].EndsAt, w, w.alerts[0].StartsAt, w.alerts[0].EndsAt)
			}
		}
	})
}

// An Alertmanager that comes back within the 15 minutes still learns the end; later
// it has forgotten the alert itself.
func TestAResolvedAlertIsOwedFor15Minutes(t *testing.T) {
	for _, c := range []struct {
		away time.Duration
		want []string
	}{{14 * time.Minute, []string{"u-1:2"}}, {15 * time.Minute, nil}} {
		inFakeTime(t, func(r *rig, am *fake) {
			r.started()
			r.Send([]Alert{firing("u-1", 1)})
			am.take()
			am.does(down)
			r.Send([]Alert{resolved("u-1", 2)})
			time.Sleep(c.away)
			am.take()
			am.does(nil)
			time.Sleep(time.Minute)
			var got []string
			for _, p := range am.takeAll() {
				for _, a := range p.alerts {
					got = append(got, a.Labels["subject"]+":"+a.Annotations["version"])
				}
			}
			check(t, "after "+c.away.String(), got, c.want...)
		})
	}
}
