//go:build alerting

package alerting

import (
	"crypto"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// received is what came to the receivers.
type received struct {
	mu  sync.Mutex
	all map[string]map[string]bool // by what, whether firing and resolved came
}

// what names an alert and its receiver.
func what(receiver string, labels map[string]string) string {
	return strings.Join([]string{receiver, labels["alertname"], labels["severity"], labels["source"]}, " ")
}

func (r *received) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var m struct {
		Alerts []struct {
			Status              string
			Labels, Annotations map[string]string
		}
	}
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		m.Alerts = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range m.Alerts {
		k := what(strings.TrimPrefix(req.URL.Path, "/"), a.Labels)
		if strings.Contains(a.Annotations["description"], "<no value>") || a.Annotations["runbook_url"] == "" {
			k += " badly described"
		}
		if r.all[k] == nil {
			r.all[k] = map[string]bool{}
		}
		r.all[k][a.Status] = true
	}
}

func (r *received) has(k, status string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.all[k][status] {
		return fmt.Errorf("no %s of %q; there are %v", status, k, r.all)
	}
	return nil
}

// names lists what was told to fire. Alertmanager may tell with a message on
// others of the group that something has resolved which it had held back; that is
// no alarm.
func (r *received) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for k, status := range r.all {
		if status["firing"] {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// world is one in which nothing happens by itself.
func world() *simulator.World {
	c := simulator.DefaultConfig()
	c.Start, c.Warmup = time.Now().Truncate(time.Second), 0
	c.Intersight = simulator.Population{Max: 128, MaxPerUser: 32, IdleTimeout: 15 * time.Minute, Lifetime: 12 * time.Hour}
	c.OAM = simulator.Population{IdleTimeout: 15 * time.Minute, Lifetime: 12 * time.Hour}
	w := simulator.New(c)
	w.Follow(time.Now)
	return w
}

// rig is everything: the APIs, the exporter, Prometheus, Alertmanager and the
// receivers.
type rig struct {
	t            *testing.T
	world        *simulator.World
	oam          *simulator.Faults
	got          *received
	exporter     *program
	exporterArgs []string
	address      string // of the exporter
	prometheus   string
	alertmanager string
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "iam_session_exporter")
	tool(t, "go", "build", "-o", path, "../..")
	return path
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, world: world(), got: &received{all: map[string]map[string]bool{}}, address: freeAddress(t)}
	r.world.AddN(session.Intersight, 20, nil)
	r.world.AddN(session.OAM, 5, nil)

	key, err := simulator.NewECKey()
	if err != nil {
		t.Fatal(err)
	}
	inter := simulator.NewIntersight(r.world, simulator.IntersightOptions{Keys: map[string]crypto.PublicKey{simulator.KeyID: &key.Private.PublicKey}})
	r.oam = simulator.NewFaults(simulator.NewOAM(r.world, simulator.OAMOptions{Users: map[string]string{"monitor": "secret"}}), 1)
	var urls []string
	for _, h := range []http.Handler{inter, r.oam} {
		s, err := simulator.Serve(h, simulator.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		urls = append(urls, s.URL)
	}
	write(t, dir, "key.pem", string(key.Mislabeled))
	write(t, dir, "password", "secret\n")
	config := write(t, dir, "exporter.yml", fmt.Sprintf(`
sources:
  - {name: intersight-prod, api: intersight, url: %q, api_key: {id: %q, secret_key_file: key.pem}}
  - {name: sso-emea, api: oam, url: %q, probe_only: true, min_interval: 0s, session_lifetime: 12h,
     basic_auth: {username: monitor, password_file: password}}
`, urls[0], simulator.KeyID, urls[1]))
	r.exporterArgs = []string{build(t), "--config.file=" + config, "--web.listen-address=" + r.address}
	r.startExporter()

	// The shipped examples, with addresses and intervals of this test.
	hook := httptest.NewServer(r.got)
	t.Cleanup(hook.Close)
	am := read(t, "../../alerts/alertmanager.example.yml")
	am = strings.ReplaceAll(am, "http://PLACEHOLDER.invalid", hook.URL)
	am = regexp.MustCompile(`(group_wait|group_interval): \S+`).ReplaceAllString(am, "$1: 1s")
	am = regexp.MustCompile(`(?m)^ *active_time_intervals:.*$`).ReplaceAllString(am, "") // the test has no office hours
	address := start(t, alertmanagerProgram, "--config.file="+write(t, dir, "alertmanager.yml", am),
		"--storage.path="+filepath.Join(dir, "alertmanager"), "--web.listen-address="+anyPort, "--cluster.listen-address=").address
	r.alertmanager = "http://" + address

	prom := strings.NewReplacer("localhost:10987", r.address, "localhost:9093", address, "[rules.yml]", "["+filepath.Join(dir, "rules*.yml")+"]").
		Replace(read(t, "../../alerts/prometheus.example.yml"))
	prom = regexp.MustCompile(`(scrape_interval|scrape_timeout|evaluation_interval|refresh_interval): \S+`).ReplaceAllString(prom, "$1: 1s")
	file := write(t, dir, "prometheus.yml", prom)
	r.prometheus = "http://" + start(t, prometheusProgram, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "prometheus"),
		"--web.listen-address="+anyPort, "--web.enable-lifecycle").address
	// Without rules until it has found its targets, which takes it five seconds and
	// more: at a minute a second the exporter would count as down meanwhile.
	until(t, "both jobs are scraped", func() error {
		if s := r.query("up == 1"); len(s) != 2 {
			return fmt.Errorf("%v", s)
		}
		return nil
	})
	write(t, dir, "rules.yml", shorten(read(t, "../../alerts/rules.yml")))
	tool(t, promtoolProgram, "check", "config", file)
	res, err := http.Post(r.prometheus+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s", res.Status)
	}
	return r
}

