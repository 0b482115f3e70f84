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

// serviceDiscovery lists each source as a target of its own: this exporter, as
// the request addressed it, at /probe with the source's name.
func (h *Handler) serviceDiscovery(w http.ResponseWriter, r *http.Request) {
	if r.Host == "" {
		text(w, http.StatusBadRequest, "The request has no Host: there is no address to list as target.\n")
		return
	}
	groups := []targetGroup{}
	for _, s := range h.opt.Exporter.Config().Sources {
		groups = append(groups, targetGroup{
			Targets: []string{r.Host},
			Labels: map[string]string{
				"__metrics_path__":  "/probe",
				"__param_source":    s.Name,
				"__meta_iam_source": s.Name,
				"__meta_iam_api":    string(s.API),
			},
		})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(groups) // a caller who left is no failure
}
