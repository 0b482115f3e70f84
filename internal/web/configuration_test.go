package web

import (
	"errors"
	"strings"
	"testing"

	"iam_session_exporter/config"
)

const configuration = `sources:
  - {name: sso, api: oam, url: "https://sso.example.com", basic_auth: {username: monitor-canary, password_file: password}, filter: {user_id: alice-canary}, http_headers: {X-A: {values: [canary]}}}
alerting: {alertmanagers: [], key_file: key, privileged: {users: [root-canary]}, exceptions: [{users: [bob-canary], until: 2020-02-29, reason: "holiday of bob-canary"}]}
`

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(text), "iam.yml", "/etc/iam")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The page has the configuration in use, without names and secrets.
func TestConfiguration(t *testing.T) {
	e, _, s := serve(t, nil)
	e.cfg = parse(t, configuration)
	code, body, header := ask(t, "GET", s.URL+"/config")
	if got, want := header.Get("Content-Type"), "text/plain; charset=utf-8"; code != 200 || got != want {
		t.Errorf("got %d, %s, want 200, %s", code, got, want)
	}
	for _, want := range []string{"loaded at 2026-03-02T09:00:00Z.\n", "# Secrets are <secret>. Users,", "url: https://sso.example.com\n", "password_file: /etc/iam/password\n",
		"username: <hidden>\n", "user_id: <hidden>\n", "users: [<hidden>]\n", "- <secret>\n", "timeout: 10s\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
	for _, not := range []string{"canary", "failed"} {
		if strings.Contains(body, not) {
			t.Errorf("%q is in\n%s", not, body)
		}
	}
	if code, _, _ := ask(t, "POST", s.URL+"/config"); code != 405 {
		t.Errorf("POST: got %d, want 405", code)
	}
}

// After a reload it has the new one; after one that failed that in use, and says so.
func TestConfigurationAfterReload(t *testing.T) {
	e, _, s := serve(t, nil)
	show := func() string {
		_, body, _ := ask(t, "GET", s.URL+"/config")
		return body
	}
	e.cfg = parse(t, configuration)
	show()
	e.cfg = parse(t, strings.Replace(configuration, "name: sso", "name: other", 1))
	if got := show(); !strings.Contains(got, "name: other\n") || strings.Contains(got, "name: sso\n") {
		t.Errorf("got\n%s\nwant the source other", got)
	}
	e.reload = errors.New("iam.yml:3: canary")
	if got := show(); !strings.Contains(got, "name: other\n") || !strings.Contains(got, "# The last reload failed; ") || strings.Contains(got, "canary") {
		t.Errorf("got\n%s\nwant the source other, and that the reload failed", got)
	}
}
