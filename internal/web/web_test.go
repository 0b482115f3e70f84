package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

type source func(context.Context) (*session.Snapshot, error)

func (s source) Facts() session.Facts { return session.FactRole }
func (s source) Info() session.Info   { return session.Info{} }
func (s source) Snapshot(ctx context.Context, _ session.Want) (*session.Snapshot, error) {
	return s(ctx)
}
func (s source) Close() {}

// explored is a source that has found something out about its API.
type explored struct {
	source
	info session.Info
}

func (s explored) Info() session.Info { return s.info }

func listed(n int, complete bool) source {
	return func(ctx context.Context) (*session.Snapshot, error) {
		t := session.TraceOf(ctx)
		t.Sent(session.Request{What: "GET /api/v1/iam/Sessions from row 0", Code: 200, Duration: time.Millisecond})
		t.Decided("1 page")
		s := &session.Snapshot{Taken: noon, Total: n, Reported: n, Complete: complete}
		if complete {
			s.Sessions = make([]session.Session, n)
		}
		return s, nil
	}
}

func failing(r session.Reason, text string) source {
	return func(ctx context.Context) (*session.Snapshot, error) {
		err := &session.Error{Reason: r, Err: errors.New(text)}
		session.TraceOf(ctx).Sent(session.Request{What: "GET x", Err: err})
		return nil, err
	}
}

type exporter struct {
	c        *collector.Collector
	cfg      *config.Config
	reload   error
	reloads  int
	reloaded time.Time
	firing   []detection.Firing
}

func (e *exporter) Collector() *collector.Collector { return e.c }
func (e *exporter) Config() *config.Config          { return e.cfg }
func (e *exporter) Reload() error                   { e.reloads++; return e.reload }
func (e *exporter) Firing() []detection.Firing      { return e.firing }
func (e *exporter) LastReload() (time.Time, error)  { return e.reloaded, e.reload }

// newHandler handles sources by name; one whose name begins with probe is probe-only.
func newHandler(sources map[string]source) (*exporter, *Handler) {
	e := &exporter{cfg: &config.Config{}, reloaded: noon.Add(-3 * time.Hour)}
	var all []*collector.Source
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		only := strings.HasPrefix(name, "probe")
		all = append(all, collector.NewSource(sources[name], collector.Options{
			Name: name, API: session.Intersight, Timeout: time.Minute, ProbeOnly: only,
			Now: func() time.Time { return noon }, Logger: log.NewNopLogger(),
		}))
		e.cfg.Sources = append(e.cfg.Sources, config.Source{Name: name, API: session.Intersight, ProbeOnly: only})
	}
	e.c = collector.New(all...)
	return e, New(Options{Exporter: e, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics", TimeoutOffset: 500 * time.Millisecond,
		Now: func() time.Time { return noon.Add(5 * time.Second) }, Logger: log.NewNopLogger()})
}

// serve serves what newHandler returns.
func serve(t *testing.T, sources map[string]source) (*exporter, *Handler, *httptest.Server) {
	t.Helper()
	e, h := newHandler(sources)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return e, h, s
}

