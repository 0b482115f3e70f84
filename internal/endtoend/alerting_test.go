package endtoend

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/testkit"
)

var descOf = regexp.MustCompile(`^Desc\{fqName: "(.*)", help: "(.*)", unit: ".*", constLabels: \{\}, variableLabels: \{(.*)\}\}$`)

// alertingTable lists the metrics of alerting.
func alertingTable(t *testing.T) string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		alerting.New(alerting.Options{}).Describe(descs)
	}()
	var b strings.Builder
	b.WriteString("\n| name | type | labels | meaning |\n|---|---|---|---|\n")
	for d := range descs {
		m := descOf.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("%s: want %s", d, descOf)
		}
		kind := "gauge"
		switch {
		case strings.HasSuffix(m[1], "_total"):
			kind = "counter"
		case strings.HasSuffix(m[1], "_request_duration_seconds"):
			kind = "histogram"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", m[1], kind, strings.ReplaceAll(m[3], ",", "`, `"), m[2])
	}
	return b.String() + "\n"
}

// Users, session ids and tokens of the simulated world get to Alertmanager at most,
// and with details: pseudonym not even there: not into a page, a metric, the log, or
// the stacks that SIGQUIT prints.
func TestAlertingTellsNoNames(t *testing.T) {
	var got testkit.Buffer
	alertmanager := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&got, r.Body) }))
	defer alertmanager.Close()
	demo, err := simulator.StartDemo(simulator.DemoOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	for _, details := range []string{"full", "pseudonym"} {
		got.Reset()
		text := strings.Replace(string(demo.Config()), "alertmanagers: []", fmt.Sprintf("alertmanagers: [{url: %q}]\n  details: %s", alertmanager.URL, details), 1)
		p := run(t, "http", "--config.file="+write(t, t.TempDir(), "config.yml", text), "--log.level=debug")
		p.until("alerts arrive", func() bool { return strings.Contains(got.String(), "IAMUser") })
		var birds canaries
		for _, api := range []session.API{session.Intersight, session.OAM} {
			for _, s := range demo.World.Truth(api) {
				birds = append(birds, s.ID, s.User, s.UserMoid)
			}
		}
		for _, path := range []string{"/", "/api/v1/alerts", "/metrics", "/sd", "/probe?source=intersight-demo&debug=true", "/probe?source=oam-demo&debug=true", "/probe?source=nobody"} {
			_, page := p.get(path)
			if path == "/api/v1/alerts" && !strings.Contains(page, `"state":"firing"`) {
				t.Errorf("%s: nothing fires: %s", path, page)
			}
			birds.look(t, path, page)
		}
		named := false
		for _, b := range birds {
			named = named || len(b) >= 6 && strings.Contains(got.String(), b)
		}
		if named != (details == "full") {
			t.Errorf("details %s: names in alerts: %v, want %v", details, named, !named)
		}
		if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		<-p.done
		if log := p.err.String(); !strings.Contains(log, "goroutine ") {
			t.Errorf("no stacks in %s", log)
		}
		birds.look(t, "log and stacks", p.err.String())
	}
}
