package test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// The tests here test the unit tests: that each alert has one for every case that
// it must be right in, and that they notice when a part of a rule is missing.

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

// cases are those in which an alert must be silent: what a test says of itself in
// its name, and what it must then have of the metrics that the alert reads.
var cases = map[string]func(t *testing.T, u unitTest, metrics []string) error{
	"missing data": func(t *testing.T, u unitTest, metrics []string) error {
		for _, m := range metrics {
			if slices.ContainsFunc(u.values(t, m), missing) {
				return nil
			}
		}
		return fmt.Errorf("nothing of %v is missing", metrics)
	},
	// All counters begin anew; where there are none, what is there is gone for a while.
	"a restart": func(t *testing.T, u unitTest, metrics []string) error {
		gaps := 0
		for _, m := range metrics {
			if counter(m) && !slices.ContainsFunc(u.values(t, m), falls) {
				return fmt.Errorf("%s never begins anew", m)
			}
			if slices.ContainsFunc(u.values(t, m), gap) || slices.ContainsFunc(u.values(t, m), falls) {
				gaps++
			}
		}
		if gaps == 0 {
			return fmt.Errorf("nothing of %v ends and comes back", metrics)
		}
		return nil
	},
	// Something happens, but little.
	"low traffic": func(t *testing.T, u unitTest, metrics []string) error {
		for _, m := range metrics {
			v := u.values(t, m)
			if len(v) == 0 || counter(m) && !slices.ContainsFunc(v, rises) {
				return fmt.Errorf("%s is not there, or never rises", m)
			}
		}
		return nil
	},
}

// family is an alert with all that it consists of: the rules of its name, before
// them the recording rules that they read.
type family struct {
	name    string
	rules   []rule
	metrics []string      // of the exporter and of Prometheus
	offset  time.Duration // how far it looks back, at least
}

func families(t *testing.T) []family {
	t.Helper()
	p := parser.NewParser(parser.Options{})
	records, byName, seen := map[string]rule{}, map[string]*family{}, map[string]bool{}
	var order []string
	for _, r := range load(t) {
		if r.Record != "" {
			records[r.Record] = r
			continue
		}
		if byName[r.Alert] == nil {
			byName[r.Alert] = &family{name: r.Alert}
			order = append(order, r.Alert)
		}
		f := byName[r.Alert]
		var read func(text string)
		read = func(text string) {
			expr, err := p.ParseExpr(text)
			if err != nil {
				t.Fatal(err)
			}
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
				s, ok := n.(*parser.VectorSelector)
				if !ok {
					return nil
				}
				if o := s.OriginalOffset; o > 0 && (f.offset == 0 || o < f.offset) {
					f.offset = o
				}
				if rec, ok := records[s.Name]; ok {
					if !seen[f.name+s.Name] { // one may read itself
						seen[f.name+s.Name] = true
						read(rec.Expr)
						f.rules = append(f.rules, rec)
					}
				} else if !slices.Contains(f.metrics, s.Name) {
					f.metrics = append(f.metrics, s.Name)
				}
				return nil
			})
		}
		read(r.Expr)
		f.rules = append(f.rules, r)
	}
	var all []family
	for _, n := range order {
		all = append(all, *byName[n])
	}
	return all
}

// Every alert fires, has not fired before and resolves; and is silent on missing
// data, after a restart and at low traffic.
func TestCases(t *testing.T) {
	tests := loadTests(t)
	for _, f := range families(t) {
		for _, r := range f.rules {
			if r.Alert == "" {
				continue
			}
			key := fmt.Sprintf("alertname=%q, severity=%q", r.Alert, r.Labels["severity"])
			if !slices.ContainsFunc(tests, func(u unitTest) bool {
				seen := "" // a letter for each time that the test looks
				for _, e := range u.Exprs {
					is := false
					for _, s := range e.Samples {
						is = is || strings.Contains(s.Labels, key)
					}
					seen += map[bool]string{true: "f", false: "s"}[is]
				}
				return regexp.MustCompile(`s+f+s`).MatchString(seen)
			}) {
				t.Errorf("no test in which the alert %s is silent, then fires, then resolves", key)
			}
			if !slices.ContainsFunc(tests, func(u unitTest) bool {
				for _, a := range u.Alerts {
					for _, w := range a.Want {
						if a.Name == r.Alert && w.Labels["severity"] == r.Labels["severity"] {
							return true
						}
					}
				}
				return false
			}) {
				t.Errorf("no test of the words of the alert %s", key)
			}
		}
		for name, check := range cases {
			var why []string
			if !slices.ContainsFunc(tests, func(u unitTest) bool {
				if !strings.Contains(u.Name, name) || u.expects(f.name) {
					return false
				}
				err := check(t, u, f.metrics)
				if err == nil && u.end(t) <= f.offset {
					err = fmt.Errorf("ends too soon for an offset of %s", f.offset)
				}
				if err != nil && (strings.Contains(u.Name, f.name) || strings.HasPrefix(u.Name, "Every alert")) {
					why = append(why, fmt.Sprintf("%q: %v", u.Name, err))
				}
				return err == nil
			}) {
				t.Errorf("no unit test shows that %s is silent in the case %q; not these:\n%s", f.name, name, strings.Join(why, "\n"))
			}
		}
	}
}

