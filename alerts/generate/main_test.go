package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"iam_session_exporter/alerts"
)

const shipped = "../../alerts"

// made returns the rules with values of a user's own.
func made(t *testing.T, own string) map[string]string {
	t.Helper()
	files, err := generate(shipped, []byte(own), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What is shipped is what the template and the default values make.
func TestShipped(t *testing.T) {
	files := made(t, "")
	defaults, err := os.ReadFile(shipped + "/values.yml")
	if err != nil {
		t.Fatal(err)
	}
	if files["values.schema.json"], err = schema(defaults); err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(shipped, name))
		if err != nil || string(got) != want {
			t.Errorf("alerts/%s is not what `make rules` writes: %v", name, err)
		}
	}
	if files["rules.yml"] != string(alerts.Rules) {
		t.Error("the exporter has other rules")
	}
}

// The Prometheus Operator's rules are those of Prometheus.
func TestPrometheusRule(t *testing.T) {
	files := made(t, "links: {grafana: 'https://grafana.example.com'}")
	var want, object struct {
		Groups []map[string]any
		Spec   struct{ Groups []map[string]any }
	}
	if err := yaml.Unmarshal([]byte(files["prometheusrule.yaml"]), &object); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(files["rules.yml"]), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Groups) == 0 || !reflect.DeepEqual(object.Spec.Groups, want.Groups) {
		t.Error("the groups differ")
	}
}

// Each value is used, and only what is given changes.
func TestValues(t *testing.T) {
	before := strings.Split(made(t, "")["rules.yml"], "\n")
	for own, want := range map[string]string{
		"job: sessions": `up{job=~"sessions"`,
		"links: {runbooks: 'https://runbooks.example.com/iam/'}":          "runbook_url: https://runbooks.example.com/iam/IAM",
		"links: {grafana: 'https://grafana.example.com/g'}":               "dashboard_url: https://grafana.example.com/g/d/iam-sessions-",
		"severities: {IAMSourceSlow: info}":                               "labels: {severity: info, category: operations}",
		"severities: {IAMSourceDown: {critical: warning, warning: info}}": "labels: {severity: warning, category: operations}",
		"thresholds: {IAMSourceFlapping: {changes: 9}}":                   "changes(iam_source_up[1h])) >= 9",
		"thresholds: {IAMSessionsNearLimit: {warning: 0.8}}":              "source:iam_sessions_limit:ratio > 0.8\n",
		"for: {IAMImpersonationLong: 90m}":                                "For 90m there has always been",
		"for: {IAMSessionTooOld: 30m}":                                    "[1h] offset 30m) == 1",
	} {
		after := made(t, own)["rules.yml"]
		if !strings.Contains(after, want) {
			t.Errorf("%s: no %q", own, want)
		}
		lines := strings.Split(after, "\n")
		if len(lines) != len(before) {
			t.Fatalf("%s: %d lines rather than %d", own, len(lines), len(before))
		}
		for i, line := range lines {
			part, _, _ := strings.Cut(strings.TrimPrefix(own, "links: {"), ":")
			ofPart := map[string]string{"job": "up{", "runbooks": "runbook_url", "grafana": "dashboard_url", "severities": "labels:", "thresholds": "[<>]=? ", "for": `for: |description|:held\[`}[part]
			if line != before[i] && !regexp.MustCompile(ofPart).MatchString(line) {
				t.Errorf("%s changes %q", own, line)
			}
		}
	}
	// Every default is in the rules: another value changes them.
	defaults := map[string]any{}
	b, err := os.ReadFile(shipped + "/values.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &defaults); err != nil {
		t.Fatal(err)
	}
	each(defaults, "", func(at string, v any) {
		other := map[string]string{"info": "warning", "warning": "info", "critical": "warning"}
		text := "7h"
		switch s, isText := v.(string); {
		case !isText && strings.HasSuffix(at, ".warning"): // below critical
			text = "0.25"
		case !isText:
			text = "123"
		case other[s] != "":
			text = other[s]
		case strings.HasPrefix(at, ".links"):
			text = "https://example.com"
		case at == ".job":
			text = "other"
		}
		keys := strings.Split(strings.TrimPrefix(at, "."), ".")
		own := strings.Join(keys, ": {") + ": " + text + strings.Repeat("}", len(keys)-1)
		if keys[0] == "severities" && keys[len(keys)-1] == "critical" { // above that of warning
			own = strings.Replace(own, text, text+", warning: info", 1)
		}
		if made(t, own)["rules.yml"] == strings.Join(before, "\n") {
			t.Errorf("%s is not used", at)
		}
	})
}