func ask(t *testing.T, method, url string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func TestEndpoints(t *testing.T) {
	e, h, s := serve(t, map[string]source{"good": listed(3, true), "bad": failing(session.ReasonAuth, "HTTP 401"), "probe-me": listed(9, true)})
	for _, c := range []struct {
		method, path string
		code         int
		has, lacks   []string
	}{
		{"GET", "/metrics", 200, []string{`iam_source_up{api="intersight",source="good"} 1`, `iam_source_up{api="intersight",source="bad"} 0`}, []string{"probe-me"}},
		{"HEAD", "/metrics", 200, nil, nil},
		{"GET", "/probe?source=probe-me", 200, []string{`iam_source_up{api="intersight",source="probe-me"} 1`}, []string{"good", "promhttp_", "go_"}},
		{"GET", "/probe?source=good&source=bad&source=good", 200, []string{`source="good"} 1`, `source="bad"} 0`}, []string{"probe-me", "promhttp_"}},
		{"GET", "/probe?source=nobody", 400, []string{`no source is named "nobody"`, "bad, good, probe-me"}, nil},
		{"GET", "/probe?source=good&source=probeme", 400, []string{"Did you mean probe-me?"}, []string{"mean good"}},
		{"GET", "/probe?source=good&source=http://192.0.2.1/", 400, []string{"bad, good, probe-me"}, []string{"iam_source_up"}},
		{"GET", "/probe", 400, []string{"/probe?source=NAME", "bad, good, probe-me"}, nil},
		{"GET", "/probe?target=http://192.0.2.1/", 400, []string{"source is missing"}, nil},
		{"GET", "/probe?source=good&debug=true", 200, []string{"source good (intersight): healthy", "GET /api/v1/iam/Sessions from row 0: 200", "1 page", "3 sessions"}, []string{"# HELP"}},
		{"GET", "/probe?source=bad&debug=true", 200, []string{"failed, reason auth: HTTP 401", "this host's clock"}, nil},
		{"GET", "/-/healthy", 200, []string{"Healthy"}, nil},
		{"GET", "/-/ready", 200, []string{"Ready"}, nil},
		{"GET", "/-/reload", 405, []string{"POST"}, nil},
		{"POST", "/-/reload", 200, []string{"Reloaded"}, nil},
		{"GET", "/nothing", 404, nil, nil},
		{"POST", "/metrics", 405, nil, nil},
		{"DELETE", "/probe?source=good", 405, nil, nil},
		{"GET", "/", 200, []string{"<title>iam_session_exporter</title>"}, nil},
	} {
		code, body, _ := ask(t, c.method, s.URL+c.path)
		if code != c.code {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, code, c.code)
		}
		for _, want := range c.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s %s lacks %q:\n%s", c.method, c.path, want, body)
			}
		}
		for _, not := range c.lacks {
			if strings.Contains(body, not) {
				t.Errorf("%s %s has %q", c.method, c.path, not)
			}
		}
	}
	if e.reloads != 1 {
		t.Errorf("%d reloads; want 1", e.reloads)
	}
	e.reload = errors.New("config.yml:3: sources[0].nmae: unknown key; did you mean name?")
	if code, body, _ := ask(t, "POST", s.URL+"/-/reload"); code != 500 || !strings.Contains(body, "did you mean name?") {
		t.Errorf(`a failed reload: %d %s; want 500, "did you mean name?" in it`, code, body)
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if code, _, _ := ask(t, "GET", s.URL+"/metrics"); code != 503 {
		t.Errorf("a scrape while stopping: %d; want 503", code)
	}
	if code, _, _ := ask(t, "GET", s.URL+"/-/ready"); code != 503 {
		t.Errorf("ready while stopping: %d; want 503", code)
	}
	if code, _, _ := ask(t, "GET", s.URL+"/-/healthy"); code != 200 {
		t.Errorf("healthy while stopping: %d; want 200", code)
	}
}

