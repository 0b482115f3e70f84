package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/testkit"
)

type rule struct {
	Record, Alert, Expr, For string
	KeepFiringFor            string `yaml:"keep_firing_for"`
	Labels, Annotations      map[string]string
}

func load(t *testing.T) []rule {
	t.Helper()
	b, err := os.ReadFile("../rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

// exposed is what the exporter exposes: the values of each label of each metric.
type exposed map[string]map[string]map[string]bool

func (e exposed) add(metric, label, value string) {
	if e[metric] == nil {
		e[metric] = map[string]map[string]bool{}
	}
	if label == "" {
		return
	}
	if e[metric][label] == nil {
		e[metric][label] = map[string]bool{}
	}
	e[metric][label][value] = true
}

// golden reads what the collector's tests prove to be exposed.
func golden(t *testing.T) exposed {
	t.Helper()
	e := exposed{}
	files, err := filepath.Glob("../../collector/testdata/*.prom")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d expositions: %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		samples, err := testkit.Samples(string(b))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range samples {
			name := string(s.Metric[model.MetricNameLabel])
			e.add(name, "", "")
			for label, value := range s.Metric {
				if label != model.MetricNameLabel {
					e.add(name, string(label), string(value))
				}
			}
		}
	}
	// Those of the exporter itself, which README.md lists and a test of the main
	// module sees.
	e.add("iam_session_exporter_config_last_reload_successful", "", "")
	for _, d := range []string{"login_after_failures", "impersonation", "impersonation_long", "session_age"} {
		e.add("iam_detection_covers", "detection", d)
		e.add("iam_detection_held_back_alerts", "detection", d)
	}
	e.add("iam_detection_covers", "source", "")
	e.add("iam_alertmanager_up", "alertmanager", "")
	e.add("iam_alertmanager_clock_skew_seconds", "alertmanager", "")
	return e
}

// Labels that Prometheus gives every series, and the one metric that it makes.
var targetLabels = []string{"job", "instance"}

// parts are the values that a matcher asks for; those of a regular expression
// are its alternatives.
func parts(m *labels.Matcher) []string {
	if m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual {
		return []string{m.Value}
	}
	return strings.Split(m.Value, "|")
}

func TestExpressions(t *testing.T) {
	e := golden(t)
	e.add("up", "", "")
	e.add("up", "source", "") // of a target of /probe, as the example for Prometheus has it
	e.add("up", "api", "")
	p := parser.NewParser(parser.Options{})
	rules := load(t)
	for _, r := range rules {
		if r.Record != "" {
			e.add(r.Record, "", "")
		}
		if r.Record != "" && !strings.HasPrefix(r.Record, "instance:") { // each keeps the labels of a source
			e.add(r.Record, "source", "")
			e.add(r.Record, "api", "")
		}
	}
	for _, r := range rules {
		name := r.Record + r.Alert
		expr, err := p.ParseExpr(r.Expr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		known := map[string]bool{} // labels of what the expression selects
		for _, l := range targetLabels {
			known[l] = true
		}
		inspect := func(f func(parser.Node)) {
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error { f(n); return nil })
		}
		inspect(func(n parser.Node) {
			s, ok := n.(*parser.VectorSelector)
			if !ok {
				return
			}
			values, exists := e[s.Name]
			if !exists {
				t.Errorf("%s: the exporter has no metric %q", name, s.Name)
			}
			for l := range values {
				known[l] = true
			}
			for _, m := range s.LabelMatchers {
				if m.Name == labels.MetricName || slices.Contains(targetLabels, m.Name) {
					continue
				}
				if values[m.Name] == nil {
					t.Errorf("%s: %s has no label %s", name, s.Name, m.Name)
					continue
				}
				if m.Value == "" {
					continue
				}
				for _, v := range parts(m) {
					if !values[m.Name][v] {
						t.Errorf("%s: the label %s of %s has no value %q", name, m.Name, s.Name, v)
					}
				}
			}
		})
		named := func(ls []string) {
			for _, l := range ls {
				if !known[l] {
					t.Errorf("%s: nothing in it has the label %s", name, l)
				}
			}
		}
		inspect(func(n parser.Node) {
			switch x := n.(type) {
			case *parser.AggregateExpr:
				named(x.Grouping)
			case *parser.BinaryExpr:
				if x.VectorMatching != nil {
					named(x.VectorMatching.MatchingLabels)
				}
			}
		})
		for _, text := range r.Annotations {
			for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				named(m[1:])
			}
		}
	}
}