// guard tells whether an expression is, or compares, how much is listed.
func guard(e parser.Expr) bool {
	s := e.String()
	return strings.HasPrefix(s, "source:iam_source_listed_ratio:max") || strings.HasPrefix(s, "max_over_time(iam_source_listed_ratio")
}

// small finds a threshold that increase(), which is off by a quarter at most, does
// not reach from one less.
var small = regexp.MustCompile(`>= [1-4]\n?$`)

// counted returns the window of an increase of a counter: by its values without a
// reset, or else by increase() or the sum of its steps.
func counted(b *parser.BinaryExpr) time.Duration {
	call, ok := b.RHS.(*parser.Call)
	if b.Op != parser.LOR || !ok {
		return 0
	}
	switch call.Func.Name {
	case "increase":
		return call.Args[0].(*parser.MatrixSelector).Range
	case "sum_over_time":
		return call.Args[0].(*parser.SubqueryExpr).Range
	}
	return 0
}

// mutants are the rules of a family with one thing changed.
func mutants(t *testing.T, f family) map[string][]rule {
	t.Helper()
	p := parser.NewParser(parser.Options{})
	all := map[string][]rule{}
	add := func(what string, change func([]rule)) {
		rules := slices.Clone(f.rules)
		change(rules)
		if _, twice := all[what]; twice {
			t.Fatalf("two mutants are %s", what)
		}
		all[what] = rules
	}
	guarded := false
	for i, r := range f.rules {
		id := r.Record + r.Alert + " " + r.Labels["severity"]
		if r.Alert != "" {
			if r.For != "" {
				add(id+" without for", func(rules []rule) { rules[i].For = "" })
			}
			add(id+" that does not end", func(rules []rule) { rules[i].KeepFiringFor = "10000h" })
		}
		guarded = guarded || strings.Contains(r.Expr, "iam_source_listed_ratio")
		// Each threshold at the half of it, each condition and each alternative left out.
		for n := 0; ; n++ {
			expr, err := p.ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			at, what := 0, ""
			parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
				b, ok := node.(*parser.BinaryExpr)
				if ok && len(path) > 0 {
					if above, is := path[len(path)-1].(*parser.BinaryExpr); is && counted(above) != 0 {
						return nil // the condition of the exact increase, below
					}
				}
				if !ok || guard(b.LHS) || guard(b.RHS) {
					return nil // all guards at once, below
				}
				number, literal := b.RHS.(*parser.NumberLiteral)
				var changes []func()
				side := func(e parser.Expr) func() { // only one: it and itself
					return func() {
						b.LHS, b.RHS, b.Op, b.VectorMatching = e, e, parser.LAND, &parser.VectorMatching{Card: parser.CardManyToMany}
					}
				}
				switch {
				case b.Op.IsComparisonOperator() && literal && number.Val > 0:
					changes = append(changes, func() { number.Val /= 2 })
				case b.Op == parser.LAND, b.Op == parser.LUNLESS:
					changes = append(changes, side(b.LHS))
				case counted(b) != 0:
					exact := b.LHS.(*parser.BinaryExpr)
					changes = append(changes, side(exact.LHS)) // without regard to resets
					if counted(b) < time.Hour {                // over an hour, increase() is off by less than any threshold
						changes = append(changes, side(b.LHS))
						if !small.MatchString(r.Expr) {
							changes = append(changes, side(b.RHS))
						}
					}
				case b.Op == parser.LOR:
					changes = append(changes, side(b.LHS), side(b.RHS))
				}
				for _, c := range changes {
					if at == n {
						what = b.String()
						c()
					}
					at++
				}
				return nil
			})
			if what == "" {
				break
			}
			add(fmt.Sprintf("%s, part %d: %s", id, n, what), func(rules []rule) { rules[i].Expr = expr.String() })
		}
	}
	if guarded {
		add(f.name+" without regard to what is listed", func(rules []rule) {
			for i := range rules {
				rules[i].Expr = strings.NewReplacer("iam_source_listed_ratio:max > 0.95", "iam_source_listed_ratio:max >= 0",
					"iam_source_listed_ratio[5m]) > 0.95", "iam_source_listed_ratio[5m]) >= 0").Replace(rules[i].Expr)
			}
		})
	}
	return all
}

