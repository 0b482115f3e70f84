package detection

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"iam_session_exporter/internal/session"
)

func TestDefuse(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.com":                 "alice@example.com",
		"Jörg 李":                            "Jörg 李",
		"a\x00b\tc\nd\x7fe\u0085f":          "a�b�c�d�e�f",
		"a\xffb\xc3":                        "a�b�",
		"a\u202eb\u2066c\u200fd\u061ce":     "a�b�c�d�e",
		"a\u2028b\u2029c":                   "a�b�c",
		"<b>x</b>":                          "‹b›x‹/b›",
		strings.Repeat("a", 256):            strings.Repeat("a", 256),
		strings.Repeat("a", 257):            strings.Repeat("a", 256),
		strings.Repeat("a", 255) + "é":      strings.Repeat("a", 255),
		strings.Repeat("\x00", 100):         strings.Repeat("�", 85),
		strings.Repeat("a", 253) + "\x01bc": strings.Repeat("a", 253) + "�",
		"":                                  "",
	} {
		if got := defuse(in); got != want {
			t.Errorf("%.40q: got %q, want %q", in, got, want)
		}
	}
}

// theAlert is the only alert that a snapshot makes.
func theAlert(t *testing.T, src Source, set *Settings, s *session.Snapshot) Alert {
	t.Helper()
	alerts := NewEngine(src, set).Observe(noon, s)
	if len(alerts) != 1 {
		t.Fatalf("got %d alerts, want 1: %v", len(alerts), alerts)
	}
	return alerts[0]
}

func compare(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	keys := map[string]bool{}
	for k := range got {
		keys[k] = true
	}
	for k := range want {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if got[k] != want[k] {
			t.Errorf("%s: %s: got %q, want %q", what, k, got[k], want[k])
		}
	}
}

func manySessions(complete bool) *session.Snapshot {
	s := snap(
		login{user: "Alice@Example.com", role: "Operator", ip: "10.1.0.1", place: "okta", age: 3 * time.Hour, failed: 12, away: time.Hour},
		login{user: "alice@example.com", role: "Admin", ip: "192.0.2.9", place: "okta", age: time.Hour, failed: 10},
		login{user: "alice@example.com", role: "Admin", ip: "192.0.2.9", age: time.Hour},
	)
	s.Identities[0].LastLoginClient = "::ffff:198.51.100.7"
	s.Complete, s.Total = complete, 1200
	return s
}

func TestAnnotations(t *testing.T) {
	set := base().with("login_after_failures", Values{"warning": 0}, nil)
	set.ExternalURL, set.DashboardURL = "https://exporter.example.com/iam", "https://grafana.example.com"
	set.Labels = map[string]string{"team": "identity"}
	a := theAlert(t, cloud, set, manySessions(false))
	subject := NewPseudonymizer(set.Key).User("", session.NewName("alice@example.com"))
	compare(t, "labels", a.Labels, map[string]string{"alertname": "IAMUserLoginAfterFailures", "severity": "critical", "category": "security",
		"source": "cloud", "api": "intersight", "subject": subject, "team": "identity"})
	full := map[string]string{
		"summary":           "A login succeeded after many that failed",
		"description":       "alice@example.com logged in after 12 failed logins, from 10.1.0.1, 192.0.2.9.",
		"user":              "alice@example.com",
		"role":              "Operator, Admin",
		"identity_store":    "okta",
		"client_addresses":  "10.1.0.1, 192.0.2.9",
		"client_networks":   "hq, 192.0.2.0/24",
		"sessions":          "2",
		"limit":             "10",
		"failed_logins":     "12",
		"first_created":     "2026-03-03T09:00:00Z",
		"last_created":      "2026-03-03T11:00:00Z",
		"last_login":        "2026-03-03T08:00:00Z",
		"last_login_client": "198.51.100.7",
		"session_moids":     "moid-0, moid-1",
		"listed":            "3 of 1200",
		"technique":         "T1110.001 Password Guessing, T1078 Valid Accounts",
		"control":           "NIST SP 800-53 AC-7, AC-9(1); PCI DSS 8.3.4",
		"runbook_url":       "https://exporter.example.com/iam/runbooks/IAMUserLoginAfterFailures",
		"dashboard_url":     "https://grafana.example.com/d/iam-sessions-security?var-source=cloud",
	}
	compare(t, "full", a.Annotations.Texts(), full)
	compare(t, "public", a.Annotations.Public(), map[string]string{"summary": full["summary"], "runbook_url": full["runbook_url"]})
	if got, want := a.GeneratorURL, "https://exporter.example.com/iam/"; got != want {
		t.Errorf("got generatorURL %q, want %q", got, want)
	}

	set.Pseudonymous, set.ExternalURL, set.DashboardURL = true, "", ""
	b := theAlert(t, cloud, set, manySessions(true))
	for _, k := range []string{"user", "client_addresses", "last_login_client", "session_moids", "listed", "runbook_url", "dashboard_url"} {
		delete(full, k)
	}
	full["description"] = subject + " logged in after 12 failed logins."
	full["client_networks"] = "hq, other"
	compare(t, "pseudonymous", b.Annotations.Texts(), full)
	if b.GeneratorURL != "" {
		t.Errorf("got generatorURL %q, want none", b.GeneratorURL)
	}
}