// While a scrape under way is answered, all can see that the exporter is stopping.
func TestDrain(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	_, h, s := serve(t, map[string]source{"slow": func(ctx context.Context) (*session.Snapshot, error) {
		close(begun)
		<-finish
		return listed(1, true)(ctx)
	}})
	answered := make(chan int, 1)
	go func() {
		res, err := http.Get(s.URL + "/metrics")
		if err != nil {
			answered <- 0
			return
		}
		res.Body.Close()
		answered <- res.StatusCode
	}()
	<-begun
	early, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Drain(early); err == nil {
		t.Error("drained with a scrape under way")
	}
	if code, _, _ := ask(t, "GET", s.URL+"/-/ready"); code != 503 {
		t.Errorf("ready: %d; want 503", code)
	}
	done := make(chan error, 1)
	go func() { done <- h.Drain(t.Context()) }()
	close(finish)
	if code := <-answered; code != 200 {
		t.Errorf("the scrape under way: %d; want 200", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServiceDiscovery(t *testing.T) {
	_, _, s := serve(t, map[string]source{"a": listed(1, true), "probe-b": listed(1, true)})
	code, body, h := ask(t, "GET", s.URL+"/sd")
	if code != 200 || h.Get("Content-Type") != "application/json" {
		t.Errorf(`%d %s; want 200, "application/json"`, code, h.Get("Content-Type"))
	}
	var groups []targetGroup
	if err := json.Unmarshal([]byte(body), &groups); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.URL, "http://")
	for i, name := range []string{"a", "probe-b"} {
		want := map[string]string{"__metrics_path__": "/probe", "__param_source": name, "__meta_iam_source": name, "__meta_iam_api": "intersight"}
		if g := groups[i]; !slices.Equal(g.Targets, []string{host}) || !maps.Equal(g.Labels, want) {
			t.Errorf("%+v; want Targets %v, Labels %v", g, []string{host}, want)
		}
	}
	_, _, empty := serve(t, nil)
	if _, body, _ := ask(t, "GET", empty.URL+"/sd"); strings.TrimSpace(body) != "[]" {
		t.Errorf("no sources: %s, want []", body)
	}
}

// The answer comes before Prometheus gives up, whatever an API does: also where
// a scrape takes its time to end.
func TestTheAnswerComesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := source(func(ctx context.Context) (*session.Snapshot, error) {
			<-ctx.Done()
			return nil, &session.Error{Reason: session.ReasonTimeout, Err: errors.New("no answer")}
		})
		lazy := source(func(ctx context.Context) (*session.Snapshot, error) {
			<-ctx.Done()
			time.Sleep(700 * time.Millisecond)
			return nil, ctx.Err()
		})
		_, h := newHandler(map[string]source{"good": listed(3, true), "hang": hang, "lazy": lazy})
		req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		req.Header.Set(collector.TimeoutHeader, "0.9")
		res := httptest.NewRecorder()
		begin := time.Now()
		h.ServeHTTP(res, req)
		// A tenth is left for the way to Prometheus.
		if took := time.Since(begin); took > 810*time.Millisecond {
			t.Errorf("took %s; want at most %s", took, 810*time.Millisecond)
		}
		for _, want := range []string{`iam_source_up{api="intersight",source="good"} 1`, `iam_source_up{api="intersight",source="hang"} 0`,
			`iam_source_up{api="intersight",source="lazy"} 0`, `iam_source_timeout_seconds{api="intersight",source="hang"} 0.81`, `reason="timeout",source="hang"} 1`} {
			if !strings.Contains(res.Body.String(), want) {
				t.Errorf("no %s in\n%s", want, res.Body)
			}
		}
		time.Sleep(time.Second) // until the lazy one has ended
	})
}

func TestCheckTelemetryPath(t *testing.T) {
	for p, ok := range map[string]bool{
		"/metrics": true, "/a/b": true, "": false, "metrics": false, "/": false, "/probe": false, "/sd": false, "/config": false, "/-/ready": false,
		"/{x": false, "/a b": false, "/metrics/": false, "/a//b": false, "/a/../b": false, "/m?x": false,
		"/runbooks": false, "/runbooks/metrics": false,
	} {
		if err := CheckTelemetryPath(p); (err == nil) != ok {
			t.Errorf("%q: %v; want no error: %v", p, err, ok)
		}
	}
}

func TestFormats(t *testing.T) {
	_, _, s := serve(t, map[string]source{"good": listed(3, true)})
	for accept, want := range map[string]string{
		"": "text/plain", "application/openmetrics-text; version=1.0.0": "application/openmetrics-text",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf",
	} {
		_, body, h := ask(t, "GET", s.URL+"/metrics", "Accept", accept)
		if got := h.Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s; want %q before it", accept, got, want)
		}
		if strings.Contains(want, "openmetrics") && !strings.HasSuffix(body, "# EOF\n") {
			t.Error("OpenMetrics without its end")
		}
	}
}

func TestStatusPage(t *testing.T) { synctest.Test(t, testStatusPage) }