// asked is of which evaluations a question is.
func asked(t *testing.T, expr, at string, step time.Duration) (from, to time.Duration) {
	t.Helper()
	to = duration(t, at) / step * step
	if m := ever.FindStringSubmatch(expr); m != nil {
		return max(0, to-duration(t, m[1])), to
	}
	return to, to
}

// scraped is what a unit test has of the metrics.
func (u unitTest) scraped(t *testing.T, metrics []string) *memory {
	t.Helper()
	p, all := parser.NewParser(parser.Options{}), newMemory()
	step := duration(t, u.raw["interval"].(string))
	for _, s := range u.Series {
		l, values, err := p.ParseSeriesDesc(s.Series + " " + s.Values)
		if err != nil {
			t.Fatalf("%s: %v", u.Name, err)
		}
		if !slices.Contains(metrics, l.Get(labels.MetricName)) {
			continue
		}
		x := all.series(l)
		for i, v := range values {
			if !v.Omitted {
				x.add(time.Duration(i)*step, v.Value)
			}
		}
	}
	return all
}

// holds tells whether a unit test holds of an alert.
func (u unitTest) holds(t *testing.T, f family, e *evaluator) bool {
	t.Helper()
	all := u.times(t)
	e.evaluate(all)
	for _, x := range u.Exprs {
		from, to := asked(t, x.Expr, x.Time, all.step)
		for _, severity := range []string{"critical", "warning", "info"} {
			want := 0
			for _, s := range x.Samples {
				if strings.Contains(s.Labels, fmt.Sprintf("alertname=%q, severity=%q", f.name, severity)) {
					want = s.Value
				}
			}
			if e.firing(f.name, severity, from, to) != want {
				return false
			}
		}
	}
	for _, a := range u.Alerts {
		at := duration(t, a.Time) / all.step * all.step
		for _, severity := range []string{"critical", "warning", "info"} {
			want := 0
			for _, w := range a.Want {
				if w.Labels["severity"] == severity {
					want++
				}
			}
			if a.Name == f.name && e.firing(f.name, severity, at, at) != want {
				return false
			}
		}
	}
	return true
}

// No for, threshold or condition can be lost, nor can an alert go on for ever,
// without a test that fails: a timeline, or a unit test. Of a recording rule, the
// tests of one alert that reads it are enough.
func TestNoPartCanBeLost(t *testing.T) {
	all, engine := loadTests(t), newEngine()
	var mu sync.Mutex
	missed := map[string]bool{} // by what is changed, whether a test misses it
	t.Run("alerts", func(t *testing.T) {
		for _, f := range families(t) {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				// Those that have something to say: what most rules read does not count.
				own := slices.DeleteFunc(slices.Clone(f.metrics), func(m string) bool {
					return slices.Contains([]string{"up", "iam_source_up", "iam_source_listed_ratio"}, m)
				})
				if len(own) == 0 {
					own = f.metrics
				}
				tests := slices.DeleteFunc(slices.Clone(all), func(u unitTest) bool {
					return u.end(t) <= f.offset || !slices.ContainsFunc(own, func(m string) bool { return len(u.values(t, m)) > 0 })
				})
				// The short ones first; long histories are for what looks back by weeks.
				slices.SortFunc(tests, func(a, b unitTest) int { return cmp.Compare(a.end(t), b.end(t)) })
				tests = slices.DeleteFunc(tests, func(u unitTest) bool { return f.offset == 0 && u.end(t) > 7*day })
				var holds []func(rules []rule) bool // all that is tested, what takes long at the end
				for _, u := range tests {
					scraped := u.scraped(t, f.metrics)
					of := func(rules []rule) bool { return u.holds(t, f, newEvaluator(t, engine, scraped, rules)) }
					if !of(f.rules) {
						t.Errorf("does not hold as it is: %s", u.Name)
					}
					holds = append(holds, of)
				}
				for _, x := range f.timelines(t) {
					holds = append(holds, func(rules []rule) bool { return len(x.wrong(t, engine, rules)) == 0 })
				}
				for what, rules := range mutants(t, f) {
					mu.Lock()
					done := missed[what]
					mu.Unlock()
					done = done || slices.ContainsFunc(holds, func(of func([]rule) bool) bool { return !of(rules) })
					mu.Lock()
					missed[what] = missed[what] || done
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d changed parts", len(missed))
	for what, done := range missed {
		if !done {
			t.Errorf("no test misses what is changed: %s", what)
		}
	}
}
