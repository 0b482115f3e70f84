package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
)

// metrics serves every source that is not probe-only, and the exporter's own
// metrics.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) {
	h.scrape(w, r, h.opt.Registry)
}

// probe serves the sources that the request names, and nothing else. Names come
// from the configuration: no address is ever taken from a request.
func (h *Handler) probe(w http.ResponseWriter, r *http.Request) {
	names := r.URL.Query()["source"]
	if len(names) == 0 {
		text(w, http.StatusBadRequest, "The parameter source is missing: /probe?source=NAME\n"+h.known())
		return
	}
	h.scrape(w, r, nil, names...)
}

// known lists the sources, and what an unknown name probably meant.
func (h *Handler) known(asked ...string) string {
	var names []string
	for _, s := range h.opt.Exporter.Collector().Sources() {
		names = append(names, s.Name())
	}
	meant := ""
	for _, n := range asked {
		if near := config.Nearest(n, names); near != "" && near != n {
			meant += fmt.Sprintf("Did you mean %s?\n", near)
		}
	}
	return fmt.Sprintf("%sThe configured sources are: %s\n", meant, strings.Join(names, ", "))
}

func (h *Handler) scrape(w http.ResponseWriter, r *http.Request, own prometheus.Gatherer, names ...string) {
	if refusal := h.begin(); refusal != "" {
		text(w, http.StatusServiceUnavailable, refusal)
		return
	}
	defer h.end()
	allowed := collector.Allowed(r.Header, h.opt.TimeoutOffset)
	sources, err := h.opt.Exporter.Collector().Scrape(r.Context(), allowed, names...)
	if err != nil {
		text(w, http.StatusBadRequest, err.Error()+"\n"+h.known(names...))
		return
	}
	if debug, _ := strconv.ParseBool(r.URL.Query().Get("debug")); debug && own == nil {
		h.debug(w, sources)
		return
	}
	all := prometheus.Gatherers{sources}
	if own != nil {
		all = append(all, own)
	}
	promhttp.HandlerFor(all, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          h.errorLog,
		ErrorHandling:     promhttp.ContinueOnError,
		Registry:          h.opt.Registry,
	}).ServeHTTP(w, withKnownEncoding(r))
}

// withKnownEncoding returns the request as one that accepts gzip, if it does, and
// otherwise nothing but identity: promhttp logs a warning for each request whose
// Accept-Encoding excludes all that it offers.
func withKnownEncoding(r *http.Request) *http.Request {
	encoding := "identity"
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && accepted(params) {
			encoding = "gzip"
		}
	}
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	out.Header.Set("Accept-Encoding", encoding)
	return out
}

// accepted reports whether the parameters of an encoding leave it acceptable:
// they have no weight, or one above 0.
func accepted(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			return err == nil && q > 0
		}
	}
	return true
}
