package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/testkit"
)

// The tests here run a real Alertmanager with the example's configuration, and
// give it alerts as Prometheus would.

type lbls map[string]string

// an alert of source prod, unless more says otherwise.
func alert(name, severity, category string, more ...string) lbls {
	l := lbls{"alertname": name, "severity": severity, "category": category, "source": "prod"}
	for i := 0; i < len(more); i += 2 {
		l[more[i]] = more[i+1]
		if more[i+1] == "" {
			delete(l, more[i])
		}
	}
	return l
}

// an alert about an exporter itself.
func ofExporter(name, severity, instance string) lbls {
	return alert(name, severity, "operations", "source", "", "instance", instance)
}

func (l lbls) String() string {
	var s []string
	for _, k := range slices.Sorted(maps.Keys(l)) {
		s = append(s, k+"="+l[k])
	}
	return strings.Join(s, " ")
}

// running is an Alertmanager that runs until the test ends.
type running struct {
	t   *testing.T
	url string
	log testkit.Buffer
	end chan struct{}
}

// await polls another program, whose clock can't be faked. The limit is what a
// busy machine may need.
func await(t *testing.T, what string, ok func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = ok(); err == nil {
			return
		}
	}
	t.Fatalf("waited in vain until %s: %v", what, err)
}

// listening is what it logs of its address, which it chooses itself: nobody else
// can take it before.
var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

func runAlertmanager(t *testing.T, config string) *running {
	t.Helper()
	program := os.Getenv("ALERTMANAGER")
	if program == "" {
		program = "prometheus-alertmanager" // as Debian names it
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &running{t: t, end: make(chan struct{})}
	cmd := exec.Command(program, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=", "--log.level=debug")
	cmd.Stdout, cmd.Stderr = &a.log, &a.log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; scripts/tools installs what the tests need", err)
	}
	go func() {
		defer close(a.end)
		_ = cmd.Wait() // it is told to end
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-a.end:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-a.end
		}
	})
	await(t, "Alertmanager is ready", func() error {
		select {
		case <-a.end:
			t.Fatalf("Alertmanager ended\n%s", &a.log)
		default:
		}
		m := listening.FindStringSubmatch(a.log.String())
		if m == nil {
			return errors.New("it does not listen")
		}
		a.url = "http://" + m[1]
		res, err := http.Get(a.url + "/-/ready")
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status)
		}
		return nil
	})
	return a
}

func (a *running) post(alerts ...lbls) {
	a.t.Helper()
	var list []map[string]any
	for _, l := range alerts {
		list = append(list, map[string]any{"labels": l})
	}
	b, err := json.Marshal(list)
	if err != nil {
		a.t.Fatal(err)
	}
	res, err := http.Post(a.url+"/api/v2/alerts", "application/json", bytes.NewReader(b))
	if err != nil {
		a.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		a.t.Fatalf("%v: %s", alerts, res.Status)
	}
}

// inhibited tells of each alert that is known whether it is held back.
func (a *running) inhibited() map[string]bool {
	a.t.Helper()
	res, err := http.Get(a.url + "/api/v2/alerts")
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	var list []struct {
		Labels lbls
		Status struct{ InhibitedBy []string }
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		a.t.Fatal(err)
	}
	is := map[string]bool{}
	for _, x := range list {
		is[x.Labels.String()] = len(x.Status.InhibitedBy) > 0
	}
	return is
}

// expect waits until exactly the alerts of silenced are held back.
func (a *running) expect(silenced, heard []lbls) {
	a.t.Helper()
	await(a.t, "the right alerts are held back", func() error {
		is := a.inhibited()
		for _, l := range silenced {
			if !is[l.String()] {
				return fmt.Errorf("not held back: %s", l)
			}
		}
		for _, l := range heard {
			if held, known := is[l.String()]; held || !known {
				return fmt.Errorf("held back, or not known (%v): %s", !known, l)
			}
		}
		return nil
	})
}

func example(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(alertmanager)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// replace changes what must be there.
func replace(t *testing.T, text string, oldnew ...string) string {
	t.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			t.Fatalf("the example has no %q", oldnew[i])
		}
	}
	return strings.NewReplacer(oldnew...).Replace(text)
}

