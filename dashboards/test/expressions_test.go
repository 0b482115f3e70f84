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

// exposed is what there is to ask for: the values of each label of each metric.
// A label without values may have any.
type exposed map[string]map[string]map[string]bool

func (e exposed) add(metric string, labels ...string) {
	if e[metric] == nil {
		e[metric] = map[string]map[string]bool{}
	}
	for _, l := range labels {
		if e[metric][l] == nil {
			e[metric][l] = map[string]bool{}
		}
	}
}

// read reads an exposition of the collector's tests.
func read(t *testing.T, file string) model.Vector {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := testkit.Samples(string(b))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return samples
}

// known reads what the collector's tests prove to be exposed, and adds what
// Prometheus and the rules make of it.
func known(t *testing.T) exposed {
	t.Helper()
	e := exposed{}
	files, err := filepath.Glob("../../collector/testdata/*.prom")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d expositions: %v", len(files), err)
	}
	for _, file := range files {
		for _, s := range read(t, file) {
			metric := string(s.Metric[model.MetricNameLabel])
			names := []string{metric}
			if h, ok := strings.CutSuffix(metric, "_bucket"); ok {
				names = append(names, h) // as a native histogram
			}
			for _, name := range names {
				e.add(name)
				for label, value := range s.Metric {
					if label == model.MetricNameLabel || label == model.BucketLabel && name != metric {
						continue
					}
					e.add(name, string(label))
					e[name][string(label)][string(value)] = true
				}
			}
		}
	}
	// Those of detections, which docs/metrics.md lists.
	for _, m := range []string{"iam_detection_alerts", "iam_detection_held_back_alerts", "iam_detection_covers"} {
		e.add(m, "api", "detection")
	}
	e.add("iam_detection_alerts", "severity")
	e.add("iam_detection_evaluation_duration_seconds", "api")
	for name := range e { // any source
		e[name]["source"] = map[string]bool{}
	}
	// Those of the exporter itself, which README.md and docs/metrics.md list.
	for _, m := range []string{"iam_alertmanager_up", "iam_alertmanager_alerts_sent_total", "iam_alertmanager_requests_total", "iam_alertmanager_clock_skew_seconds"} {
		e.add(m, "alertmanager")
	}
	e.add("iam_alertmanager_requests_total", "code")
	e.add("iam_session_exporter_build_info", "version", "goversion")
	e.add("iam_session_exporter_config_last_reload_successful")
	e.add("iam_session_exporter_config_last_reload_success_timestamp_seconds")
	for _, m := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds", "go_goroutines", "up"} {
		e.add(m)
	}
	for _, r := range rules(t) {
		if r.Record != "" {
			e.add(r.Record, "source", "api")
		}
	}
	e.add("source:iam_sessions_ended:increase1h", "reason")
	for _, m := range []string{"ALERTS", "ALERTS_FOR_STATE"} {
		e.add(m, "alertname", "severity", "category", "source", "api")
	}
	e.add("ALERTS", "alertstate")
	for name := range e {
		e.add(name, "job", "instance", "cluster")
	}
	return e
}

type rule struct {
	Record, Alert, Expr string
	Annotations         map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	b, err := os.ReadFile("../../alerts/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("%d rules", len(all))
	}
	return all
}

var substituted = strings.NewReplacer("$__rate_interval", "4m", "$__range", "6h", "$source", ".+", "$api", ".+", "$cluster", ".*", "$own_idle", "900", "$own_lifetime", "57600")

var nameVariable = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

func TestExpressions(t *testing.T) {
	e := known(t)
	each(t, func(t *testing.T, d *dashboard) {
		for _, v := range d.Templating.List {
			if m := nameVariable.FindStringSubmatch(v.Definition); m != nil {
				inspect(t, e, "variable "+v.Name, m[1], false)
				if name, _, _ := strings.Cut(m[1], "{"); e[name][m[2]] == nil {
					t.Errorf("variable %s: %s has no label %s", v.Name, name, m[2])
				}
			}
		}
		for _, a := range d.Annotations.List {
			inspect(t, e, "annotation "+a.Name, a.Expr, false)
		}
		for _, p := range d.all() {
			for _, g := range p.Targets {
				has := inspect(t, e, p.Title, g.Expr, strings.Contains(strings.ToLower(p.Title), "hour") || strings.Contains(strings.ToLower(p.Description), "hour"))
				for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(g.LegendFormat, -1) {
					if !has[m[1]] {
						t.Errorf("%s: nothing in it has the label %s of the legend", p.Title, m[1])
					}
				}
			}
		}
	})
}

