//go:build browser

package web

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/alerts"
	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

var pictures = flag.String("pictures", "", "a directory for pictures of the pages")

// Every page, with all that it can show, passes axe and an HTML validator, and is
// no wider than a phone.
func TestPagesInABrowser(t *testing.T) {
	pages := map[string]*httptest.ResponseRecorder{}
	synctest.Test(t, func(t *testing.T) { record(t, pages) })
	s := below(t, "/iam", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.RequestURI()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		maps.Copy(w.Header(), page.Header())
		w.Header().Del("Refresh") // the page must stay while it is looked at
		w.WriteHeader(page.Code)
		_, _ = w.Write(page.Body.Bytes())
	}))
	args := []string{"check/check.mjs", s.URL + "/iam"}
	if *pictures != "" {
		args = append(args, "--pictures="+*pictures)
	}
	var paths []string
	for at, page := range pages {
		if strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") {
			paths = append(paths, at)
		}
	}
	slices.Sort(paths)
	check := exec.CommandContext(t.Context(), "node", append(args, paths...)...)
	check.Env = append(os.Environ(), "NO_PROXY=127.0.0.1")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// record asks for every page of an exporter on which everything is wrong, and
// for the status page of one without sources, of one that is well, and of one with
// alerting where nothing fires.
func record(t *testing.T, pages map[string]*httptest.ResponseRecorder) {
	get := func(h http.Handler, at, as string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, at, nil))
		pages[as] = w
	}
	worst := newWorst()
	for _, at := range []string{"/", "/?search=emea&refresh=off", "/?search=nothing", "/favicon.svg", "/config", "/runbooks/",
		"/runbooks/iamsorcedown", "/runbooks/" + strings.Repeat("Nothing", 30)} {
		get(worst, at, at)
	}
	all, err := alerts.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		at := "/runbooks/" + url.PathEscape(a.Name)
		get(worst, at, at)
	}
	_, empty := newHandler(nil)
	get(empty, "/", "/?empty")
	_, well := newHandler(map[string]source{"intersight-prod": listed(120, true), "sso-emea": listed(1, true)})
	well.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	get(well, "/", "/?well")
	e, quiet := newHandler(nil)
	e.cfg.Alerting = &config.Alerting{}
	get(quiet, "/", "/?quiet")
}

// worstAlerts fire in every severity, of every detection and of a storm of each; some
// are held back, or have the longest texts.
func worstAlerts() (all []detection.Firing) {
	for i, d := range detection.All() {
		severity := detection.Severities()[i%len(detection.Severities())]
		a := fires(d.Alert, severity, "u-"+strings.Repeat("abcd", 4), time.Duration(i)*20*time.Hour)
		a.Annotations["summary"], a.Held = d.Summary, i%3 == 0
		storm := fires(detection.Storm, severity, d.Key, time.Minute)
		storm.Annotations["summary"], storm.Labels["source"] = detection.StormSummary, strings.Repeat("a-very-long-name", 5)
		all = append(all, a, storm)
	}
	return append(all, fires("NoRunbook", detection.Info, "a-"+strings.Repeat("wxyz", 4), 0))
}

// newWorst makes a handler of 58 sources in every condition, with the longest
// texts, of which many alerts fire, and whose last reload failed.
func newWorst() *Handler {
	e := &exporter{cfg: &config.Config{Alerting: &config.Alerting{}}, firing: worstAlerts(), reloaded: noon.Add(-9 * 24 * time.Hour), reload: config.Errors{
		{File: "/etc/iam_session_exporter/iam_session_exporter.yml", Line: 3, Message: "sources[0].nmae: unknown key; did you mean name?"},
		{File: "/etc/iam_session_exporter/iam_session_exporter.yml", Line: 17, Message: "sources[2].tls_config.ca_file: open /etc/ssl/private/" + strings.Repeat("authority", 12) + ".pem: no such file or directory"},
	}}
	clock := noon.Add(-5 * time.Hour)
	var all []*collector.Source
	add := func(name string, api session.API, src session.Source) {
		all = append(all, collector.NewSource(src, collector.Options{
			Name: name, API: api, Timeout: 10 * time.Second, ProbeOnly: strings.HasPrefix(name, "probe"),
			Now: func() time.Time { return clock }, Logger: log.NewNopLogger(),
		}))
		e.cfg.Sources = append(e.cfg.Sources, config.Source{Name: name, API: api})
	}
	texts := map[session.Reason]string{
		session.ReasonAuth:        "HTTP 401: iam_api_key_invalid",
		session.ReasonForbidden:   "HTTP 403: iam_forbidden",
		session.ReasonRateLimited: "HTTP 429; not asked before 2026-03-02T12:04:00Z",
		session.ReasonTimeout:     "POST /oam/services/rest/access/api/v1/sessions: no answer after 9.5s",
		session.ReasonConnect:     "dial tcp 10.20.30.40:14100: connect: connection refused",
		session.ReasonTLS:         "tls: failed to verify certificate: x509: certificate is valid for " + strings.Repeat("gateway-emea.", 12) + "example.com, not login.example.com",
		session.ReasonHTTP:        "HTTP 302: a redirect to another host is refused",
		session.ReasonDecode:      "the answer is text/html, not JSON",
		session.ReasonUntrusted:   "the total went from 212 to 3 and back while it was read",
	}
	for i, r := range session.Reasons() {
		api, up := session.Intersight, true
		if i%2 == 1 {
			api = session.OAM
		}
		name := "login-emea-" + string(r)
		if r == session.ReasonTLS {
			name, up = strings.Repeat("a-very-long-name", 5), false
		}
		add(name, api, source(func(ctx context.Context) (*session.Snapshot, error) {
			if up {
				up = false
				return listed(12, true)(ctx)
			}
			return failing(r, texts[r])(ctx)
		}))
	}
	const incomplete = "OAM lists 28 sessions per response. Totals are exact; what is not known is counted in other and unknown. More time or a higher max_queries may list more."
	unknown := session.Info{Title: "OAM's filters", Incomplete: incomplete, Text: "Their meaning is not known yet; it is found out once there are more than 27 sessions."}
	proven := session.Info{Filtered: []string{"id_store_name", "user_id", "client_ip", "is_impersonating"}, Title: "OAM's filters", Incomplete: incomplete,
		Text: "A session must match all filters of a search; a part of a value matches, too; upper and lower case are the same; * stands for anything; totals are capped; of more than 28 matches each response lists others."}
	add("oam-large", session.OAM, explored{source(func(ctx context.Context) (*session.Snapshot, error) {
		s, err := listed(1234567, false)(ctx)
		s.Sessions = make([]session.Session, 28)
		for i := range s.Sessions {
			s.Sessions[i].Status = session.Active
		}
		return s, err
	}), proven})
	add("oam-new", session.OAM, explored{listed(3, true), unknown})
	add("oam-slow", session.OAM, explored{source(func(ctx context.Context) (*session.Snapshot, error) {
		time.Sleep(9 * time.Second)
		return listed(212, true)(ctx)
	}), proven})
	for i := range 2 {
		add(fmt.Sprintf("probe-%d", i+1), session.OAM, listed(1, true))
	}
	for i := range 44 {
		add(fmt.Sprintf("site-%02d", i+1), session.Intersight, listed(i, true))
	}
	e.c = collector.New(all...)
	h := New(Options{Exporter: e, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics", Now: func() time.Time { return clock.Add(42 * time.Second) }, Logger: log.NewNopLogger()})
	scrape := func(at string) { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, at, nil)) }
	scrape("/metrics")
	scrape("/probe?source=probe-1") // and never again
	clock = noon
	scrape("/metrics")
	return h
}