// Whoever is at the address of an impersonating session may be the impersonator.
func TestUsersAtAddress(t *testing.T) {
	at := func(user string, l login) login {
		l.user, l.store, l.ip, l.age = user, "ldap", "10.0.0.1", time.Minute
		return l
	}
	s := snap(at("bob", login{impersonating: true}), at("helpdesk", login{}), at("admin", login{status: session.Idle}), at("gone", login{status: session.Expired}),
		login{user: "far", store: "ldap", ip: "10.0.0.2"})
	got := theAlert(t, sso, base(), s).Annotations.Texts()
	if want := "admin, helpdesk"; got["users_at_address"] != want {
		t.Errorf("got %q, want %q", got["users_at_address"], want)
	}
	if want := "bob is impersonated in 1 session, from 10.0.0.1."; got["description"] != want {
		t.Errorf("got %q, want %q", got["description"], want)
	}
	set := base()
	set.Pseudonymous = true
	if got, ok := theAlert(t, sso, set, s).Annotations.Texts()["users_at_address"]; ok {
		t.Errorf("pseudonymous: got %q, want none", got)
	}
}

func TestAnnotationsOfAddress(t *testing.T) {
	set := base().with("shared_address", Values{"enabled": true, "max": 1}, nil)
	a := theAlert(t, cloud, set, snap(login{user: "b", ip: "::ffff:192.0.2.1", age: time.Hour}, login{user: "a", ip: "192.0.2.1", age: time.Minute}))
	if got, want := a.Labels["subject"], NewPseudonymizer(set.Key).Address("192.0.2.1"); got != want {
		t.Errorf("got subject %q, want %q", got, want)
	}
	got := a.Annotations.Texts()
	for k, want := range map[string]string{"description": "192.0.2.1 has sessions of 2 users, more than 1.", "client_addresses": "192.0.2.1", "users_at_address": "a, b",
		"user": "", "sessions": "2", "limit": "1", "client_networks": "192.0.2.0/24"} {
		if got[k] != want {
			t.Errorf("%s: got %q, want %q", k, got[k], want)
		}
	}
}

// Lists and annotations have bounds, whatever an API sends.
func TestAnnotationsAreBounded(t *testing.T) {
	var logins []login
	for i := range 30 {
		logins = append(logins, login{user: "a<" + strings.Repeat("\u202e", 400), role: fmt.Sprintf("%02d", i) + strings.Repeat("r\x00", 400), ip: fmt.Sprintf("10.0.0.%d", i), age: time.Hour})
	}
	got := theAlert(t, cloud, base(), snap(logins...)).Annotations.Texts()
	for k, v := range got {
		if len(v) > 1<<10 || !utf8.ValidString(v) || strings.ContainsAny(v, "<>\x00\u202e") {
			t.Errorf("%s: got %q", k, v)
		}
	}
	if want := "10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9 and 20 more"; got["client_addresses"] != want {
		t.Errorf("got %q, want %q", got["client_addresses"], want)
	}
	// Values are whole, and it says how many more there are, however long they are.
	shown, more, ok := strings.Cut(got["role"], " and ")
	values := strings.Split(shown, ", ")
	if want := fmt.Sprintf("%d more", 30-len(values)); !ok || more != want || len(values) < 2 {
		t.Errorf("%d roles and %q, want %q", len(values), more, want)
	}
	for _, v := range values {
		if len(v) != 255 { // as many whole characters as 256 bytes hold
			t.Errorf("a role of %d bytes, want one that is as long as it may be: %q", len(v), v)
		}
	}
	if n := len(got["user"]); n == 0 || n > 256 {
		t.Errorf("got a user of %d bytes, want at most 256", n)
	}
}

