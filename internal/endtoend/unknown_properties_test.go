package endtoend

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// A family whose property the API was proven not to know is absent; all others, and
// every counter, stay.
func TestFamiliesOfUnknownPropertiesAreAbsent(t *testing.T) {
	all := []string{"iam_sessions", "iam_sessions_by_role", "iam_sessions_by_client_ip", "iam_sessions_by_client_network",
		"iam_session_failed_logins", "iam_failed_logins_total", "iam_logins_after_failures_total",
		"iam_sessions_started_total", "iam_sessions_ended_total", "iam_session_duration_seconds",
		"iam_oldest_session_start_timestamp_seconds", "iam_users", "iam_user_sessions_max"}
	for missing, absent := range map[string]string{
		"":                              "",
		"Role":                          "iam_sessions_by_role",
		"ClientIpAddress":               "iam_sessions_by_client_ip iam_sessions_by_client_network",
		"FailedLogins":                  "iam_session_failed_logins",
		"User":                          "",
		"UserIdOrEmail":                 "",
		"User UserIdOrEmail":            "iam_users iam_user_sessions_max",
		"CreateTime":                    "iam_oldest_session_start_timestamp_seconds",
		"Status EndTime":                "",
		"Expiration IdleTimeExpiration": "",
		"LastLoginTime":                 "",
	} {
		for _, refusal := range []simintersight.Refusal{simintersight.RefuseNaming, simintersight.RefuseMute} {
			c := world.DefaultConfig()
			c.Intersight.Sessions = 40
			w := world.New(c)
			r := newRig(t, session.Intersight, w, simintersight.Options{Missing: strings.Fields(missing), Refusal: refusal}, simoam.Options{})
			r.change = withNetworks
			got := r.start().scrape()
			for _, family := range all {
				_, there := got.get(family)
				if want := !slices.Contains(strings.Fields(absent), family); there != want {
					t.Errorf("without %q: %s there %t, want %t", missing, family, there, want)
				}
			}
			for _, dimension := range []string{"role", "client_ip"} {
				_, values := got.get("iam_source_label_values", "dimension", dimension)
				_, family := got.get("iam_sessions_by_" + dimension)
				if values != family {
					t.Errorf("without %q: label values of %s there %t; want %v", missing, dimension, values, family)
				}
			}
			if got.value("iam_source_up") != 1 || got.value("iam_source_complete") != 1 || got.value("iam_sessions") != float64(len(w.Truth(session.Intersight))) {
				t.Errorf("without %q: %v sessions, up %v, complete %v; want 1, 1\n%s", missing, got.value("iam_sessions"), got.value("iam_source_up"), got.value("iam_source_complete"), r.log)
			}
		}
	}
}

// A 400 that no property is to blame for fails the scrape: nothing is published by
// what was not asked for, then or later.
func TestRefusalOfEverything(t *testing.T) {
	c := world.DefaultConfig()
	c.Intersight.Sessions = 40
	w := world.New(c)
	r := newRig(t, session.Intersight, w, simintersight.Options{}, simoam.Options{}).start()
	before := r.scrape()
	for i, body := range []string{"", "<html>HTTP Status 400 – Bad Request</html>", `{"message":"no"}`} {
		r.faults.Set(faults.Fault{Path: simintersight.PathSessions, Effect: faults.Answer(http.StatusBadRequest, "text/html", body)})
		got := r.scrape()
		if _, there := got.get("iam_sessions"); there || got.value("iam_source_up") != 0 || got.value("iam_source_errors_total", "reason", "http") != float64(i+1) {
			t.Errorf("%q: up %v, errors %v; want 0, %v", body, got.value("iam_source_up"), got.value("iam_source_errors_total", "reason", "http"), float64(i+1))
		}
		r.faults.Clear()
		w.Step(time.Minute)
		got = r.scrape()
		truthOf(w.Truth(session.Intersight), networks).check(t, got, "iam_sessions_by_role", "iam_sessions_by_client_ip")
		if got.value("iam_failed_logins_total") < before.value("iam_failed_logins_total") {
			t.Errorf("failed logins fell from %v to %v", before.value("iam_failed_logins_total"), got.value("iam_failed_logins_total"))
		}
	}
}