func (r *rig) startExporter() {
	r.t.Helper()
	r.exporter = start(r.t, r.exporterArgs...)
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}

// query asks Prometheus.
func (r *rig) query(expr string) (series []map[string]string) {
	r.t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	get(r.t, r.prometheus+"/api/v1/query?query="+strings.NewReplacer(" ", "%20", "{", "%7B", "}", "%7D", "\"", "%22", "+", "%2B").Replace(expr), &answer)
	for _, s := range answer.Data.Result {
		series = append(series, s.Metric)
	}
	return series
}

type alert struct {
	Labels map[string]string
	Status struct{ InhibitedBy []string }
}

// alerts are those in Alertmanager that fire, of a name, severity and source.
func (r *rig) alerts(name, severity, source string) (found []alert) {
	var all []alert
	get(r.t, r.alertmanager+"/api/v2/alerts", &all)
	for _, a := range all {
		if a.Labels["alertname"] == name && a.Labels["severity"] == severity && a.Labels["source"] == source {
			found = append(found, a)
		}
	}
	return found
}

// inhibited tells whether Alertmanager holds back an alert.
func (r *rig) inhibited(name, severity, source string) error {
	a := r.alerts(name, severity, source)
	if slices.ContainsFunc(a, func(a alert) bool { return len(a.Status.InhibitedBy) > 0 }) {
		return nil
	}
	return fmt.Errorf("%s %s of %s is not inhibited: %v", severity, name, source, a)
}