// inspect checks an expression and returns the labels that are in it.
func inspect(t *testing.T, e exposed, where, text string, ofAnHour bool) map[string]bool {
	t.Helper()
	has := map[string]bool{}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(substituted.Replace(text))
	if err != nil {
		t.Errorf("%s: %v\n%s", where, err, text)
		return has
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			inspectSelector(t, e, where, text, s, has)
		}
		return nil
	})
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		switch x := n.(type) {
		case *parser.AggregateExpr:
			for _, l := range x.Grouping {
				if !has[l] {
					t.Errorf("%s: nothing in it has the label %s\n%s", where, l, text)
				}
			}
		case *parser.BinaryExpr:
			if x.VectorMatching != nil {
				for _, l := range x.VectorMatching.MatchingLabels {
					if !has[l] {
						t.Errorf("%s: nothing in it has the label %s\n%s", where, l, text)
					}
				}
			}
		case *parser.VectorSelector:
			if strings.HasSuffix(x.Name, "_total") && !inRate(path) && !isCondition(path, x) {
				t.Errorf("%s: the counter %s is not under rate or increase", where, x.Name)
			}
		case *parser.MatrixSelector:
			if v := x.VectorSelector.(*parser.VectorSelector); x.Range.Hours() == 6 && v.StartOrEnd == parser.END {
				break // all that is shown, looked at once
			}
			if c, ok := path[len(path)-1].(*parser.Call); ok && c.Func.Name == "last_over_time" && x.Range.Minutes() == 5 {
				break // as an instant selector, but over a failed scrape
			}
			// 4m is what the variable was replaced by.
			if x.Range.Minutes() != 4 && !(ofAnHour && x.Range.Hours() == 1) {
				t.Errorf("%s: a range of %s rather than $__rate_interval", where, x.Range)
			}
		}
		return nil
	})
	return has
}

// isCondition tells whether only the presence of what a selector finds matters.
func isCondition(path []parser.Node, s parser.Node) bool {
	b, ok := path[len(path)-1].(*parser.BinaryExpr)
	return ok && (b.Op == parser.LAND || b.Op == parser.LUNLESS) && b.RHS == s
}

// inRate tells whether what contains a selector makes a rate, or an increase, of it.
func inRate(path []parser.Node) bool {
	for _, n := range path {
		if c, ok := n.(*parser.Call); ok && slices.Contains([]string{"rate", "increase", "max_over_time", "min_over_time", "resets", "absent_over_time"}, c.Func.Name) {
			return true
		}
	}
	return false
}

func inspectSelector(t *testing.T, e exposed, where, text string, s *parser.VectorSelector, has map[string]bool) {
	t.Helper()
	values, exists := e[s.Name]
	if !exists {
		t.Errorf("%s: the exporter has no metric %q", where, s.Name)
	}
	for l := range values {
		has[l] = true
	}
	matched := map[string]bool{}
	for _, m := range s.LabelMatchers {
		matched[m.Name] = true
		if m.Name == labels.MetricName {
			continue
		}
		if values[m.Name] == nil {
			t.Errorf("%s: %s has no label %s", where, s.Name, m.Name)
			continue
		}
		if strings.ContainsAny(m.Value, ".*+") || len(values[m.Name]) == 0 {
			continue // any
		}
		for _, v := range strings.Split(m.Value, "|") {
			if !values[m.Name][v] {
				t.Errorf("%s: the label %s of %s has no value %q", where, m.Name, s.Name, v)
			}
		}
	}
	// What is of a source is only of the sources chosen, and all of the cluster.
	if where != "variable cluster" && !matched["cluster"] {
		t.Errorf("%s: %s ignores the cluster\n%s", where, s.Name, text)
	}
	if values["source"] != nil && !(strings.HasPrefix(where, "variable ")) && (!matched["source"] || !matched["api"]) {
		t.Errorf("%s: %s ignores the variables\n%s", where, s.Name, text)
	}
}

// Each alert links to a panel that exists, of the source that it is about.
func TestAlertsLink(t *testing.T) {
	all := load(t)
	n := 0
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		n++
		url := r.Annotations["dashboard_url"]
		if !strings.HasPrefix(url, "http://localhost:3000/d/") || !pointsToPanel(all, url) {
			t.Errorf("%s: dashboard_url %q", r.Alert, url)
		}
		if strings.Contains(r.Annotations["description"], "$labels.source") != strings.Contains(url, "&var-source={{ $labels.source }}") {
			t.Errorf("%s: dashboard_url %q is of other sources than the description", r.Alert, url)
		}
	}
	if n < 20 {
		t.Errorf("only %d alerts", n)
	}
}

// Where a recording rule exists, it is used: by a panel, or at least by another rule.
func TestRecordingRules(t *testing.T) {
	var all strings.Builder
	each(t, func(t *testing.T, d *dashboard) {
		for _, p := range d.all() {
			for _, g := range p.Targets {
				all.WriteString(g.Expr + "\n")
			}
		}
	})
	recorded := rules(t)
	for _, r := range recorded {
		read := slices.ContainsFunc(recorded, func(other rule) bool {
			return other.Record != r.Record && strings.Contains(other.Expr, r.Record)
		})
		if r.Record != "" && !read && !strings.Contains(all.String(), r.Record+"{") {
			t.Errorf("%s is not used", r.Record)
		}
	}
}

// What the linter is told to leave out has a reason.
func TestLint(t *testing.T) {
	b, err := os.ReadFile("../.lint")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Exclusions map[string]struct{ Reason string }
	}
	if err := yaml.Unmarshal(b, &file); err != nil || len(file.Exclusions) == 0 {
		t.Fatalf("%d exclusions: %v", len(file.Exclusions), err)
	}
	for name, x := range file.Exclusions {
		if len(x.Reason) < 10 {
			t.Errorf("%s is left out without a reason", name)
		}
	}
}
