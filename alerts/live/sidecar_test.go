//go:build alerting

package live

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// What the exporter itself sends is about one user: who alone is known is subject.
const (
	pseudonymKey = "0123456789abcdef0123456789abcdef"

	pagedFailures = "security-pager IAMUserLoginAfterFailures critical " + inter
	toldActing    = "digest IAMUserImpersonated info " + sso
	toldOld       = "security-mail IAMUserSessionTooOld warning " + inter
)

// hold is as short as a restart of the exporter on a busy machine allows.
const hold = 15 * time.Second

// alerting is the configuration of an exporter that sends alerts itself.
func alerting(alertmanagers ...string) string {
	var urls []string
	for _, a := range alertmanagers {
		urls = append(urls, fmt.Sprintf("{url: %q}", a))
	}
	return fmt.Sprintf(`
alerting:
  alertmanagers: [%s]
  key_file: pseudonyms.key
  interval: 1s
  resend_delay: 1s
  keep_firing_for: 1s
  hold: %s
`, strings.Join(urls, ", "), hold)
}

// subject is the pseudonym of a user of Intersight.
func subject(user string) string {
	m := hmac.New(sha256.New, []byte(pseudonymKey))
	io.WriteString(m, "user\x00\x00"+strings.ToLower(user))
	return "u-" + strings.ToLower(base32.StdEncoding.EncodeToString(m.Sum(nil)[:10]))
}

// gate is a way to a server that can be closed: it then refuses connections.
func gate(t *testing.T, to string) *httptest.Server {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(httputil.NewSingleHostReverseProxy(u))
	t.Cleanup(s.Close)
	return s
}

