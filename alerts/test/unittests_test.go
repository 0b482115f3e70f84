package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// The unit tests are tested, too: cases_test.go checks that each alert has one for
// every case that it must be right in, mutants_test.go that they notice if a part of
// a rule is missing.

// unitTest is one of alerts/test/promtool.
type unitTest struct {
	file     string
	interval string         // at which it evaluates rules
	raw      map[string]any // all of it
	Name     string
	Series   []struct{ Series, Values string } `yaml:"input_series"`
	Exprs    []struct {
		Expr    string
		Time    string `yaml:"eval_time"`
		Samples []struct {
			Labels string
			Value  int
		} `yaml:"exp_samples"`
	} `yaml:"promql_expr_test"`
	Alerts []struct {
		Name string `yaml:"alertname"`
		Time string `yaml:"eval_time"`
		Want []struct {
			Labels      map[string]string `yaml:"exp_labels"`
			Annotations map[string]string `yaml:"exp_annotations"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
}

// The two questions that a unit test asks: what fires, and what fired ever.
var (
	fires = `count by (alertname, severity) (ALERTS{alertstate="firing"})`
	ever  = regexp.MustCompile(`^count by \(alertname, severity\) \(count_over_time\(ALERTS\{alertstate="firing"\}\[(\w+)\]\)\)$`)
)

func loadTests(t *testing.T) []unitTest {
	t.Helper()
	files, err := filepath.Glob("promtool/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d tests: %v", len(files), err)
	}
	var all []unitTest
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var typed struct{ Tests []unitTest }
		var raw struct {
			Interval string `yaml:"evaluation_interval"`
			Tests    []map[string]any
		}
		if err := yaml.Unmarshal(b, &typed); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if err := yaml.Unmarshal(b, &raw); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for i, u := range typed.Tests {
			u.file, u.interval, u.raw = filepath.Base(f), raw.Interval, raw.Tests[i]
			for _, e := range u.Exprs {
				if e.Expr != fires && !ever.MatchString(e.Expr) {
					t.Errorf("%s: not a question of ours: %s", u.Name, e.Expr)
				}
			}
			all = append(all, u)
		}
	}
	return all
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

// end is when a test queries for the last time.
func (u unitTest) end(t *testing.T) (last time.Duration) {
	t.Helper()
	for _, e := range u.Exprs {
		last = max(last, duration(t, e.Time))
	}
	return last
}

// times are those at which a test evaluates rules.
func (u unitTest) times(t *testing.T) times {
	t.Helper()
	end := u.end(t)
	for _, a := range u.Alerts {
		end = max(end, duration(t, a.Time))
	}
	return times{0, end, duration(t, u.interval)}
}

// expects tells whether a test expects an alert at any time.
func (u unitTest) expects(name string) bool {
	for _, e := range u.Exprs {
		for _, s := range e.Samples {
			if strings.Contains(s.Labels, `alertname="`+name+`"`) {
				return true
			}
		}
	}
	return false
}

// values are those of each series of a metric in a test.
func (u unitTest) values(t *testing.T, metric string) (all [][]parser.SequenceValue) {
	t.Helper()
	p := parser.NewParser(parser.Options{})
	for _, s := range u.Series {
		if !strings.HasPrefix(s.Series, metric+"{") {
			continue
		}
		_, v, err := p.ParseSeriesDesc(s.Series + " " + s.Values)
		if err != nil {
			t.Fatalf("%s: %v", u.Name, err)
		}
		all = append(all, v)
	}
	return all
}

// none tells whether there is no sample, or only a note that there is none any more.
func none(x parser.SequenceValue) bool { return x.Omitted || value.IsStaleNaN(x.Value) }

// A series is gone and comes back.
func gap(v []parser.SequenceValue) bool {
	seen, gone := false, false
	for _, x := range v {
		switch {
		case none(x) && seen:
			gone = true
		case !none(x) && gone:
			return true
		case !none(x):
			seen = true
		}
	}
	return false
}

// A series is not there at some time.
func missing(v []parser.SequenceValue) bool {
	return slices.ContainsFunc(v, none)
}

func compare(v []parser.SequenceValue, ok func(before, after float64) bool) bool {
	last := -1.0
	for _, x := range v {
		if none(x) {
			continue
		}
		if last >= 0 && ok(last, x.Value) {
			return true
		}
		last = x.Value
	}
	return false
}

func falls(v []parser.SequenceValue) bool {
	return compare(v, func(a, b float64) bool { return b < a })
}

func rises(v []parser.SequenceValue) bool {
	return compare(v, func(a, b float64) bool { return b > a })
}

func counter(metric string) bool { return strings.HasSuffix(metric, "_total") }
