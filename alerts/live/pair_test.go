//go:build alerting

package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	"iam_session_exporter/internal/simulator/world"
)

// pair has two exporters that read the same sources, and replaces the pod of one.
func pair(t *testing.T, binary string) {
	r := newRig(t, binary)
	first, second := r.exporter(), r.exporter()
	r.discovered(first, second)
	r.watch(strings.NewReplacer(
		"static_configs:\n      - targets: [localhost:10987]", "file_sd_configs:\n      - files: [exporters.json]",
		"http_sd_configs:\n      - url: http://localhost:10987/sd", "file_sd_configs:\n      - files: [probes.json]",
	).Replace(read(t, "../../alerts/prometheus.example.yml")), 4)
	until(t, "each exporter reads both sources", func() error {
		if s := r.query("count by (instance, source) (iam_source_up == 1)"); len(s) != 4 {
			return fmt.Errorf("%v", s)
		}
		return nil
	})

	r.step("failed logins, a session of yesterday; somebody impersonates until the end")
	r.world.AddN(session.Intersight, 10, func(_ int, s *world.Session) { s.FailedLogins = 1 })
	tired := r.world.Add(session.Intersight, func(s *world.Session) { s.Created = s.Created.Add(-25 * time.Hour) })
	impostor := r.world.Add(session.OAM, func(s *world.Session) { s.Impersonating = true })
	burst, old := "security-mail IAMFailedLoginsBurst warning "+inter, "security-mail IAMSessionTooOld warning "+inter
	impersonation, long := "digest IAMImpersonation info "+sso, "security-mail IAMImpersonationLong warning "+sso
	r.hear(burst, impersonation)

	r.step("OAM refuses the credentials of the second exporter alone")
	second.oam.Set(faults.Fault{Effect: faults.Status(401)})
	alone := "operations-mail IAMSourceDown warning " + sso + " " + second.address
	r.hear(alone)

	r.step("that one ends")
	second.stop()
	second.oam.Clear()
	down := "operations-mail IAMExporterDown warning " + second.address
	r.hear(down, old)

	r.step("the pod of the first, now the only one, is replaced")
	third := r.exporter()
	r.discovered(third, second)
	until(t, "Prometheus scrapes the new one, and not the old one", func() error {
		u := r.query("sum by (instance) (up)")
		for _, s := range u {
			if s["instance"] == first.address {
				return fmt.Errorf("%v", u)
			}
		}
		if len(r.query(fmt.Sprintf("iam_source_up{instance=%q} == 1", third.address))) != 2 {
			return fmt.Errorf("%v", u)
		}
		return nil
	})
	first.stop()
	replaced := time.Now()
	r.start(second)
	r.hearEnd(down)
	r.world.Remove(session.Intersight, tired)
	r.hearEnd(old)

	r.step("both exporters lose a source")
	both := "operations-pager IAMSourceDown critical " + inter
	for _, e := range []*exporter{second, third} {
		e.intersight.Set(faults.Fault{Effect: faults.Status(500)})
	}
	r.hear(both)
	for _, e := range []*exporter{second, third} {
		e.intersight.Clear()
	}
	r.hearEnd(both)

	r.hear(long)
	// By then IAMSourceStale would have fired for what the old pod read.
	r.evaluated(replaced.Add(30 * time.Second))
	if kept := r.query(`changes(ALERTS_FOR_STATE{alertname=~"IAMImpersonation|IAMImpersonationLong|IAMSessionTooOld"}[1h]) == 0`); len(kept) != 3 {
		t.Errorf("of three conditions that lasted, only these did not begin anew: %v", kept)
	}
	// They fell from 1 to 0 only where it has ended.
	if kept := r.query(fmt.Sprintf(`resets(source:iam_impersonation:held[1h]) == 0 or resets(source:iam_session_too_old:held{source=%q}[1h]) == 1`, inter)); len(kept) != 2 {
		t.Errorf("of two conditions that rules wait for, only these did not begin anew: %v", kept)
	}
	r.world.Remove(session.OAM, impostor)
	r.hearEnd(long)
	r.quiet()
	r.heard([]string{burst, impersonation, alone, down, old, both, long})
	r.step("done")
}