// What each rule of inhibition silences, and what is next to it that it does not,
// by the rule's source_matchers.
var inhibitions = map[string]struct{ source, silenced, heard []lbls }{
	`alertname="IAMExporterDown", instance!=""`: {
		source: []lbls{ofExporter("IAMExporterDown", "warning", "e")},
		silenced: []lbls{
			ofExporter("IAMConfigReloadFailed", "warning", "e"),
			alert("IAMSourceDown", "warning", "operations", "instance", "e"),
		},
		heard: []lbls{
			alert("IAMSourceStale", "warning", "operations"), alert("IAMSourceDown", "critical", "operations"),
			alert("IAMSessionsNearLimit", "critical", "operations"),
			alert("IAMSourceDown", "warning", "operations", "instance", "f"),
			ofExporter("IAMExporterDown", "critical", "g"), ofExporter("NodeDown", "critical", "e"),
		},
	},
	`alertname="IAMExporterDown", instance=""`: {
		source: []lbls{ofExporter("IAMExporterDown", "critical", "")},
		silenced: []lbls{alert("IAMSourceStale", "warning", "operations"), alert("IAMSourceDown", "critical", "operations"),
			alert("IAMSourceDown", "warning", "operations", "instance", "f"), ofExporter("IAMConfigReloadFailed", "warning", "e")},
		heard: []lbls{ofExporter("IAMExporterDown", "critical", "e"), alert("NodeDown", "critical", "operations"),
			alert("IAMUserImpersonated", "info", "security", "subject", "u-a")},
	},
	`alertname="IAMExporterDown", severity="critical"`: {
		source:   []lbls{ofExporter("IAMExporterDown", "critical", "e")},
		silenced: []lbls{ofExporter("IAMExporterDown", "warning", "e")},
		heard:    []lbls{ofExporter("IAMExporterDown", "warning", "f"), ofExporter("IAMConfigReloadFailed", "warning", "e")},
	},
	`alertname="IAMSourceDown", severity="critical"`: {
		source: []lbls{alert("IAMSourceDown", "critical", "operations")},
		silenced: []lbls{
			alert("IAMSessionSurge", "warning", "security"), alert("IAMSessionsNone", "warning", "operations"), alert("IAMSessionTooOld", "warning", "security"),
			alert("IAMSessionsNearLimit", "warning", "operations"), alert("IAMSessionsNearLimit", "critical", "operations"),
			alert("IAMUserSessionsNearLimit", "warning", "operations"), alert("IAMTerminationBurst", "warning", "security"),
			alert("IAMImpersonation", "info", "security"), alert("IAMImpersonationLong", "warning", "security"),
			alert("IAMIdleTimeoutWeak", "info", "security"), alert("IAMSessionLifetimeWeak", "info", "security"), alert("IAMSessionPolicyChanged", "info", "security"),
			alert("IAMLabelLimitReached", "info", "operations"),
			alert("IAMSourceStale", "warning", "operations"), alert("IAMSourceFlapping", "warning", "operations"),
			alert("IAMSourceIncomplete", "warning", "operations"), alert("IAMSourceClockSkew", "warning", "operations"),
			alert("IAMSourceSlow", "warning", "operations"), alert("IAMSessionsUnknownNetwork", "info", "security"),
		},
		heard: []lbls{
			alert("IAMUserImpersonatedLong", "warning", "security", "subject", "u-a"),
			alert("IAMSessionSurge", "warning", "security", "source", "other"),
			alert("IAMSourceDown", "warning", "operations", "instance", "e"),
			// That somebody got in stays true, and these tell why it is down.
			alert("IAMLoginAfterFailures", "critical", "security"), alert("IAMLoginAfterFailures", "warning", "security"),
			alert("IAMFailedLoginsBurst", "warning", "security"), alert("IAMFailedLoginsUnusual", "warning", "security"),
			alert("IAMSourceUntrusted", "warning", "security"), alert("IAMSourceRateLimited", "warning", "operations"),
			alert("IAMSourceCredentialsRefused", "critical", "operations"), ofExporter("IAMConfigReloadFailed", "warning", "e"),
		},
	},
	`alertname="IAMSourceCredentialsRefused"`: {
		source:   []lbls{alert("IAMSourceCredentialsRefused", "critical", "operations")},
		silenced: []lbls{alert("IAMSourceDown", "critical", "operations"), alert("IAMSourceDown", "warning", "operations", "instance", "e")},
		heard:    []lbls{alert("IAMSourceDown", "critical", "operations", "source", "other"), alert("IAMSourceRateLimited", "warning", "operations")},
	},
	`severity="critical", alertname!="IAMExporterDown"`: {
		source: []lbls{alert("IAMSessionsNearLimit", "critical", "operations"), alert("IAMFailedLoginsBurst", "critical", "security"),
			alert("IAMLoginAfterFailures", "critical", "security"), alert("IAMSourceDown", "critical", "operations"),
			alert("IAMUserLoginAfterFailures", "critical", "security", "subject", "u-a")},
		silenced: []lbls{alert("IAMUserLoginAfterFailures", "warning", "security", "subject", "u-a"), alert("IAMSessionsNearLimit", "warning", "operations"), alert("IAMFailedLoginsBurst", "warning", "security"),
			alert("IAMLoginAfterFailures", "warning", "security"), alert("IAMSourceDown", "warning", "operations", "instance", "e")},
		heard: []lbls{ofExporter("IAMExporterDown", "warning", "e"), alert("IAMSessionsNearLimit", "warning", "operations", "source", "other"), alert("IAMUserSessionsNearLimit", "warning", "operations"),
			alert("IAMUserLoginAfterFailures", "warning", "security", "subject", "u-b")},
	},
	`alertname=~"IAMLoginAfterFailures|IAMUserLoginAfterFailures", severity="critical"`: {
		source: []lbls{alert("IAMLoginAfterFailures", "critical", "security"),
			alert("IAMUserLoginAfterFailures", "critical", "security", "subject", "u-a")},
		silenced: []lbls{alert("IAMFailedLoginsBurst", "warning", "security"), alert("IAMFailedLoginsUnusual", "warning", "security")},
		heard: []lbls{alert("IAMFailedLoginsBurst", "critical", "security"), alert("IAMFailedLoginsUnusual", "warning", "security", "source", "other"),
			alert("IAMSessionSurge", "warning", "security")},
	},
	`alertname="IAMImpersonationLong"`: {
		source:   []lbls{alert("IAMImpersonationLong", "warning", "security")},
		silenced: []lbls{alert("IAMImpersonation", "info", "security")},
		heard:    []lbls{alert("IAMImpersonation", "info", "security", "source", "other"), alert("IAMSessionPolicyChanged", "info", "security")},
	},
	`alertname="IAMUserImpersonatedLong"`: {
		source:   []lbls{alert("IAMUserImpersonatedLong", "warning", "security", "subject", "u-a")},
		silenced: []lbls{alert("IAMUserImpersonated", "info", "security", "subject", "u-a")},
		heard: []lbls{alert("IAMUserImpersonated", "info", "security", "subject", "u-b"), alert("IAMUserImpersonated", "info", "security", "source", "other", "subject", "u-a"),
			alert("IAMUserImpersonatedLong", "warning", "security", "subject", "u-c")},
	},
}

