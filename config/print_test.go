package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// readsBack makes sure that the text of a configuration is that configuration, but
// for the values that it hides.
func readsBack(t *testing.T, c *Config) {
	t.Helper()
	text := c.String()
	again, err := Parse([]byte(text), "again.yml", "/elsewhere")
	if err != nil {
		t.Errorf("its own text is refused: %v\n%s", err, text)
		return
	}
	if got := again.String(); got != text {
		t.Errorf("read from its own text: got\n%s\nwant\n%s", got, text)
	}
	if !reflect.DeepEqual(again.Grouping, c.Grouping) {
		t.Errorf("grouping: got %v, want %v", again.Grouping, c.Grouping)
	}
	for i, s := range c.Sources {
		if again.Sources[i].Fingerprint() != s.Fingerprint() && !strings.Contains(text, hidden) {
			t.Errorf("sources[%d]: got\n%v\nwant\n%v", i, again.Sources[i], s)
		}
		got, want := again.Detections(again.Sources[i]), c.Detections(s)
		for j := range want {
			if got, want := got[j], want[j]; got.On != want.On || got.YAML() != want.YAML() {
				t.Errorf("%s of %s: got on %v, %s, want on %v, %s", want.Key, s.Name, got.On, got.YAML(), want.On, want.YAML())
			}
		}
	}
}

func TestExampleReadsBack(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	readsBack(t, parse(t, string(data)))
}

// What oauth2 would inherit from its source is overridden by what says nothing.
func TestOAuth2OfItsOwnReadsBack(t *testing.T) {
	for _, own := range []string{"tls_config: {}", "proxy_from_environment: false", "tls_config: {}, proxy_from_environment: false", "tls_config: {ca_file: own}"} {
		c := parse(t, `sources:
  - name: a
    api: oam
    url: https://a
    tls_config: {ca_file: ca}
    proxy_url: http://proxy
    oauth2: {client_id: c, client_secret_file: s, token_url: "https://a/t", `+own+`}
`)
		readsBack(t, c)
	}
}

// A block of a source does not repeat what its API can't have.
func TestImpossibleDetectionsReadBack(t *testing.T) {
	c := parse(t, `sources:
  - {name: a, api: oam, url: https://a, bearer_token_file: t, alerting: {detections: {session_age: {max: 1h}}}}
alerting: {alertmanagers: [], key_file: k, detections: {login_after_failures: {warning: 2}, dormant_account: {enabled: false}}}
`)
	readsBack(t, c)
}

// All defaults are written out: a file with them all is the minimal file.
func TestDefaultsAreWrittenOut(t *testing.T) {
	text := parse(t, minimal+"\nalerting: {alertmanagers: [], key_file: k}\n").String()
	for _, want := range []string{"timeout: 10s", "min_interval: 0s", "probe_only: false", "filter: {}", "exclude: {}", "identity_providers: true", "limit: 50",
		"hold: 30m", "details: full", "max_alerts: 50", "roles: [Account Administrator]", "session_age: {enabled: true", "max: 1d}", "exceptions: []"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// The end of an exception survives to the nanosecond.
func TestUntilReadsBack(t *testing.T) {
	const at = "2020-02-29T22:30:00.123456789Z"
	c := parse(t, minimal+"\nalerting: {alertmanagers: [], key_file: k, exceptions: [{users: [a], until: "+at+", reason: r}]}\n")
	again := parse(t, c.String())
	want, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Alerting.Exceptions[0].Until; !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
