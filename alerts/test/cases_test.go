package test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

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
