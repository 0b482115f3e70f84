package web

import (
	"encoding/json"
	"net/http"
)

// targetGroup is an entry of Prometheus's HTTP service discovery.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// serviceDiscovery lists each source as a target of its own: this exporter, at
// the external URL or as the request addressed it, at /probe with the source's
// name.
func (h *Handler) serviceDiscovery(w http.ResponseWriter, r *http.Request) {
	target, path := r.Host, "/probe"
	external := h.opt.ExternalURL
	if external != nil {
		target, path = external.Host, external.Path+path
	}
	if target == "" {
		text(w, http.StatusBadRequest, "The request has no Host, so there is no address to list as target. Set --web.external-url.\n")
		return
	}
	groups := []targetGroup{}
	for _, s := range h.opt.Exporter.Config().Sources {
		labels := map[string]string{
			"__metrics_path__":  path,
			"__param_source":    s.Name,
			"__meta_iam_source": s.Name,
			"__meta_iam_api":    string(s.API),
		}
		if external != nil {
			labels["__scheme__"] = external.Scheme
		}
		groups = append(groups, targetGroup{Targets: []string{target}, Labels: labels})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(groups) // a caller who left is no failure
}
