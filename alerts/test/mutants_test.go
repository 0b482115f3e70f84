package test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

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
