//go:build alerting

package live

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// The sources of each exporter. The second one is scraped from /probe.
const inter, sso = "intersight-prod", "sso-emea"

// quietWorld is one in which nothing happens by itself.
func quietWorld() *world.World {
	c := world.DefaultConfig()
	c.Start, c.Warmup = time.Now().Truncate(time.Second), 0
	c.Intersight = world.Population{Max: 128, MaxPerUser: 32, IdleTimeout: 15 * time.Minute, Lifetime: 12 * time.Hour}
	c.OAM = world.Population{IdleTimeout: 15 * time.Minute, Lifetime: 12 * time.Hour}
	w := world.New(c)
	w.Follow(time.Now)
	return w
}

// rig is everything: the APIs, exporters, Alertmanager, the receivers, and where
// watch is called Prometheus.
type rig struct {
	t            *testing.T
	began        time.Time
	dir          string
	binary       string // of the exporter
	key          *simintersight.ECKey
	world        *world.World
	got          *received
	receivers    string // their URL
	pager        string // what else the receiver of that name has
	prometheus   string
	alertmanager string
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "iam_session_exporter")
	tool(t, "go", "build", "-o", path, "../..")
	return path
}

func newRig(t *testing.T, binary string) *rig {
	t.Helper()
	key, err := simintersight.NewECKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, began: time.Now(), dir: t.TempDir(), binary: binary, key: key, world: quietWorld(), got: &received{all: map[string]*notified{}}}
	r.world.AddN(session.Intersight, 20, nil)
	r.world.AddN(session.OAM, 5, nil)
	hook := httptest.NewServer(r.got)
	t.Cleanup(hook.Close)
	r.receivers = hook.URL
	return r
}

