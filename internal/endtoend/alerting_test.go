package endtoend

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// secretsIn lists the lines that hold a secret in the files below a directory: of keys
// and passwords.
func secretsIn(t *testing.T, dir string) (all canaries) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.FieldsSeq(string(data)) {
			if len(line) >= 30 && !strings.HasPrefix(line, "---") {
				all = append(all, line)
			}
		}
	}
	return all
}

// Users and session ids of the simulated world get to Alertmanager at most, and with
// details: pseudonym not even there: not into a page, a metric, the log, or the stacks
// that SIGQUIT prints. OAM's session ids, keys and passwords get nowhere.
func TestAlertingTellsNoNames(t *testing.T) {
	const password, username = "alertmanagers-own-password", "alertmanagers-user"
	var got testkit.Buffer
	alertmanager := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p, _ := r.BasicAuth(); p != password {
			http.Error(w, p, http.StatusUnauthorized)
			return
		}
		w.Header().Set("Set-Cookie", "session="+password)
		_, _ = io.Copy(&got, r.Body)
		_, _ = io.WriteString(w, password)
	}))
	defer alertmanager.Close()
	dir := t.TempDir()
	demo, err := simulator.StartDemo(simulator.DemoOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	secrets := append(secretsIn(t, dir), password)
	if len(secrets) < 4 { // an API key, a password, a key of pseudonyms, and that
		t.Fatalf("%d secrets in the files of the demo, want 4 or more", len(secrets))
	}
	passwordFile := write(t, t.TempDir(), "password", password+"\n")
	for _, details := range []string{"full", "pseudonym"} {
		got.Reset()
		text := strings.Replace(string(demo.Config()), "alertmanagers: []", fmt.Sprintf("alertmanagers: [{url: %q, basic_auth: {username: %s, password_file: %q}}]\n  details: %s", alertmanager.URL, username, passwordFile, details), 1)
		p := run(t, "http", "--config.file="+write(t, t.TempDir(), "config.yml", text), "--log.level=debug")
		p.until("alerts arrive", func() bool { return strings.Contains(got.String(), "IAMUser") })
		birds := slices.Clone(secrets)
		never := slices.Clone(secrets)
		for _, api := range []session.API{session.Intersight, session.OAM} {
			for _, s := range demo.World.Truth(api) {
				birds = append(birds, s.ID, s.User, s.UserMoid)
				if api == session.OAM {
					never = append(never, s.ID)
				}
			}
		}
		for _, path := range []string{"/", "/api/v1/alerts", "/config", "/metrics", "/sd", "/probe?source=intersight-demo&debug=true", "/probe?source=oam-demo&debug=true", "/probe?source=nobody"} {
			_, page := p.get(path)
			if path == "/api/v1/alerts" && !strings.Contains(page, `"state":"firing"`) {
				t.Errorf("%s: nothing fires: %s", path, page)
			}
			birds.look(t, path, page)
		}
		never.look(t, "details "+details+": alerts", got.String())
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
