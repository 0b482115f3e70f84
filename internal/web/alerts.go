package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/detection"
)

// How many alerts are shown, whatever fires.
const (
	maxAlertsOfPage = 200
	maxAlertsOfAPI  = 5000
)

// firing lists at most that many alerts that fire, the gravest and then the oldest
// first, and says how many there are.
func (h *Handler) firing(most int) (all []detection.Firing, total int) {
	all = h.opt.Exporter.Firing()
	severities := detection.Severities()
	slices.SortStableFunc(all, func(a, b detection.Firing) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, b.Labels["severity"]), slices.Index(severities, a.Labels["severity"])),
			a.Since.Compare(b.Since))
	})
	return all[:min(most, len(all))], len(all)
}

// alertView is what the status page shows of an alert that fires.
type alertView struct {
	Name, Severity, Source, Subject string
	Summary                         string
	Since                           string
	Held                            bool // back
	Runbook                         bool // there is one
}

// alertsView is what the status page shows of all alerts.
type alertsView struct {
	On     bool // alerting is configured
	Firing []alertView
	Total  string // "1 alert fires", "250 alerts fire, 200 of them listed"
}

func (h *Handler) alertsView(now time.Time) alertsView {
	v := alertsView{On: h.opt.Exporter.Config().Alerting != nil}
	all, total := h.firing(maxAlertsOfPage)
	for _, a := range all {
		name := a.Labels["alertname"]
		v.Firing = append(v.Firing, alertView{
			Name: name, Severity: a.Labels["severity"], Source: a.Labels["source"], Subject: a.Labels["subject"],
			Summary: a.Annotations["summary"], Since: when(now, a.Since), Held: a.Held, Runbook: h.runbooks.body[name] != "",
		})
	}
	switch {
	case total == 0:
		v.Total = "No alert fires"
	case total == 1:
		v.Total = "1 alert fires"
	default:
		v.Total = fmt.Sprintf("%d alerts fire", total)
	}
	if total > len(all) {
		v.Total += fmt.Sprintf(", %d of them listed", len(all))
	}
	return v
}

// apiAlert is an alert as Prometheus's API has it.
type apiAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	State       string            `json:"state"`
	ActiveAt    time.Time         `json:"activeAt"`
	Value       string            `json:"value"`
}

// apiAnswer is an answer as Prometheus's API has it:
// https://prometheus.io/docs/prometheus/latest/querying/api/#alerts
type apiAnswer struct {
	Status string `json:"status"`
	Data   struct {
		Alerts []apiAlert `json:"alerts"`
	} `json:"data"`
	Warnings []string `json:"warnings,omitempty"`
}

// alerts serves what fires, for programs.
func (h *Handler) alerts(w http.ResponseWriter, _ *http.Request) {
	all, total := h.firing(maxAlertsOfAPI)
	out := apiAnswer{Status: "success"}
	out.Data.Alerts = []apiAlert{}
	for _, a := range all {
		out.Data.Alerts = append(out.Data.Alerts, apiAlert{
			Labels: a.Labels, Annotations: a.Annotations, State: "firing", ActiveAt: a.Since.UTC(), Value: "1e+00",
		})
	}
	if total > len(all) {
		out.Warnings = []string{fmt.Sprintf("%d alerts fire, %d of them are listed", total, len(all))}
	}
	body, err := json.Marshal(out)
	if err != nil {
		level.Error(h.opt.Logger).Log("msg", "Listing alerts failed", "err", err)
		text(w, http.StatusInternalServerError, "The alerts can't be listed; see the log.\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a caller who left is no failure
}
