package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
)

const alertingSources = `sources:
  - name: prod
    api: intersight
    url: https://intersight.com
    oauth2: {client_id: a, client_secret_file: b}
    alerting: {service_accounts: [svc], detections: {concurrent_sessions: {max: 9}}}
  - name: sso
    api: oam
    url: https://login.example.com
    basic_auth: {username: u, password_file: p}
    alerting: {enabled: false}
networks: {hq: [10.0.0.0/8], lab: [10.9.0.0/16]}
alerting: {alertmanagers: [], key_file: KEY, %s}
`

// The key of pseudonyms is any bytes, but enough of them.
func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "p"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	enough := strings.Repeat("k", 32)
	for _, c := range []struct{ name, content, key, problem string }{
		{"32 bytes", enough, enough, ""},
		{"a line", enough + "\n", enough, ""},
		{"a line of Windows", enough + "\r\n", enough, ""},
		{"some lines at the end", enough + "\n\r\n\n", enough, ""},
		{"not decoded", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ""},
		{"any bytes", "\x00\xff\n\x80" + enough, "\x00\xff\n\x80" + enough, ""},
		{"31 bytes", enough[1:] + "\n\n", "", "holds 31 bytes without the end of its line, and a key needs 32; make it with openssl rand -base64 32"},
		{"empty", "", "", "holds 0 bytes without the end of its line, and a key needs 32; make it with openssl rand -base64 32"},
		{"missing", "-", "", "no such file or directory; make it with openssl rand -base64 32"},
	} {
		path := filepath.Join(dir, "key")
		os.Remove(path)
		if c.content != "-" {
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text := fmt.Sprintf(strings.Replace(alertingSources, "KEY", "key", 1), "")
		conf, err := Parse([]byte(text), "iam.yml", dir)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := conf.CheckFiles(); err != nil {
			got = err.Error()
		}
		want := ""
		if c.problem != "" {
			want = "iam.yml:13: alerting.key_file: " + path + ": " + c.problem
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
		if c.problem != "" {
			continue
		}
		if key, err := ReadKey(conf.Alerting.KeyFile); err != nil || string(key) != c.key {
			t.Errorf("%s: got key %q, %v, want %q", c.name, key, err, c.key)
		}
	}
}

// Exceptions end within a year and a day, by the clock of the one who reads them.
func TestUntil(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ until, want, problem string }{
		{"2026-03-01", "2026-03-02T00:00:00Z", ""},
		{"2026-12-31", "2027-01-01T00:00:00Z", ""},
		{"2027-03-02", "2027-03-03T00:00:00Z", ""},
		{"2027-03-03", "", "is more than 366 days ahead"},
		{"2027-03-02T12:00:00Z", "2027-03-02T12:00:00Z", ""},
		{"2027-03-02T12:00:01Z", "", "is more than 366 days ahead"},
		{"2026-03-01T14:00:00+01:00", "2026-03-01T13:00:00Z", ""},
		{"2026-02-28", "2026-03-01T00:00:00Z", "is past"},
		{"2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00Z", "is past"},
		{"2026-3-1", "", "is not a date or time"},
		{"2026-03-01 12:00:00", "", "is not a date or time"},
	} {
		d := &decoder{apis: Known(), file: "iam.yml", dir: "/", env: os.LookupEnv, now: func() time.Time { return now }}
		conf := d.parse([]byte(fmt.Sprintf(alertingSources, "exceptions: [{users: [a], reason: r, until: "+c.until+"}]")))
		problems := append(d.errs, d.warnings...)
		if c.problem == "" && len(problems) > 0 || c.problem != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, c.problem)) {
			t.Errorf("%s: got %v, want %q", c.until, problems, c.problem)
		}
		if len(d.errs) > 0 {
			continue
		}
		if got := conf.Alerting.Exceptions[0].Until.Format(time.RFC3339); got != c.want {
			t.Errorf("%s: got %s, want %s", c.until, got, c.want)
		}
		d = &decoder{apis: Known(), file: "iam.yml", dir: "/", env: os.LookupEnv, now: func() time.Time { return now }}
		if again := d.parse([]byte(conf.String())); len(d.errs) > 0 || !again.Alerting.Exceptions[0].Until.Equal(conf.Alerting.Exceptions[0].Until) {
			t.Errorf("%s: read from its own text: got %v, %v", c.until, d.errs, again)
		}
	}
}