// Numbers are plain.
func TestLimits(t *testing.T) {
	h := time.Hour
	for _, c := range []struct {
		src   Source
		l     []login
		key   string
		limit string
	}{
		{cloud, times(6, login{user: "a", age: h}), "IAMUserConcurrentSessions", "5"},
		{cloud, []login{{user: "a", age: 30 * h}}, "IAMUserSessionTooOld", "86400"},
		{cloud, []login{{user: "a", age: h, away: 100 * 24 * h}}, "IAMUserDormantReturned", "7776000"},
		{sso, []login{{user: "a", store: "s", age: 2 * h, impersonating: true}}, "IAMUserImpersonatedLong", "3600"},
		{sso, []login{{user: "a", store: "s", age: 2 * h, impersonating: true}}, "IAMUserImpersonated", ""},
	} {
		for _, a := range NewEngine(c.src, base()).Observe(noon, snap(c.l...)) {
			if got := a.Annotations.Texts()["limit"]; a.Labels["alertname"] == c.key && got != c.limit {
				t.Errorf("%s: got %q, want %q", c.key, got, c.limit)
			}
		}
	}
}

// The pseudonyms of other programs that know the key.
func TestPseudonyms(t *testing.T) {
	p := NewPseudonymizer([]byte("0123456789abcdef0123456789abcdef"))
	for _, c := range []struct{ got, want string }{
		{p.User("", session.NewName("alice@example.com")), "u-tnsumamqnqecv4ei"},
		{p.User("ldap", session.NewName("alice")), "u-loqtjfokstxb5sfu"},
		{p.Address("192.0.2.1"), "a-ukojcwwjmgg2oq6l"},
		{p.Address("2001:db8::1"), "a-qnq3q7k6euufqw6z"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

// Nothing that prints an alert, or what makes one, prints a name.
func TestAlertsDoNotPrint(t *testing.T) {
	const canary = "canary-name"
	s := snap(login{user: canary, failed: 12, ip: "10.0.0.1", age: time.Minute})
	e := NewEngine(cloud, base())
	alerts := e.Observe(noon, s)
	data, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := json.Marshal(e.Counts(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(data), string(counts), fmt.Sprintf("%v %+v %#v %s", alerts, alerts, alerts, alerts), fmt.Sprintf("%+v", e.Firing()),
		fmt.Sprintf("%+v", e.Wanted()), fmt.Sprintf("%+v %#v", judged(cloud, base(), s).users, judged(cloud, base(), s).users)} {
		if strings.Contains(text, canary) || strings.Contains(text, "10.0.0.1") {
			t.Errorf("got the name or address in %s", text)
		}
	}
}

// Alerts that were sent before lose their names, too.
func TestReloadToPseudonyms(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"alone":            func(*Settings) {},
		"with another key": func(set *Settings) { set.Key = []byte(strings.Repeat("other", 8)) },
		"with a label":     func(set *Settings) { set.Labels = map[string]string{"team": "iam"} },
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEngine(cloud, base())
			e.Observe(noon, snap(login{user: "alice", failed: 12, ip: "10.0.0.1", age: time.Minute}))
			set := base()
			set.Pseudonymous = true
			change(set)
			all := append(e.Reload(noon, cloud, set), e.Current(noon)...)
			if len(all) == 0 {
				t.Fatal("got no alerts, want some")
			}
			for _, a := range all {
				texts := a.Annotations.Texts()
				if texts["summary"] == "" {
					t.Errorf("got no summary in %v", texts)
				}
				for k, v := range texts {
					if strings.Contains(v, "alice") || strings.Contains(v, "10.0.0.1") || strings.Contains(v, "moid") {
						t.Errorf("%s: got %q, want no name, address or Moid in it", k, v)
					}
				}
			}
		})
	}
}