// Each rule of inhibition on its own silences what it should, and no more.
func TestInhibition(t *testing.T) {
	var config map[string]any
	if err := yaml.Unmarshal([]byte(example(t)), &config); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"NodeDown critical": true,
		// Those that the exporter sends itself.
		"IAMUserImpersonated info": true, "IAMUserImpersonatedLong warning": true, "IAMUserLoginAfterFailures critical": true, "IAMUserLoginAfterFailures warning": true}
	for _, r := range load(t) {
		known[r.Alert+" "+r.Labels["severity"]] = true
	}
	tested := map[string]bool{}
	for _, one := range config["inhibit_rules"].([]any) {
		var matchers []string
		for _, m := range one.(map[string]any)["source_matchers"].([]any) {
			matchers = append(matchers, m.(string))
		}
		name := strings.Join(matchers, ", ")
		want, ok := inhibitions[name]
		if !ok || tested[name] {
			t.Errorf("no test of the inhibition by %s, or two rules of it", name)
		}
		tested[name] = true
		t.Run(name, func(t *testing.T) {
			c := maps.Clone(config)
			c["inhibit_rules"] = []any{one}
			b, err := yaml.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			a := runAlertmanager(t, string(b))
			all := slices.Concat(want.silenced, want.heard)
			for _, l := range slices.Concat(want.source, all) {
				if !known[l["alertname"]+" "+l["severity"]] {
					t.Errorf("there is no such alert: %s", l)
				}
			}
			a.post(all...)
			a.expect(nil, all)
			a.post(want.source...)
			a.expect(want.silenced, slices.Concat(want.heard, want.source))
		})
	}
	for name := range inhibitions {
		if !tested[name] {
			t.Errorf("no rule has the source_matchers %s", name)
		}
	}
}