// What a source is judged by.
func TestDetectionSettings(t *testing.T) {
	c := parse(t, fmt.Sprintf(alertingSources, "hold: 20m, details: pseudonym, shared_networks: [hq], detections: {concurrent_sessions: {for: 1m}}"))
	if got := c.Detection(c.Sources[1], nil, ""); got != nil {
		t.Errorf("a source that is not judged: got %v, want nil", got)
	}
	s := c.Detection(c.Sources[0], []byte("key"), "https://exporter.example.com")
	if s.Hold != 20*time.Minute || !s.Pseudonymous || s.MaxAlerts != 50 || string(s.Key) != "key" || s.ExternalURL != "https://exporter.example.com" {
		t.Errorf("got %+v", s)
	}
	if got := fmt.Sprint(s.ServiceAccounts, s.SharedNetworks, s.Privileged); got != "[svc] [hq] {[Account Administrator] []}" {
		t.Errorf("got %s", got)
	}
	d, _ := detection.Find("concurrent_sessions")
	tuned := d.Tune(s.Detections["concurrent_sessions"])
	if g, p := tuned.General, tuned.Privileged; g.Max != 9 || g.For != time.Minute || p.Max != 3 || p.For != time.Minute {
		t.Errorf("got %d, %s and %d, %s for privileged users, want 9, 1m and 3, 1m", g.Max, g.For, p.Max, p.For)
	}
	for raw, want := range map[string]detection.Place{
		"10.9.0.1:443":      detection.NewPlace(netip.MustParseAddr("10.9.0.1"), "lab"),
		"::ffff:10.1.0.1":   detection.NewPlace(netip.MustParseAddr("10.1.0.1"), "hq"),
		"192.0.2.1":         {Address: "192.0.2.1", Prefix: "192.0.2.0/24"},
		"2001:DB8:1:2:3::1": {Address: "2001:db8:1:2:3::1", Prefix: "2001:db8:1::/48", IPv6: true},
	} {
		if got, ok := s.Locate(raw); got != want || !ok {
			t.Errorf("%s: got %+v, want %+v", raw, got, want)
		}
	}
	if got, ok := s.Locate("host"); ok {
		t.Errorf("no address: got %v", got)
	}
	if without := parse(t, strings.Split(fingerprintBase, "alerting")[0]); without.Detection(without.Sources[0], nil, "") != nil {
		t.Error("no block: got settings, want none")
	}
}

// The facts that the configuration knows of are those that sources have.
func TestFactsAreThoseOfSources(t *testing.T) {
	in, err := intersight.New(intersight.Config{URL: "https://intersight.com"})
	if err != nil {
		t.Fatal(err)
	}
	am, err := oam.New(oam.Config{URL: "https://login.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var needed session.Facts
	for _, d := range detection.All() {
		needed |= d.Needs
	}
	for name, s := range map[session.API]session.Source{session.Intersight: in, session.OAM: am} {
		for _, a := range Known() {
			if a.Name == name && s.Facts()&needed != a.Facts {
				t.Errorf("%s: got facts %b, want %b", name, a.Facts, s.Facts()&needed)
			}
		}
	}
}

// Sources that differ only in their alerting go on over a reload.
func TestAlertingIsNotInFingerprint(t *testing.T) {
	text := fmt.Sprintf(alertingSources, "")
	without := strings.Replace(text, "    alerting: {enabled: false}\n", "", 1)
	if got, want := parse(t, text).Sources[1].Fingerprint(), parse(t, without).Sources[1].Fingerprint(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What the detections of a source are set to.
func TestDetectionsExplained(t *testing.T) {
	c := parse(t, fmt.Sprintf(alertingSources, "detections: {off_hours: {hours: {from: '07:00', to: '20:00'}}}"))
	got := map[string]Explained{}
	for _, e := range c.Detections(c.Sources[0]) {
		got[e.Key] = e
	}
	for key, want := range map[string]string{
		"login_after_failures": "{enabled: true, notify: true, warning: 5, critical: 10, privileged: {warning: 3, critical: 5}}",
		"concurrent_sessions":  "{enabled: true, severity: warning, notify: true, max: 9, for: 5m, privileged: {max: 3}}",
		"break_glass":          "{enabled: true, severity: critical, notify: true}",
		"dormant_account":      "{enabled: true, severity: warning, notify: true, after: 90d, privileged: {after: 45d}}",
		"off_hours":            `{enabled: true, severity: warning, notify: true, hours: {days: [sun, mon, tue, wed, thu, fri, sat], from: "07:00", to: "20:00", time_zone: UTC}}`,
	} {
		if got := got[key].YAML(); got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	for key, want := range map[string]bool{"session_age": true, "off_hours": true, "break_glass": false, "impersonation": false, "shared_address": false} {
		if e := got[key]; e.On != want || e.Possible != (key != "impersonation") {
			t.Errorf("%s: got on %v, possible %v", key, e.On, e.Possible)
		}
	}
	for _, e := range c.Detections(c.Sources[1]) { // its alerting is not enabled
		if e.On {
			t.Errorf("%s: got on, want off", e.Key)
		}
	}
}