func TestBadValues(t *testing.T) {
	for own, want := range map[string]string{
		"a: 1":                              "line 1: unknown key a",
		"links: {}\n\nlinks: {}":            "line 3: links is there twice",
		"thresholds:\n  IAMX: 1":            "line 2: unknown key thresholds.IAMX",
		"thresholds: 1":                     "line 1: thresholds has to be a mapping",
		"[]":                                "has to be a mapping",
		"severities: {IAMSourceSlow: page}": `severities.IAMSourceSlow: "page" is not one of critical, warning, info`,
		"severities: {IAMSourceDown: {critical: warning}}":  "severities.IAMSourceDown: its two levels need two severities",
		"severities: {IAMSourceDown: warning}":              "severities.IAMSourceDown has to be a mapping",
		"severities: {IAMSourceDown: {critical: info}}":     "severities.IAMSourceDown: critical is info, below warning, which is warning",
		"severities: {IAMSourceDown: {critical: page}}":     `severities.IAMSourceDown.critical: "page" is not one of`,
		"thresholds: {IAMFailedLoginsBurst: {critical: 9}}": "thresholds.IAMFailedLoginsBurst: critical is 9, below warning, which is 10",
		"thresholds: {IAMSessionsNearLimit: {warning: 1}}":  "thresholds.IAMSessionsNearLimit: critical is 0.95, below warning, which is 1",
		"thresholds: {IAMSourceSlow: {ratio: high}}":        "thresholds.IAMSourceSlow.ratio has to be a number",
		"thresholds: {IAMSourceSlow: {ratio: -1}}":          "-1 is below 0",
		"thresholds: {IAMSourceSlow: {ratio: .nan}}":        "NaN is not a number",
		"for: {IAMSourceDown: 0m}":                          `"0m" is not a duration`,
		"for: {IAMSourceDown: 5}":                           "for.IAMSourceDown has to be a string",
		"job: 'a\"b'":                                       "job: ",
		"job: '('":                                          "job: ",
		"links: {grafana: grafana}":                         "links.grafana: ",
		"links: {grafana: 'ftp://example.com'}":             "links.grafana: ",
		"links: {grafana: 'https://'}":                      "links.grafana: ",
		"links: {runbooks: 'https://x/{{ . }}'}":            "links.runbooks: ",
		"links: {runbooks: \"https://x/'y\"}":               "links.runbooks: ",
		"links: {grafana: 'https://example.com'":            "line 1",
		"links: {grafana: \"https://x/\\u2028y\"}":          "links.grafana: ",
		"links: {grafana: 'https://x/?a=b'}":                "links.grafana: ",
		"job: \"a\\nb\"":                                    "job: ",
		"for: {IAMSourceDown: 999999d}":                     `"999999d" is not a duration`,
		"links: {}\n---\njob: x":                            "more than one document",
	} {
		if _, err := generate(shipped, []byte(own), "", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", own, err, want)
		}
	}
}

// The way without Go, as the rules describe it, gives what the values do.
func TestSed(t *testing.T) {
	line := regexp.MustCompile(`(?m)^#   (sed .*) rules.yml >my-rules.yml$`).FindStringSubmatch(string(alerts.Rules))
	if line == nil {
		t.Fatal("no sed")
	}
	got, err := exec.CommandContext(t.Context(), "sh", "-c", line[1]+" ../../alerts/rules.yml").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := made(t, "links: {runbooks: 'https://exporter.example.com/runbooks', grafana: 'https://grafana.example.com'}")["rules.yml"]
	groups := func(s string) string { _, g, _ := strings.Cut(s, "\ngroups:\n"); return g }
	if groups(string(got)) != groups(want) || groups(want) == "" {
		t.Error("sed gives other rules")
	}
}

// The program itself, as make calls it.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "my-values.yml")
	if err := os.WriteFile(own, []byte("thresholds: {IAMSourceFlapping: {changes: 9}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(shipped, own, "", "https://grafana.example.com", filepath.Join(dir, "dist")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rules.yml", "prometheusrule.yaml"} {
		b, err := os.ReadFile(filepath.Join(dir, "dist", name))
		if err != nil || !strings.Contains(string(b), ">= 9") || !strings.Contains(string(b), "https://grafana.example.com/d/") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, out := range []string{shipped, shipped + "/", "./" + shipped} {
		if err := run(shipped, own, "", "", out); err == nil {
			t.Errorf("what is shipped would be overwritten as %s", out)
		}
	}
}