// messages are what the receivers were told.
type messages struct {
	mu  sync.Mutex
	all map[string][][]string // by receiver, the alerts of each message
}

func (m *messages) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var in struct{ Alerts []struct{ Labels lbls } }
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
		return // what did not come is missed
	}
	var names []string
	for _, a := range in.Alerts {
		names = append(names, a.Labels["alertname"])
	}
	slices.Sort(names)
	m.mu.Lock()
	defer m.mu.Unlock()
	r := strings.TrimPrefix(req.URL.Path, "/")
	m.all[r] = append(m.all[r], names)
}

func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprint(m.all)
}

// hooked returns the example with a server of ours for receivers, and without patience.
func hooked(t *testing.T) (*messages, string) {
	t.Helper()
	m := &messages{all: map[string][][]string{}}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return m, replace(t, example(t), "http://PLACEHOLDER.invalid", server.URL,
		"group_wait: 30s", "group_wait: 1s", "group_wait: 10s", "group_wait: 1s", "group_wait: 5m", "group_wait: 1s",
		"group_interval: 5m", "group_interval: 1s", "group_interval: 1h", "group_interval: 1s")
}

// officeHours is what the example mutes by; the tests put another time in its place.
const officeHours = `- weekdays: [monday:friday]
        times:
          - {start_time: "07:00", end_time: "19:00"}
`

// At any hour whoever must act hears; what can wait comes in office hours only.
func TestOfficeHours(t *testing.T) {
	urgent := map[string]string{
		"security-pager":   "[[IAMLoginAfterFailures]]",
		"security-mail":    "[[IAMSessionSurge]]",
		"operations-pager": "[[IAMSourceDown]]",
	}
	canWait := map[string]string{
		"operations-mail": "[[IAMSourceStale IAMUserSessionsNearLimit]]", // one message for a source
		"digest":          "[[IAMImpersonation]]",
	}
	both := maps.Clone(urgent)
	maps.Copy(both, canWait)
	for name, c := range map[string]struct {
		hours string
		want  map[string]string
	}{
		"open":   {"- weekdays: [sunday:saturday]\n", both},
		"closed": {"- years: ['1999']\n", urgent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, config := hooked(t)
			a := runAlertmanager(t, replace(t, config, officeHours, c.hours))
			a.post(alert("IAMLoginAfterFailures", "critical", "security"), alert("IAMSessionSurge", "warning", "security", "source", "a"),
				alert("IAMSourceDown", "critical", "operations", "source", "b"), alert("IAMImpersonation", "info", "security", "source", "c"),
				alert("IAMSourceStale", "warning", "operations", "source", "d"), alert("IAMUserSessionsNearLimit", "warning", "operations", "source", "d"))
			await(t, "the right receivers are told", func() error {
				got.mu.Lock()
				defer got.mu.Unlock()
				for receiver, want := range c.want {
					if s := fmt.Sprint(got.all[receiver]); s != want {
						return fmt.Errorf("%s heard %s, want %s", receiver, s, want)
					}
				}
				return nil
			})
			if len(c.want) < len(both) {
				// A group is told before its next time: what comes to a second one without
				// a message is held back.
				await(t, "the others have had their time", func() error {
					for _, source := range []string{"c", "d"} { // of the digest, and of the mail
						n := 0
						for line := range strings.Lines(a.log.String()) {
							if strings.Contains(line, "msg=flushing") && strings.Contains(line, `source=\"`+source+`\"`) {
								n++
							}
						}
						if n < 2 {
							return fmt.Errorf("%s had %d", source, n)
						}
					}
					return nil
				})
			}
			got.mu.Lock()
			defer got.mu.Unlock()
			if len(got.all) != len(c.want) {
				t.Errorf("received %v, want %v", got.all, c.want)
			}
		})
	}
}

