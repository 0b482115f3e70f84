package endtoend

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// A reload that replaces a source has its alerts go on: the same users are the same. One
// whose session ends before the new source has seen it is resolved, also where not all
// sessions are listed.
func TestAReplacedSourceKeepsItsAlerts(t *testing.T) {
	t.Parallel()
	const user = "breakglass"
	w := emptyWorld()
	w.AddN(session.OAM, 600, nil)
	since := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	id := w.Add(session.OAM, func(x *world.Session) { x.User, x.Created = user, since })
	oam := simoam.New(w, simoam.Options{Users: map[string]string{"monitor": "secret"}})
	var fails atomic.Bool
	url := serveAPI(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails.Load() {
			http.Error(w, "", http.StatusInternalServerError)
			return
		}
		oam.ServeHTTP(w, r)
	}))
	am := newFakeAlertmanager(t, &spy{})
	dir := t.TempDir()
	write(t, dir, "secret", "secret\n")
	write(t, dir, "key", strings.Repeat("k", 32)+"\n")
	configure := func(timeout string) string {
		return write(t, dir, "config.yml", fmt.Sprintf(`sources:
  - {name: large, api: oam, url: %q, min_interval: 1s, timeout: %s, max_queries: 40, session_lifetime: 12h, basic_auth: {username: monitor, password_file: secret}}
alerting:
  alertmanagers: [{url: %q, oauth2: {client_id: exporter, client_secret_file: secret, token_url: "%[3]s/token"}}]
  key_file: key
  interval: 1s
  resend_delay: 1s
  keep_firing_for: 1s
  hold: 20s
  detections: {break_glass: {users: [%[4]s]}}
`, url, timeout, am.server.URL, user))
	}
	const name, fires = "IAMUserBreakGlass critical large", `iam_detection_alerts{api="oam",detection="break_glass",severity="critical",source="large"}`
	p := run(t, "http", "--config.file="+configure("10s"))
	p.until("it fires", func() bool { _, n := am.of(name); return n == 1 })
	first := time.Now()
	value := func(series string) string {
		_, text := p.get("/metrics")
		return testkit.Value(text, series)
	}
	reload := func(timeout string) {
		t.Helper()
		configure(timeout)
		p.signal(syscall.SIGHUP)
		p.until("the source is another", func() bool {
			return value(`iam_source_timeout_seconds{api="oam",source="large"}`) == strings.TrimSuffix(timeout, "s")
		})
	}

	reload("11s")
	again := time.Now()
	p.until("the new source is asked, and the alert sent again", func() bool {
		a, _ := am.of(name)
		return a.EndsAt.After(again.Add(21 * time.Second))
	})
	if a, n := am.of(name); n != 1 || !a.StartsAt.Equal(since) {
		t.Errorf("began %d times, since %s; want once, since %s", n, a.StartsAt, since)
	}
	if value("iam_source_complete{api=\"oam\",source=\"large\"}") != "0" {
		t.Fatal("all are listed")
	}
	p.until("it may be resolved", func() bool { return time.Since(first) > 20*time.Second })

	fails.Store(true)
	p.until("the source fails", func() bool { return value(`iam_source_up{api="oam",source="large"}`) == "0" })
	w.Remove(session.OAM, id)
	reload("12s")
	fails.Store(false)
	p.until("it is resolved", func() bool { return value(fires) == "0" })
	if a, n := am.of(name); n != 1 || a.EndsAt.After(time.Now()) {
		t.Errorf("began %d times, ends %s; want once, and a moment ago", n, a.EndsAt)
	}
}
