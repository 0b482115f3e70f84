package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"iam_session_exporter/collector"
)

// metrics serves every source that is not probe-only, and the exporter's own
// metrics.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) {
	h.pull(w, r, h.opt.Registry)
}

// probe serves the sources that the request names, and nothing else. Names come
// from the configuration: no address is ever taken from a request.
func (h *Handler) probe(w http.ResponseWriter, r *http.Request) {
	names := r.URL.Query()["source"]
	if len(names) == 0 {
		text(w, http.StatusBadRequest, "The parameter source is missing: /probe?source=NAME\n"+h.known())
		return
	}
	h.pull(w, r, nil, names...)
}

func (h *Handler) known() string {
	var names []string
	for _, s := range h.opt.Exporter.Collector().Sources() {
		names = append(names, s.Name())
	}
	return fmt.Sprintf("The configured sources are: %s\n", strings.Join(names, ", "))
}

func (h *Handler) pull(w http.ResponseWriter, r *http.Request, own prometheus.Gatherer, names ...string) {
	if !h.begin() {
		text(w, http.StatusServiceUnavailable, "Shutting down.\n")
		return
	}
	defer h.end()
	allowed := collector.Allowed(r.Header, h.opt.TimeoutOffset)
	sources, err := h.opt.Exporter.Collector().Pull(r.Context(), allowed, names...)
	if err != nil {
		text(w, http.StatusBadRequest, err.Error()+"\n"+h.known())
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
	}).ServeHTTP(w, r)
}