func (r *rig) step(format string, args ...any) {
	r.t.Helper()
	r.t.Logf("%5.1f s: %s", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// exporter is one of several; the faults are between the APIs and it alone.
type exporter struct {
	*program
	args            []string
	config          string // file
	address         string
	intersight, oam *faults.Handler
	probes          []json.RawMessage // what its service discovery lists
}

// exporter starts one more; more is added to its configuration.
func (r *rig) exporter(more ...string) *exporter {
	r.t.Helper()
	e := &exporter{
		address:    testkit.FreeAddress(r.t),
		intersight: faults.New(simintersight.New(r.world, simintersight.Options{Keys: map[string]crypto.PublicKey{simintersight.KeyID: &r.key.Private.PublicKey}}), 1),
		oam:        faults.New(simoam.New(r.world, simoam.Options{Users: map[string]string{"monitor": "secret"}}), 1),
	}
	var urls []string
	for _, h := range []http.Handler{e.intersight, e.oam} {
		s, err := simulator.Serve(h, simulator.ServeOptions{})
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { s.Close() })
		urls = append(urls, s.URL)
	}
	dir := r.t.TempDir()
	write(r.t, dir, "key.pem", string(r.key.Mislabeled))
	write(r.t, dir, "password", "secret\n")
	write(r.t, dir, "pseudonyms.key", pseudonymKey)
	config := write(r.t, dir, "exporter.yml", fmt.Sprintf(`
sources:
  - {name: %s, api: intersight, url: %q, api_key: {id: %q, secret_key_file: key.pem}}
  - {name: %s, api: oam, url: %q, probe_only: true, min_interval: 0s, session_lifetime: 12h,
     basic_auth: {username: monitor, password_file: password}}
%s`, inter, urls[0], simintersight.KeyID, sso, urls[1], strings.Join(more, "")))
	e.args = []string{r.binary, "--config.file=" + config, "--web.listen-address=" + e.address}
	if len(more) > 0 {
		e.args = append(e.args, "--web.external-url=http://"+e.address)
	}
	e.config = config
	r.start(e)
	testkit.GetJSON(r.t, "http://"+e.address+"/sd", &e.probes)
	return e
}

func (r *rig) start(e *exporter) {
	r.t.Helper()
	e.program = start(r.t, e.args...)
}

// notify starts an Alertmanager with the shipped example, with the receivers and
// intervals of this test. A cluster has further arguments, and its data stays.
func (r *rig) notify(dir string, args ...string) *program {
	r.t.Helper()
	am := read(r.t, "../../alerts/alertmanager.example.yml")
	pager := `{url: "http://PLACEHOLDER.invalid/security-pager", send_resolved: true}`
	am = strings.Replace(am, pager, pager+r.pager, 1)
	am = strings.ReplaceAll(am, "http://PLACEHOLDER.invalid", r.receivers)
	am = regexp.MustCompile(`(group_wait|group_interval): \S+`).ReplaceAllString(am, "$1: 1s")
	am = regexp.MustCompile(`(?m)^ *active_time_intervals:.*$`).ReplaceAllString(am, "") // the test has no office hours
	if len(args) == 0 {
		args = []string{"--web.listen-address=" + anyPort, "--cluster.listen-address="}
	}
	p := start(r.t, append([]string{alertmanagerProgram, "--config.file=" + write(r.t, dir, "alertmanager.yml", am),
		"--storage.path=" + filepath.Join(dir, "alertmanager")}, args...)...)
	r.alertmanager = "http://" + p.address
	return p
}

// watch starts Prometheus with the shipped example, with addresses and intervals of
// this test; in it, those of the exporters are set already. It has this many targets.
// It also starts Alertmanager, if there is none.
func (r *rig) watch(prom string, targets int) {
	r.t.Helper()
	if r.alertmanager == "" {
		r.notify(r.dir)
	}
	address := strings.TrimPrefix(r.alertmanager, "http://")
	prom = strings.NewReplacer("localhost:9093", address, "[rules.yml]", "[rules*.yml]").Replace(prom)
	prom = regexp.MustCompile(`(scrape_interval|scrape_timeout|evaluation_interval|refresh_interval): \S+`).ReplaceAllString(prom, "$1: 1s")
	file := write(r.t, r.dir, "prometheus.yml", prom)
	r.prometheus = "http://" + start(r.t, prometheusProgram, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(r.dir, "prometheus"),
		"--web.listen-address="+anyPort, "--web.enable-lifecycle").address
	// Without rules until it has found its targets, which takes it five seconds and
	// more: at a minute a second the exporter would count as down meanwhile.
	until(r.t, "all targets are scraped", func() error {
		if s := r.query("up == 1"); len(s) != targets {
			return fmt.Errorf("%v", s)
		}
		return nil
	})
	write(r.t, r.dir, "rules.yml", shorten(read(r.t, "../../alerts/rules.yml")))
	tool(r.t, promtoolProgram, "check", "config", file)
	res, err := http.Post(r.prometheus+"/-/reload", "", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("reload: %s", res.Status)
	}
	until(r.t, "it has found Alertmanager, anew after the reload", func() error {
		var found struct {
			Data struct{ ActiveAlertmanagers []any }
		}
		testkit.GetJSON(r.t, r.prometheus+"/api/v1/alertmanagers", &found)
		if len(found.Data.ActiveAlertmanagers) != 1 {
			return fmt.Errorf("%v", found)
		}
		return nil
	})
}

// discovered makes these exporters those that Prometheus finds in the files
// exporters.json and probes.json.
func (r *rig) discovered(exporters ...*exporter) {
	r.t.Helper()
	addresses, probes := []string{}, []json.RawMessage{}
	for _, e := range exporters {
		addresses, probes = append(addresses, e.address), append(probes, e.probes...)
	}
	for name, groups := range map[string]any{"exporters.json": []any{map[string]any{"targets": addresses}}, "probes.json": probes} {
		b, err := json.Marshal(groups)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := os.Rename(write(r.t, r.t.TempDir(), name, string(b)), filepath.Join(r.dir, name)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// evaluated waits until the rules have been evaluated at a time.
func (r *rig) evaluated(at time.Time) {
	r.t.Helper()
	until(r.t, "the rules have been evaluated", func() error {
		if len(r.query(fmt.Sprintf("timestamp(instance:iam_exporter_needed:max) >= %d", at.Unix()))) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
}

// query asks Prometheus.
func (r *rig) query(expr string) (series []map[string]string) {
	r.t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	testkit.GetJSON(r.t, r.prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
	for _, s := range answer.Data.Result {
		series = append(series, s.Metric)
	}
	return series
}

// first is the time of the first sample of a series that has this value and is
// followed by no other.
func (r *rig) first(selector, value string) (at time.Time) {
	r.t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Values [][2]any }
		}
	}
	testkit.GetJSON(r.t, r.prometheus+"/api/v1/query?query="+url.QueryEscape(selector+"[1h]"), &answer)
	if len(answer.Data.Result) != 1 {
		r.t.Fatalf("%s: %d series; want 1", selector, len(answer.Data.Result))
	}
	for _, v := range answer.Data.Result[0].Values {
		seconds, _ := v[0].(float64)
		switch {
		case v[1] != value:
			at = time.Time{}
		case at.IsZero():
			at = time.UnixMilli(int64(seconds * 1000))
		}
	}
	return at
}

type alert struct {
	Labels map[string]string
	Status struct{ InhibitedBy []string }
}

// alerts are those in Alertmanager that fire, of a name, severity and source.
func (r *rig) alerts(name, severity, source string) (found []alert) {
	var all []alert
	testkit.GetJSON(r.t, r.alertmanager+"/api/v2/alerts", &all)
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

// hear waits until the receivers hear that something fires.
func (r *rig) hear(all ...string) {
	r.t.Helper()
	for _, k := range all {
		until(r.t, "the receivers hear of it", func() error { return r.got.has(k, false) })
		r.step("%s", k)
	}
}

// hearEnd waits until they hear that it resolves.
func (r *rig) hearEnd(all ...string) {
	r.t.Helper()
	for _, k := range all {
		until(r.t, "it resolves", func() error { return r.got.has(k, true) })
		r.step("%s resolved", k)
	}
}

func (r *rig) quiet() {
	r.t.Helper()
	until(r.t, "all is quiet", func() error {
		if a := r.query("ALERTS"); len(a) != 0 {
			return fmt.Errorf("%v", a)
		}
		return nil
	})
}

// compare checks a list, in any order.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// heardOnly checks all that came to the receivers: each of these once.
func (r *rig) heardOnly(want ...string) {
	r.t.Helper()
	compare(r.t, "received", r.got.names(), want)
}

// heard checks that, too; and with what Alertmanager held back, all that ever fired
// in Prometheus.
func (r *rig) heard(want []string, inhibited ...string) {
	r.t.Helper()
	r.heardOnly(want...)
	var fired []string
	for _, s := range r.query(`count_over_time(ALERTS{alertstate="firing"}[1h])`) {
		fired = append(fired, what(s))
	}
	for _, k := range want {
		_, alert, _ := strings.Cut(k, " ")
		inhibited = append(inhibited, alert)
	}
	compare(r.t, "fired", fired, inhibited)
}
