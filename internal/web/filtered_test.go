package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/session"
)

// The status page and the debug output say by which keys a source is filtered.
func TestFilteredSources(t *testing.T) {
	e := &exporter{cfg: &config.Config{}, reloaded: noon}
	var all []*collector.Source
	for name, keys := range map[string][]string{"all": nil, "some": {"role", "user_id_or_email"}} {
		src := explored{listed(3, true), session.Info{Filtered: keys}}
		all = append(all, collector.NewSource(src, collector.Options{
			Name: name, API: session.Intersight, Timeout: time.Minute, Now: func() time.Time { return noon }, Logger: log.NewNopLogger(),
		}))
		e.cfg.Sources = append(e.cfg.Sources, config.Source{Name: name, API: session.Intersight})
	}
	e.c = collector.New(all...)
	h := New(Options{Exporter: e, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics", Now: func() time.Time { return noon }, Logger: log.NewNopLogger()})
	for path, want := range map[string]string{
		"/?search=some":                 "intersight; filtered by role, user_id_or_email<",
		"/?search=all":                  "",
		"/probe?source=some&debug=true": "filtered by role, user_id_or_email: only sessions that match are asked for\n",
		"/probe?source=all&debug=true":  "",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := w.Body.String(); want == "" && strings.Contains(got, "filtered") || !strings.Contains(got, want) {
			t.Errorf("%s: got %s\nwant %q", path, got, want)
		}
	}
}