// What should reach somebody does, and nothing else.
func TestRightPeopleHear(t *testing.T) {
	began := time.Now()
	step := func(format string, args ...any) {
		t.Helper()
		t.Logf("%5.1f s: %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	r := newRig(t)
	const inter, oam = "intersight-prod", "sso-emea"
	until(t, "both sources are seen, under one instance and their own names", func() error {
		s := r.query("iam_source_up == 1")
		if len(s) != 2 || s[0]["instance"] != r.address || s[1]["instance"] != r.address || s[0]["exported_source"]+s[1]["exported_source"] != "" {
			return fmt.Errorf("%v", s)
		}
		if u := r.query(`up{job="iam_session_probe"}`); len(u) != 1 || u[0]["source"] != oam || u[0]["instance"] != r.address {
			return fmt.Errorf("%v", u)
		}
		return nil
	})
	step("scraped")
	if len(r.query("iam_session_exporter_config_last_reload_successful == 1")) != 1 {
		t.Error("the exporter's own metric that a rule needs is not there")
	}
	until(t, "there is a last week to compare with", func() error {
		if len(r.query("source:iam_sessions_started:increase1h offset "+lastWeek)) == 0 {
			return fmt.Errorf("none yet")
		}
		return nil
	})
	if a := r.query(`ALERTS{alertstate="firing"}`); len(a) != 0 {
		t.Errorf("alerts where nothing happens: %v", a)
	}

	step("a brute force ends in a login, sessions flood in, somebody impersonates")
	r.world.Add(session.Intersight, func(s *simulator.Session) { s.FailedLogins = 12 })
	flood := r.world.AddN(session.Intersight, 60, nil)
	impostor := r.world.Add(session.OAM, func(s *simulator.Session) { s.Impersonating = true })
	broken, surge, impersonation := "security-pager IAMLoginAfterFailures critical "+inter, "security-mail IAMSessionSurge warning "+inter, "digest IAMImpersonation info "+oam
	for _, k := range []string{broken, surge, impersonation} {
		until(t, "the receivers hear of it", func() error { return r.got.has(k, "firing") })
		step("%s", k)
	}
	for _, name := range []string{"IAMLoginAfterFailures", "IAMFailedLoginsBurst"} {
		until(t, "the warning yields to the critical alert", func() error { return r.inhibited(name, "warning", inter) })
	}

	step("OAM fails")
	r.world.Remove(session.OAM, impostor)
	r.oam.Set(simulator.Fault{Effect: simulator.Status(500)})
	outage := "operations-pager IAMSourceDown critical " + oam
	until(t, "the receivers hear of it", func() error { return r.got.has(outage, "firing") })
	step("%s", outage)
	// Session metrics of a source that is down are gone, and so are alerts on
	// them, unless they linger: this one is made to.
	lingering := func(end time.Time) {
		tool(t, amtoolProgram, "--alertmanager.url="+r.alertmanager, "alert", "add", "IAMSessionSurge",
			"severity=warning", "category=security", "source="+oam, "instance="+r.address, "--end="+end.Format(time.RFC3339))
	}
	lingering(time.Now().Add(time.Hour))
	until(t, "source down silences a session alert", func() error { return r.inhibited("IAMSessionSurge", "warning", oam) })
	lingering(time.Now().Add(-time.Second))
	until(t, "that one has ended", func() error {
		if a := r.alerts("IAMSessionSurge", "warning", oam); len(a) > 0 {
			return fmt.Errorf("%v", a)
		}
		return nil
	})
	r.oam.Clear()
	for _, k := range []string{outage, broken, surge} {
		until(t, "it resolves", func() error { return r.got.has(k, "resolved") })
		step("%s resolved", k)
	}
	until(t, "all is quiet", func() error {
		if a := r.query("ALERTS"); len(a) != 0 {
			return fmt.Errorf("%v", a)
		}
		return nil
	})

	step("the exporter ends")
	r.exporter.stop()
	for _, id := range flood {
		r.world.Remove(session.Intersight, id)
	}
	gone := "operations-pager IAMExporterDown critical "
	until(t, "the receivers hear of it", func() error { return r.got.has(gone, "firing") })
	step("%s", gone)
	r.startExporter()
	until(t, "it resolves", func() error { return r.got.has(gone, "resolved") })
	until(t, "all is quiet", func() error {
		if a := r.query("ALERTS"); len(a) != 0 {
			return fmt.Errorf("%v", a)
		}
		return nil
	})
	want := []string{broken, surge, impersonation, outage, gone}
	slices.Sort(want)
	if got := r.got.names(); !slices.Equal(got, want) {
		t.Errorf("received\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	step("done")
}