// What is said of a status, of users or of sessions started and ended is right
// only where nearly all are listed, and says so.
func TestGuards(t *testing.T) {
	needs := regexp.MustCompile(`status=|iam_users\b|iam_user_sessions_max|iam_sessions_started_total|iam_sessions_ended_total|iam_oldest_session_start`)
	const guard = "and on (source)\nsource:iam_source_listed_ratio:max > 0.95"
	const ofExporter = "and on (instance, source)\nmax_over_time(iam_source_listed_ratio[5m]) > 0.95\n)" // before max by
	n := 0
	for _, r := range load(t) {
		// Of sessions from an unknown network, a lower bound is enough.
		if !needs.MatchString(r.Expr) || r.Alert == "IAMSessionsUnknownNetwork" {
			continue
		}
		n++
		lines := strings.Split(strings.TrimSpace(r.Expr), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		if text := strings.Join(lines, "\n"); !strings.HasSuffix(text, guard) && !strings.HasSuffix(text, ofExporter) {
			t.Errorf("%s%s does not end with\n%s", r.Record, r.Alert, guard)
		}
	}
	if n < 5 {
		t.Errorf("only %d rules need the guard", n)
	}
}

// heldFor finds the wait of a rule that steps back.
var heldFor = regexp.MustCompile(`min_over_time\(\S+:held\[(\w+)\]\) == 1\s+and\s+last_over_time\(\S+:held\[1h\] offset (\w+)\) == 1`)

// for would start anew when a rule no longer steps back.
func TestNoForWhereARuleStepsBack(t *testing.T) {
	n := 0
	for _, r := range load(t) {
		if r.Alert == "" || !strings.Contains(r.Expr, "iam_detection_covers") {
			continue
		}
		n++
		if r.For != "" {
			t.Errorf("%s has for: %s", r.Alert, r.For)
		}
	}
	if n < 3 {
		t.Errorf("%d rules step back", n)
	}
	for _, r := range load(t) {
		if m := heldFor.FindStringSubmatch(r.Expr); m != nil && m[1] != m[2] {
			t.Errorf("%s%s: held for %s and since %s", r.Record, r.Alert, m[1], m[2])
		}
	}
}

func TestAlerts(t *testing.T) {
	severities := []string{"critical", "warning", "info"}
	names, pairs := map[string]bool{}, map[string]bool{}
	operator, err := os.ReadFile("../prometheusrule.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range load(t) {
		if r.Alert == "" {
			continue
		}
		names[r.Alert] = true
		if k := r.Alert + r.Labels["severity"]; pairs[k] {
			t.Errorf("%s is there twice with severity %s", r.Alert, r.Labels["severity"])
		} else {
			pairs[k] = true
		}
		if !regexp.MustCompile(`^IAM[A-Z][A-Za-z]+$`).MatchString(r.Alert) {
			t.Errorf("%s: not a name of ours", r.Alert)
		}
		if !slices.Contains(severities, r.Labels["severity"]) || !slices.Contains([]string{"security", "operations"}, r.Labels["category"]) || len(r.Labels) != 2 {
			t.Errorf("%s: labels %v", r.Alert, r.Labels)
		}
		if s := r.Annotations["summary"]; s == "" || strings.Contains(s, "{{") || !strings.HasSuffix(s, ".") {
			t.Errorf("%s: summary %q", r.Alert, s)
		}
		d := r.Annotations["description"]
		// Three are about the exporter itself.
		who := "$labels.source"
		if slices.Contains([]string{"IAMExporterDown", "IAMConfigReloadFailed", "IAMAlertsNotDelivered"}, r.Alert) {
			who = "$labels.instance"
		}
		if !strings.Contains(d, who) || !strings.Contains(d, ". First ") && !strings.Contains(d, "; first ") {
			t.Errorf("%s: the description names no %s, or not what to do first: %q", r.Alert, who, d)
		}
		// Nobody reads 8.594e-01 or 57600: what a value is put through, or where with puts it.
		for _, action := range regexp.MustCompile(`\{\{.*?\}\}`).FindAllString(d, -1) {
			value := strings.Contains(action, "$value") && !strings.Contains(action, "with $value") ||
				regexp.MustCompile(`\{\{ \.`).MatchString(action) && strings.Contains(d, "with $value")
			if value && !regexp.MustCompile(`\| (humanize|humanizeDuration|humanizePercentage|printf "%\.0f") \}\}$`).MatchString(action) {
				t.Errorf("%s: a raw value in %q", r.Alert, action)
			}
		}
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/runbooks/"+r.Alert) || !strings.Contains(string(operator), "alert: "+r.Alert+"\n") {
			t.Errorf("%s: runbook_url %q", r.Alert, r.Annotations["runbook_url"])
		}
		// A threshold on what happened within a window holds for the window, and
		// needs no for; it must not end with a single scrape that failed. A rule that
		// steps back waits before that.
		if r.For == "" && r.KeepFiringFor == "" && r.Alert != "IAMSessionPolicyChanged" && !heldFor.MatchString(r.Expr) {
			t.Errorf("%s has neither for nor keep_firing_for", r.Alert)
		}
	}
	if len(names) < 20 || len(names) > 30 {
		t.Errorf("%d alerts", len(names))
	}
}
