package web

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
)

// fires is an alert that has fired for so long.
func fires(name, severity, subject string, long time.Duration) detection.Firing {
	return detection.Firing{
		Labels:      map[string]string{"alertname": name, "severity": severity, "category": "security", "source": "intersight-prod", "api": "intersight", "subject": subject},
		Annotations: map[string]string{"summary": "Somebody does <something>"}, Since: noon.Add(-long),
	}
}

func TestTheStatusPageListsAlerts(t *testing.T) {
	e, _, s := serve(t, map[string]source{"a": listed(1, true)})
	if _, page, _ := ask(t, "GET", s.URL+"/"); strings.Contains(page, "alert fires") || strings.Contains(page, "api/v1/alerts") {
		t.Errorf("without alerting the page speaks of alerts\n%s", page)
	}
	e.cfg.Alerting = &config.Alerting{}
	if _, page, _ := ask(t, "GET", s.URL+"/"); !strings.Contains(page, "No alert fires") || strings.Contains(page, "<table") {
		t.Errorf("nothing fires: no word of that, or a table\n%s", page)
	}
	held := fires("IAMUserBreakGlass", "critical", "u-second", time.Minute)
	held.Held = true
	e.firing = []detection.Firing{fires("IAMUserOffHours", "warning", "u-first", time.Hour), held}
	_, page, _ := ask(t, "GET", s.URL+"/")
	critical, warning := strings.Index(page, "u-second"), strings.Index(page, "u-first")
	if critical < 0 || warning < critical {
		t.Errorf("u-second at %d, u-first at %d; want both, the critical one first\n%s", critical, warning, page)
	}
	for _, want := range []string{"2 alerts fire", "IAMUserBreakGlass", "critical <small>held back</small>", "intersight-prod", "60 min ago (2026-03-02 11:00:00 UTC)", "&lt;something&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q\n%s", want, page)
		}
	}
	e.firing = nil
	for i := range maxAlertsOfPage + 5 {
		e.firing = append(e.firing, fires("IAMUserOffHours", "warning", fmt.Sprint("u-", i), time.Hour))
	}
	if _, page, _ := ask(t, "GET", s.URL+"/"); !strings.Contains(page, "205 alerts fire, 200 of them listed") || strings.Count(page, `scope="row"`) != 200 {
		t.Errorf("%d rows, want 200 of 205", strings.Count(page, `scope="row"`))
	}
}

func TestAlertsAsPrometheusHasThem(t *testing.T) {
	e, _, s := serve(t, nil)
	const nothing = `{"status":"success","data":{"alerts":[]}}`
	if code, body, h := ask(t, "GET", s.URL+"/api/v1/alerts"); code != 200 || body != nothing || h.Get("Content-Type") != "application/json" {
		t.Errorf("nothing fires: got %d %s %s, want %s", code, h.Get("Content-Type"), body, nothing)
	}
	a := fires("IAMUserOffHours", "warning", "u-first", time.Hour)
	e.firing = []detection.Firing{a}
	_, body, _ := ask(t, "GET", s.URL+"/api/v1/alerts")
	var got struct {
		Status string
		Data   struct{ Alerts []map[string]any }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	labels := map[string]any{}
	for k, v := range a.Labels {
		labels[k] = v
	}
	want := map[string]any{"labels": labels, "annotations": map[string]any{"summary": "Somebody does <something>"},
		"state": "firing", "activeAt": "2026-03-02T11:00:00Z", "value": "1e+00"}
	if len(got.Data.Alerts) != 1 || !reflect.DeepEqual(got.Data.Alerts[0], want) {
		t.Errorf("got %v, want %v", got.Data.Alerts, want)
	}
	e.firing = make([]detection.Firing, maxAlertsOfAPI+1)
	if _, body, _ := ask(t, "GET", s.URL+"/api/v1/alerts"); !strings.Contains(body, "5001 alerts fire, 5000 of them are listed") {
		t.Error("no warning that the list is not whole")
	}
}
