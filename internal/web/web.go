// Package web is the exporter's HTTP side, by file:
//
//	web.go            routes; /-/healthy, /-/ready, /-/reload; shutting down
//	server.go         limits of time and size
//	metrics.go        /metrics and /probe
//	debug.go          /probe with debug=true
//	status.go         the status page, /
//	alerts.go         what fires: on the status page, and /api/v1/alerts
//	configuration.go  /config
//	discovery.go      /sd
//	runbooks.go       /runbooks/
//
// Service discovery speaks as
// https://prometheus.io/docs/prometheus/latest/http_sd/ asks.
package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/logging"
)

// Exporter is what is served.
type Exporter interface {
	Collector() *collector.Collector
	Config() *config.Config
	Reload() error
	// LastReload returns when the configuration in force was loaded, and the
	// error of the last reload if that failed.
	LastReload() (time.Time, error)
	// Firing lists the alerts that fire.
	Firing() []detection.Firing
}

// Options say how to serve.
type Options struct {
	Exporter      Exporter
	Registry      *prometheus.Registry // the exporter's own metrics
	TelemetryPath string
	ExternalURL   *url.URL      // where the exporter is reached; nil: where the request says
	TimeoutOffset time.Duration // kept back from Prometheus's scrape timeout
	Now           func() time.Time
	Logger        log.Logger
}

// Handler serves all endpoints. It is safe for concurrent use.
type Handler struct {
	opt      Options
	mux      *http.ServeMux
	page     *template.Template
	runbooks *runbooks
	config   configText
	errorLog promhttp.Logger

	sameSite *http.CrossOriginProtection

	mu        sync.Mutex
	stopping  bool
	scrapes   int           // answers with metrics under way
	drained   chan struct{} // closed when stopping and no scrape is under way
	drainOnce sync.Once
}

// CheckTelemetryPath returns why a path can't be that of the metrics, or nil.
func CheckTelemetryPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/") || p != path.Clean(p) || strings.ContainsAny(p, " {}?#%"):
		return fmt.Errorf("%q is not a path such as /metrics", p)
	case p == "/", p == "/probe", p == "/sd", p == "/config", p == "/favicon.svg", p == "/runbooks", strings.HasPrefix(p, "/runbooks/"), strings.HasPrefix(p, "/api/"), strings.HasPrefix(p, "/-/"):
		return fmt.Errorf("%s has another use; take a path such as /metrics", p)
	}
	return nil
}

// ParseExternalURL reads the URL under which the exporter is reached: http or
// https, a host, and optionally a path. An empty text is none.
func ParseExternalURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%q is not a URL such as https://exporter.example.com/iam", s)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("only scheme, host, port and path are allowed")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// New makes a Handler. The telemetry path must have passed CheckTelemetryPath.
func New(opt Options) *Handler {
	pages, err := newRunbooks()
	if err != nil {
		panic(err) // they are part of the program
	}
	h := &Handler{
		opt: opt, runbooks: pages, mux: http.NewServeMux(), page: statusPage(), drained: make(chan struct{}),
		errorLog: logging.Std(level.Warn(opt.Logger)), sameSite: http.NewCrossOriginProtection(),
	}
	h.mux.Handle("GET "+opt.TelemetryPath, promhttp.InstrumentMetricHandler(opt.Registry, http.HandlerFunc(h.metrics)))
	h.mux.HandleFunc("GET /probe", h.probe)
	h.mux.HandleFunc("GET /sd", h.serviceDiscovery)
	h.mux.HandleFunc("GET /api/v1/alerts", h.alerts)
	h.mux.HandleFunc("GET /config", h.configuration)
	h.mux.HandleFunc("GET /-/healthy", h.healthy)
	h.mux.HandleFunc("GET /-/ready", h.ready)
	h.mux.HandleFunc("/-/reload", h.reload)
	h.mux.HandleFunc("GET /runbooks", runbookIndex)
	h.mux.HandleFunc("GET /runbooks/{$}", h.runbook)
	h.mux.HandleFunc("GET /runbooks/{name}", h.runbook)
	h.mux.HandleFunc("GET /{$}", h.status)
	h.mux.HandleFunc("GET /favicon.svg", favicon)
	return h
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// All that is served is of this moment.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.mux.ServeHTTP(w, r)
}

// Drain makes the exporter not ready, refuses new scrapes, and returns when those
// under way are answered, or with ctx's error. Everything else is served on, so
// that who asks can see that it is about to end.
func (h *Handler) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.stopping = true
	h.settle()
	h.mu.Unlock()
	select {
	case <-h.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle notes that nothing is under way any more; mu is held.
func (h *Handler) settle() {
	if h.stopping && h.scrapes == 0 {
		h.drainOnce.Do(func() { close(h.drained) })
	}
}

// begin returns why an answer with metrics may not begin, or "": then end must
// follow.
func (h *Handler) begin() (refusal string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopping:
		return "Shutting down.\n"
	case h.scrapes >= maxAnswers:
		return fmt.Sprintf("Too many requests: %d answers with metrics are under way.\n", h.scrapes)
	}
	h.scrapes++
	return ""
}

func (h *Handler) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.scrapes--
	h.settle()
}

func (h *Handler) healthy(w http.ResponseWriter, _ *http.Request) {
	text(w, http.StatusOK, "Healthy.\n")
}

func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	stopping := h.stopping
	h.mu.Unlock()
	if stopping {
		text(w, http.StatusServiceUnavailable, "Shutting down.\n")
		return
	}
	text(w, http.StatusOK, "Ready.\n")
}

func (h *Handler) reload(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		text(w, http.StatusMethodNotAllowed, "Reloading changes something: use POST.\n")
		return
	}
	if err := h.sameSite.Check(r); err != nil {
		text(w, http.StatusForbidden, "A page of another site may not reload the configuration.\n")
		return
	}
	if err := h.opt.Exporter.Reload(); err != nil {
		text(w, http.StatusInternalServerError, "Reload failed; keeping the current configuration:\n"+err.Error()+"\n")
		return
	}
	text(w, http.StatusOK, "Reloaded.\n")
}

func text(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body)) // a caller who left is no failure
}
