package alerting_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "write the golden file anew")

// All that /metrics says of alerting, where there is some of everything: alerts that
// fire, have ended and are held back, an exception, a source that failed, and an
// Alertmanager that is down beside one whose clock is ahead.
func TestExposition(t *testing.T) {
	path, err := filepath.Abs("testdata/exposition.prom")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("[{url: 'http://am'}]", "[{url: 'http://am'}, {url: 'https://other.example.com/path/'}]", "[root]", "[root, admin, temp]").Replace(watching()) +
		"  max_alerts: 1\n  exceptions: [{users: [guest], until: 2000-06-01, reason: test}]\n"
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dir, text) // nobody is logged in: what two sources send at once may be one request
		defer r.e.Close()
		synctest.Wait()
		r.am("am").set(func(m *alertmanager) { m.ahead = 3 * time.Second })
		r.am("https://other.example.com/path").set(func(m *alertmanager) { m.down = true })
		r.api("a").logsIn("root", "admin", "guest", "temp")
		r.until(3 * time.Minute)
		r.api("a").logsIn("root", "admin", "guest")
		r.until(16 * time.Minute)
		r.api("b").set(func(a *api) { a.fails = true })
		r.until(18 * time.Minute)
		var got strings.Builder
		for line := range strings.Lines(r.metrics()) {
			if strings.Contains(line, "iam_detection_") || strings.Contains(line, "iam_alertmanager_") {
				got.WriteString(line)
			}
		}
		if *update {
			if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("got\n%s\nwant\n%s", got.String(), want)
		}
	})
}