func testStatusPage(t *testing.T) {
	const hostile = `<script>alert("x")</script>`
	slowly := source(func(ctx context.Context) (*session.Snapshot, error) {
		time.Sleep(50 * time.Second)
		return listed(1, true)(ctx)
	})
	e, handler := newHandler(map[string]source{
		"a-well": listed(3, true), "b-incomplete": listed(5, false), "c-refused": failing(session.ReasonForbidden, "HTTP 403"),
		"d-down": failing(session.ReasonConnect, hostile), "e-slow": slowly, "probe-only": listed(1, true),
	})
	get := func(path string) (string, http.Header) {
		res := httptest.NewRecorder()
		handler.ServeHTTP(res, httptest.NewRequest(http.MethodGet, path, nil))
		return res.Body.String(), res.Header()
	}
	before, _ := get("/")
	if n := strings.Count(before, ">not scraped yet<"); n != 6 {
		t.Errorf("before the first scrape %d are not asked yet; want 6", n)
	}
	get("/metrics")
	e.reload = errors.New("config.yml:3: " + hostile)
	page, h := get("/")
	for _, want := range []string{
		`<article class="healthy">`, `<article class="incomplete">`, `<article class="access-denied">`, `<article class="down">`, `<article class="slow">`, `<article class="not-scraped-yet">`,
		"6 sources: 1 healthy, 1 down, 1 access denied, 1 slow, 1 incomplete, 1 not scraped yet",
		`href="runbooks/IAMSourceCredentialsRefused"`, `href="runbooks/IAMSourceDown"`, `href="runbooks/IAMSourceIncomplete"`,
		"5 s ago", "The configuration on disk is not in use", "&lt;script&gt;", "Check the role or scope", "through /probe only", "0 % listed",
		`href="probe?source=a-well&amp;debug=true"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q\n%s", want, page)
		}
	}
	var order []string
	for _, m := range regexp.MustCompile(`<h2>(\S+)`).FindAllStringSubmatch(page, -1) {
		order = append(order, m[1])
	}
	if want := []string{"d-down", "c-refused", "e-slow", "b-incomplete", "probe-only", "a-well"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if strings.Contains(page, "<script") || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("a script could run")
	}
}

// Each reason has advice, and each condition a colour.
func TestAdvice(t *testing.T) {
	for _, r := range session.Reasons() {
		st := collector.Status{Refreshed: noon, Reason: r}
		if advice(conditionOf(st, noon), st) == "" {
			t.Errorf("no advice for %s", r)
		}
	}
	old := collector.Status{Refreshed: noon, Up: true, Complete: true}
	if c := conditionOf(old, noon.Add(time.Hour)); c != stale || advice(c, old) == "" {
		t.Errorf("after an hour: %s; want %s", c, stale)
	}
	for took, want := range map[time.Duration]condition{800 * time.Millisecond: healthy, 801 * time.Millisecond: slow} {
		st := collector.Status{Refreshed: noon, Up: true, Complete: true, Took: took, Allowed: time.Second}
		if c := conditionOf(st, noon); c != want {
			t.Errorf("%s of a second: %s, want %s", took, c, want)
		}
		// IAMSourceSlow does not look at whether all sessions are listed.
		st.Complete = false
		if c := conditionOf(st, noon); (c == slow) != (want == slow) {
			t.Errorf("%s of a second, incomplete: %s; want %s: %v", took, c, slow, want == slow)
		}
	}
	for _, c := range conditions {
		if !strings.Contains(statusHTML, "."+class(c)) {
			t.Errorf("no colour for %s", c)
		}
	}
}

func TestWhen(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 119 * time.Second: "119 s ago", 2 * time.Minute: "2 min ago (2026-03-02 11:58:00 UTC)", 50 * time.Hour: "2 days ago (2026-02-28 10:00:00 UTC)",
	} {
		if got := when(noon, noon.Add(-d)); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := when(noon, time.Time{}); got != "never" {
		t.Errorf(`never: %q; want "never"`, got)
	}
}

func TestPercent(t *testing.T) {
	for ratio, want := range map[float64]string{0: "0 %", 28.0 / 1234567: "less than 0.1 %", 0.5: "50 %", 0.99999: "99.9 %", 1: "100 %"} {
		if got := percent(ratio); got != want {
			t.Errorf("%g: %q, want %q", ratio, got, want)
		}
	}
}
