package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"iam_session_exporter/alerts"
)

// The Prometheus Operator's rules are those of Prometheus.
func TestPrometheusRule(t *testing.T) {
	rules, err := withBases(shippedBase, shippedGrafana)
	if err != nil || rules != string(alerts.Rules) {
		t.Fatalf("the shipped base changes the rules: %v", err)
	}
	got, err := os.ReadFile("../../alerts/prometheusrule.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != operator(rules) {
		t.Error("alerts/prometheusrule.yaml differs from alerts/rules.yml; make rules writes it anew")
	}
	var want, object struct {
		Groups []map[string]any
		Spec   struct{ Groups []map[string]any }
	}
	if err := yaml.Unmarshal(got, &object); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(alerts.Rules, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Groups) == 0 || !reflect.DeepEqual(object.Spec.Groups, want.Groups) {
		t.Error("the groups differ")
	}
}

func TestRunbookBase(t *testing.T) {
	rules, err := withBases("https://runbooks.example.com/iam/", "https://grafana.example.com")
	if err != nil {
		t.Fatal(err)
	}
	n := strings.Count(string(alerts.Rules), "runbook_url: ")
	if got := strings.Count(rules, "runbook_url: https://runbooks.example.com/iam/IAM"); got != n || n == 0 || strings.Contains(rules, "localhost") {
		t.Errorf("%d of %d addresses", got, n)
	}
	if got := strings.Count(rules, "dashboard_url: https://grafana.example.com/d/iam-sessions-"); got != n {
		t.Errorf("%d of %d addresses of dashboards", got, n)
	}
	for _, bad := range []string{"", "runbooks", "ftp://example.com", "https://", "https://x/{{ . }}", "https://x/'y"} {
		if _, err := withBases(bad, shippedGrafana); err == nil {
			t.Errorf("%q is taken", bad)
		}
		if _, err := withBases(shippedBase, bad); err == nil {
			t.Errorf("%q is taken for Grafana", bad)
		}
	}
}
