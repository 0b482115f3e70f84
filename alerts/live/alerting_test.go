//go:build alerting

package live

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	"iam_session_exporter/internal/simulator/world"
)

// What should reach somebody does, once, and nothing else.
func TestRightPeopleHear(t *testing.T) {
	binary := build(t)
	t.Run("one exporter", func(t *testing.T) {
		t.Parallel()
		oneExporter(t, binary)
	})
	t.Run("pair", func(t *testing.T) {
		t.Parallel()
		pair(t, binary)
	})
	t.Run("one page", func(t *testing.T) {
		t.Parallel()
		onePage(t, binary)
	})
	t.Run("one notification", func(t *testing.T) {
		t.Parallel()
		oneNotification(t, binary)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster(t, binary)
	})
	t.Run("hostile names", func(t *testing.T) {
		t.Parallel()
		hostileNames(t, binary)
	})
}

func oneExporter(t *testing.T, binary string) {
	r := newRig(t, binary)
	e := r.exporter()
	r.watch(strings.ReplaceAll(read(t, "../../alerts/prometheus.example.yml"), "localhost:10987", e.address), 2)
	until(t, "both sources are seen, under one instance and their own names", func() error {
		s := r.query("iam_source_up == 1")
		if len(s) != 2 || s[0]["instance"] != e.address || s[1]["instance"] != e.address || s[0]["exported_source"]+s[1]["exported_source"] != "" {
			return fmt.Errorf("%v", s)
		}
		if u := r.query(`up{job="iam_session_probe"}`); len(u) != 1 || u[0]["source"] != sso || u[0]["instance"] != e.address {
			return fmt.Errorf("%v", u)
		}
		return nil
	})
	r.step("scraped")
	if len(r.query("iam_session_exporter_config_last_reload_successful == 1")) != 1 {
		t.Error("the exporter's own metric that a rule needs is not there")
	}
	until(t, "there is a last week to compare with", func() error {
		if len(r.query("source:iam_sessions_started:increase1h offset "+lastWeek)) == 0 {
			return errors.New("none yet")
		}
		return nil
	})
	if a := r.query(`ALERTS{alertstate="firing"}`); len(a) != 0 {
		t.Errorf("alerts where nothing happens: %v", a)
	}

	r.step("a brute force ends in a login, sessions flood in, somebody impersonates")
	r.world.Add(session.Intersight, func(s *world.Session) { s.FailedLogins = 12 })
	flood := r.world.AddN(session.Intersight, 60, nil)
	impostor := r.world.Add(session.OAM, func(s *world.Session) { s.Impersonating = true })
	broken, surge, impersonation := "security-pager IAMLoginAfterFailures critical "+inter, "security-mail IAMSessionSurge warning "+inter, "digest IAMImpersonation info "+sso
	r.hear(broken, surge, impersonation)
	for _, name := range []string{"IAMLoginAfterFailures", "IAMFailedLoginsBurst"} {
		until(t, "the warning yields to the critical alert", func() error { return r.inhibited(name, "warning", inter) })
	}

	r.step("OAM fails")
	r.world.Remove(session.OAM, impostor)
	e.oam.Set(faults.Fault{Effect: faults.Status(500)})
	outage := "operations-pager IAMSourceDown critical " + sso
	r.hear(outage)
	// Session metrics of a source that is down are gone, and so are alerts on
	// them, unless they linger: this one is made to.
	lingering := func(end time.Time) {
		tool(t, amtoolProgram, "--alertmanager.url="+r.alertmanager, "alert", "add", "IAMSessionSurge",
			"severity=warning", "category=security", "source="+sso, "--end="+end.Format(time.RFC3339))
	}
	lingering(time.Now().Add(time.Hour))
	until(t, "source down silences a session alert", func() error { return r.inhibited("IAMSessionSurge", "warning", sso) })
	lingering(time.Now().Add(-time.Second))
	until(t, "that one has ended", func() error {
		if a := r.alerts("IAMSessionSurge", "warning", sso); len(a) > 0 {
			return fmt.Errorf("%v", a)
		}
		return nil
	})
	e.oam.Clear()
	r.hearEnd(outage, broken, surge)
	r.quiet()

	r.step("the exporter ends")
	ended := time.Now()
	e.stop()
	for _, id := range flood {
		r.world.Remove(session.Intersight, id)
	}
	gone := "operations-pager IAMExporterDown critical " + e.address
	r.hear(gone)
	// By then IAMSourceStale would have fired, too, if it said the same once more.
	r.evaluated(ended.Add(25 * time.Second))
	r.start(e)
	r.hearEnd(gone)
	r.quiet()
	r.heard([]string{broken, surge, impersonation, outage, gone},
		"IAMLoginAfterFailures warning "+inter, "IAMFailedLoginsBurst warning "+inter)
	r.step("done")
}