// value is that of a series on /metrics of an exporter.
func (e *exporter) value(series string) string {
	res, err := http.Get("http://" + e.address + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return testkit.Value(string(b), series)
}

// shows waits until /metrics of an exporter has a value.
func (r *rig) shows(e *exporter, series, want string) {
	r.t.Helper()
	until(r.t, series+" is "+want, func() error {
		if got := e.value(series); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

// resent waits until an Alertmanager has been sent alerts several times from now on.
func (r *rig) resent(e *exporter, alertmanager string) {
	r.t.Helper()
	series := fmt.Sprintf("iam_alertmanager_alerts_sent_total{alertmanager=%q}", strings.TrimPrefix(alertmanager, "http://"))
	was, times := e.value(series), 0
	until(r.t, "alerts are sent again", func() error {
		if got := e.value(series); got != was {
			was = got
			times++
		}
		if times < 3 {
			return fmt.Errorf("%s: %d times", was, times)
		}
		return nil
	})
}

// guesses adds a session that came after many failed logins, a minute ago.
func (r *rig) guesses(user string) (id string, created time.Time) {
	id = r.world.Add(session.Intersight, func(s *world.Session) {
		s.User, s.FailedLogins = user, 12
		s.Created = s.Created.Add(-time.Minute)
		created = s.Created
	})
	return id, created
}

// count checks how often it was told that an alert fires, and that it resolved.
func (r *rig) count(k string, told, ended int) {
	r.t.Helper()
	if n := r.got.of(k); n.told != told || n.ended != ended {
		r.t.Errorf("%s: told %d times, and %d times that it resolved; want %d and %d", k, n.told, n.ended, told, ended)
	}
}

// onePage has the shipped rules and the exporter tell one Alertmanager of the same.
func onePage(t *testing.T, binary string) {
	r := newRig(t, binary)
	r.notify(r.dir)
	way := gate(t, r.alertmanager)
	e := r.exporter(alerting(way.URL))
	r.watch(strings.ReplaceAll(read(t, "../../alerts/prometheus.example.yml"), "localhost:10987", e.address), 2)
	covers := fmt.Sprintf(`iam_detection_covers{source=%q,detection=~"login_after_failures|session_age"} == 1 or iam_detection_covers{detection="impersonation"} == 1`, inter)
	until(t, "the exporter covers what the rules look for", func() error {
		if s := r.query(covers); len(s) != 3 {
			return fmt.Errorf("%v", s)
		}
		return nil
	})

	r.step("a session of yesterday")
	r.world.Add(session.Intersight, func(s *world.Session) { s.Created = s.Created.Add(-25 * time.Hour) })
	r.hear(toldOld)
	until(t, "the rule has waited long enough", func() error {
		if len(r.query("last_over_time(source:iam_session_too_old:held[1m] offset 15s) == 1")) != 1 {
			return errors.New("not yet")
		}
		return nil
	})
	r.step("a brute force ends in a login, somebody impersonates")
	r.world.Add(session.Intersight, func(s *world.Session) { s.FailedLogins = 12 })
	impostor := r.world.Add(session.OAM, func(s *world.Session) { s.Impersonating = true })
	r.hear(pagedFailures, toldActing)
	until(t, "the rules have seen both", func() error {
		if len(r.query("source:iam_failed_logins:last15m >= 10")) != 1 || len(r.query("iam_impersonating_sessions == 1")) != 1 {
			return errors.New("not yet")
		}
		return nil
	})
	r.evaluated(time.Now().Add(3 * time.Second))
	const rules = `ALERTS{alertname=~"IAMImpersonation|IAMLoginAfterFailures|IAMSessionTooOld"}`
	if a := r.query("count_over_time(" + rules + "[1h])"); len(a) != 0 {
		t.Errorf("Prometheus alerts of what the exporter does: %v", a)
	}
	r.heardOnly(pagedFailures, toldActing, toldOld)
	r.count(pagedFailures, 1, 0)
	r.count(toldActing, 1, 0)
	r.count(toldOld, 1, 0)

	r.step("the exporter can't reach Alertmanager")
	way.Close()
	acting, old := "digest IAMImpersonation info "+sso, "security-mail IAMSessionTooOld warning "+inter
	r.hear(acting, old)
	for alert, covers := range map[string]string{
		"IAMImpersonation": `iam_detection_covers{detection="impersonation"}`,
		"IAMSessionTooOld": fmt.Sprintf(`iam_detection_covers{source=%q,detection="session_age"}`, inter),
	} {
		broken := r.first(covers, "0")
		fires := r.first(fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, alert), "1")
		if after := fires.Sub(broken); after > 2*time.Second {
			t.Errorf("%s fires %s after Prometheus knows; want two evaluations, 2s, at most", alert, after)
		}
	}
	r.world.Remove(session.OAM, impostor) // before it has lasted for IAMImpersonationLong
	r.step("one more login after failures")
	r.world.Add(session.Intersight, func(s *world.Session) { s.FailedLogins = 12 })
	failures, undelivered := "security-pager IAMLoginAfterFailures critical "+inter, "operations-pager IAMAlertsNotDelivered critical "+e.address
	r.hear(failures, undelivered)
	r.heardOnly(pagedFailures, toldActing, toldOld, acting, old, failures, undelivered)
	r.count(failures, 1, 0)
	r.step("done")
}

// oneNotification has an exporter and its replica tell of one alert.
func oneNotification(t *testing.T, binary string) {
	r := newRig(t, binary)
	r.notify(r.dir)
	e, replica := r.exporter(alerting(r.alertmanager)), r.exporter(alerting(r.alertmanager))
	host := strings.TrimPrefix(r.alertmanager, "http://")
	up := fmt.Sprintf("iam_alertmanager_up{alertmanager=%q}", host)
	r.shows(e, up, "1")

	r.step("a brute force ends in a login")
	const user = "Alice@example.com"
	id, created := r.guesses(user)
	r.hear(pagedFailures)
	r.labelled(user, created)

	again := map[string]func(){
		"SIGTERM": func() { e.stop(); r.start(e) },
		"SIGKILL": func() { e.kill(); r.start(e) },
		"a reload": func() {
			write(t, strings.TrimSuffix(e.config, "exporter.yml"), "exporter.yml", read(t, e.config)+"  max_alerts: 40\n")
			res, err := http.Post("http://"+e.address+"/-/reload", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("reload: %s", res.Status)
			}
		},
	}
	for _, what := range []string{"SIGTERM", "SIGKILL", "a reload"} {
		r.step("%s", what)
		again[what]()
		r.resent(e, r.alertmanager)
		r.shows(e, up, "1")
		r.count(pagedFailures, 1, 0)
	}

	r.step("the replica loses its source, then the session ends")
	r.resent(replica, r.alertmanager)
	replica.blind()
	r.shows(replica, fmt.Sprintf("iam_source_up{api=%q,source=%q}", session.Intersight, inter), "0")
	r.world.Remove(session.Intersight, id)
	r.hearEnd(pagedFailures)
	r.resent(e, r.alertmanager)
	replica.intersight.Clear()
	r.shows(replica, fmt.Sprintf("iam_source_up{api=%q,source=%q}", session.Intersight, inter), "1")
	r.resent(e, r.alertmanager)
	r.count(pagedFailures, 1, 1)
	r.heardOnly(pagedFailures)
	r.step("done")
}

// blind has the source of Intersight fail for this exporter.
func (e *exporter) blind() { e.intersight.Set(faults.Fault{Effect: faults.Status(500)}) }

// labelled checks what Alertmanager knows of the two alerts on a login after 12
// failures, one of each level.
func (r *rig) labelled(user string, created time.Time) {
	r.t.Helper()
	var all []struct {
		Labels           map[string]string
		Annotations      map[string]string
		StartsAt, EndsAt time.Time
	}
	// The lower level comes a moment after the higher one.
	until(r.t, "Alertmanager has both levels", func() error {
		all = nil
		testkit.GetJSON(r.t, r.alertmanager+"/api/v2/alerts", &all)
		if len(all) < 2 {
			return fmt.Errorf("it has %d alerts", len(all))
		}
		return nil
	})
	var got, want []string
	for _, a := range all {
		got = append(got, fmt.Sprint(a.Labels))
		if a.Annotations["user"] != strings.ToLower(user) && a.Annotations["user"] != user || a.Annotations["failed_logins"] != "12" {
			r.t.Errorf("annotations: %v", a.Annotations)
		}
		if ahead := time.Until(a.EndsAt); !a.StartsAt.Equal(created) || ahead <= 0 || ahead > hold {
			r.t.Errorf("starts %s, ends in %s; want %s and %s at most", a.StartsAt, ahead, created, hold)
		}
	}
	for _, severity := range []string{"critical", "warning"} {
		want = append(want, fmt.Sprint(map[string]string{
			"alertname": "IAMUserLoginAfterFailures", "severity": severity, "category": "security",
			"source": inter, "api": "intersight", "subject": subject(user),
		}))
	}
	compare(r.t, "labels", got, want)
	// amtool finds it by the subject.
	out := tool(r.t, amtoolProgram, "--alertmanager.url="+r.alertmanager, "alert", "query", "-o", "json", "severity=critical", "subject="+subject(user))
	if n := strings.Count(out, `"fingerprint"`); n != 1 {
		r.t.Errorf("amtool shows %d alerts: %s", n, out)
	}
}

// cluster has an exporter tell two Alertmanagers, one of which is away for a while.
func cluster(t *testing.T, binary string) {
	r := newRig(t, binary)
	type member struct {
		*program
		url  string
		from func() *program
	}
	var members []*member
	var peers []string
	for i := range 2 {
		dir, web, gossip := t.TempDir(), testkit.FreeAddress(t), testkit.FreeAddress(t)
		args := []string{"--web.listen-address=" + web, "--cluster.listen-address=" + gossip, "--cluster.peer-timeout=3s",
			"--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s", "--cluster.reconnect-interval=1s"}
		for _, p := range peers {
			args = append(args, "--cluster.peer="+p)
		}
		peers = append(peers, gossip)
		m := &member{url: "http://" + web, from: func() *program { return r.notify(dir, args...) }}
		m.program = m.from()
		r.step("Alertmanager %d runs", i+1)
		members = append(members, m)
	}
	joined := func() {
		t.Helper()
		for _, m := range members {
			until(t, "the cluster has two members", func() error {
				var s struct {
					Cluster struct {
						Status string
						Peers  []any
					}
				}
				testkit.GetJSON(t, m.url+"/api/v2/status", &s)
				if s.Cluster.Status != "ready" || len(s.Cluster.Peers) != 2 {
					return fmt.Errorf("%+v", s)
				}
				return nil
			})
		}
	}
	joined()
	r.step("they are a cluster")
	e := r.exporter(alerting(members[0].url, members[1].url))
	up := func(m *member) string {
		return fmt.Sprintf("iam_alertmanager_up{alertmanager=%q}", strings.TrimPrefix(m.url, "http://"))
	}
	id, _ := r.guesses("alice@example.com")
	r.hear(pagedFailures)

	r.step("the second one ends, something begins, and something is over")
	members[1].stop()
	r.shows(e, up(members[1]), "0")
	r.shows(e, up(members[0]), "1")
	r.world.Add(session.OAM, func(s *world.Session) { s.Impersonating = true })
	r.hear(toldActing)
	r.world.Remove(session.Intersight, id)
	r.hearEnd(pagedFailures)

	r.step("it is back")
	members[1].program = members[1].from()
	joined()
	r.shows(e, up(members[1]), "1")
	// One of the two waits for the other, 3s: by then it would have told, too.
	over := time.Now().Add(5 * time.Second)
	until(t, "that time has passed", func() error {
		if time.Now().Before(over) {
			return errors.New("not yet")
		}
		return nil
	})
	for _, m := range members {
		r.resent(e, m.url)
	}
	r.heardOnly(pagedFailures, toldActing)
	r.count(pagedFailures, 1, 1)
	r.count(toldActing, 1, 0)
	r.step("done")
}
