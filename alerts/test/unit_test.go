package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	prommodel "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// The unit tests hold of all rules. promtool says the same of those without long
// histories; of those, which take it minutes, `make soak` asks it.
func TestUnitTests(t *testing.T) {
	rules, engine := load(t), newEngine()
	for _, u := range loadTests(t) {
		t.Run(u.file+" "+u.Name, func(t *testing.T) {
			t.Parallel()
			var metrics []string
			for _, s := range u.Series {
				name, _, _ := strings.Cut(s.Series, "{")
				metrics = append(metrics, name)
			}
			e := newEvaluator(t, engine, u.scraped(t, metrics), rules)
			for _, r := range e.rules {
				r.results = map[string][]result{}
			}
			all := u.times(t)
			e.evaluate(all)
			u.checkCounts(t, e, all.step)
			u.checkAlerts(t, e, all.step)
		})
	}
}

// checkCounts compares how many alerts of each name and severity fire.
func (u unitTest) checkCounts(t *testing.T, e *evaluator, step time.Duration) {
	t.Helper()
	for _, x := range u.Exprs {
		from, to := asked(t, x.Expr, x.Time, step)
		got, want := map[string]int{}, map[string]int{}
		for _, r := range e.rules {
			if n := e.firing(r.Alert, r.Labels["severity"], from, to); r.Alert != "" && n > 0 {
				got[fmt.Sprintf("{alertname=%q, severity=%q}", r.Alert, r.Labels["severity"])] = n
			}
		}
		for _, s := range x.Samples {
			want[s.Labels] = s.Value
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s at %s: got %v, want %v", x.Expr, x.Time, got, want)
		}
	}
}

// checkAlerts compares labels and annotations of alerts.
func (u unitTest) checkAlerts(t *testing.T, e *evaluator, step time.Duration) {
	t.Helper()
	for _, a := range u.Alerts {
		at := duration(t, a.Time) / step * step
		var got, want []string
		for _, r := range e.rules {
			for k, episodes := range r.episodes {
				if r.Alert == a.Name && slices.ContainsFunc(episodes, func(x episode) bool { return x.from <= at && at <= x.to }) {
					got = append(got, r.shown(t, k, at))
				}
			}
		}
		for _, w := range a.Want {
			want = append(want, fmt.Sprint(w.Labels, w.Annotations))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s at %s: got\n%s\nwant\n%s", a.Name, a.Time, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// shown are the labels and annotations of an alert at a time.
func (r *evaluated) shown(t *testing.T, k string, at time.Duration) string {
	t.Helper()
	var last result // an alert that is kept firing keeps its value
	for _, x := range r.results[k] {
		if x.at <= at {
			last = x
		}
	}
	of := last.labels.Map()
	delete(of, "__name__")
	data := template.AlertTemplateData(of, nil, "", promql.Sample{F: last.value})
	const variables = "{{$labels := .Labels}}{{$value := .Value}}"
	annotations := map[string]string{}
	for name, text := range r.Annotations {
		x := template.NewTemplateExpander(t.Context(), variables+text, name, data, prommodel.Time(at.Milliseconds()), nil, nil, nil)
		text, err := x.Expand()
		if err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
		annotations[name] = text
	}
	maps.Copy(of, r.Labels)
	return fmt.Sprint(of, annotations)
}