// The hours are those that the example means, by Alertmanager's own reckoning.
func TestOfficeHoursAre(t *testing.T) {
	var config struct {
		Times []struct {
			Name      string
			Intervals []timeinterval.TimeInterval `yaml:"time_intervals"`
		} `yaml:"time_intervals"`
	}
	if err := yaml.Unmarshal([]byte(example(t)), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Times) != 1 || config.Times[0].Name != "office-hours" || len(config.Times[0].Intervals) != 1 {
		t.Fatalf("%+v", config.Times)
	}
	for when, want := range map[string]bool{
		"2026-01-05T06:59:59Z": false, "2026-01-05T07:00:00Z": true, // a Monday
		"2026-01-09T18:59:59Z": true, "2026-01-09T19:00:00Z": false, // a Friday
		"2026-01-10T12:00:00Z": false, "2026-01-11T12:00:00Z": false, "2026-01-07T03:00:00Z": false,
		"2026-07-07T08:00:00+02:00": false, "2026-07-07T09:00:00+02:00": true, // UTC decides
	} {
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			t.Fatal(err)
		}
		if got := config.Times[0].Intervals[0].ContainsTime(at); got != want {
			t.Errorf("%s: %v", when, got)
		}
	}
}

// The whole example at once: of an outage with all that comes with it the
// receivers hear the cause only, and once more when no exporter is left.
func TestCauseOnly(t *testing.T) {
	got, config := hooked(t)
	a := runAlertmanager(t, replace(t, config, officeHours, "- weekdays: [sunday:saturday]\n"))
	cause := alert("IAMSourceCredentialsRefused", "critical", "operations")
	down := alert("IAMSourceDown", "critical", "operations")
	a.post(cause)
	await(t, "the cause is told", func() error {
		if s := got.String(); s != "map[operations-pager:[[IAMSourceCredentialsRefused]]]" {
			return errors.New(s)
		}
		return nil
	})
	// What is held back holds back, too.
	effects := []lbls{down, alert("IAMSourceFlapping", "warning", "operations"), alert("IAMSessionSurge", "warning", "security"),
		alert("IAMSessionsNearLimit", "critical", "operations"), alert("IAMImpersonation", "info", "security")}
	a.post(down)
	a.expect([]lbls{down}, nil)
	a.post(effects...)
	a.expect(effects, []lbls{cause})
	// Each of these is told with all of its group that is not held back: no effect is.
	witnesses := []lbls{alert("IAMSourceRateLimited", "warning", "operations"), alert("IAMSourceUntrusted", "warning", "security"),
		alert("WitnessOfPager", "critical", "operations"), alert("WitnessOfDigest", "info", "security")}
	a.post(witnesses...)
	await(t, "no effect is told", func() error {
		want := "map[digest:[[WitnessOfDigest]] operations-mail:[[IAMSourceRateLimited]]" +
			" operations-pager:[[IAMSourceCredentialsRefused] [IAMSourceCredentialsRefused WitnessOfPager]] security-mail:[[IAMSourceUntrusted]]]"
		if s := got.String(); s != want {
			return fmt.Errorf("%s, want %s", s, want)
		}
		return nil
	})
	a.post(ofExporter("IAMExporterDown", "critical", ""))
	a.expect(append(effects, cause, witnesses[0], witnesses[1]), []lbls{ofExporter("IAMExporterDown", "critical", "")})
}
