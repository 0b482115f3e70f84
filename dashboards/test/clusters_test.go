package test

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// elsewhere is what two clusters send to one Prometheus, each twice, from exporters
// of the same name. That in west can't be scraped any more.
func elsewhere(t *testing.T) *memory {
	t.Helper()
	m, all := newMemory(), expositions(t)
	for name, v := range map[string]float64{
		"process_start_time_seconds": 1000, "iam_session_exporter_config_last_reload_success_timestamp_seconds": 2000,
		"process_resident_memory_bytes": 3e7, "process_cpu_seconds_total": 7,
	} {
		all = append(all, exposition{labels.FromStrings(labels.MetricName, name), v})
	}
	for _, where := range []string{"east", "west"} {
		for _, replica := range []string{"0", "1"} {
			for _, x := range all {
				l := labels.NewBuilder(x.labels).Set("instance", "monitoring/iam-session-exporter-0").Set("job", "iam-session-exporter").Set("cluster", where).Set("replica", replica).Labels()
				for at := end - 2*time.Hour; at <= end; at += time.Minute {
					v := x.value
					if l.Get(labels.MetricName) == "up" && where == "west" {
						v = 0
					}
					m.add(l, at, v)
				}
			}
		}
	}
	return m
}

// Exporters of the same name in two clusters stay two.
func TestClusters(t *testing.T) {
	engine, m := newEngine(), elsewhere(t)
	want := map[string]float64{"Exporters": 2, "Memory": 2, "CPU": 2, "Exporters down": 1}
	each(t, func(t *testing.T, d *dashboard) {
		for _, a := range d.Annotations.List {
			rows := len(query(t, engine, m, substituted.Replace(a.Expr), end))
			if a.Name != "Alerts" && rows != 2 {
				t.Errorf("%s: %d", a.Name, rows)
			}
		}
		for _, p := range d.all() {
			for _, g := range p.Targets {
				v := query(t, engine, m, substituted.Replace(g.Expr), end)
				if n := want[p.Title]; n > 0 && len(v) != int(n) && p.Type != "stat" {
					t.Errorf("%s: %d rows, want %v\n%s", p.Title, len(v), n, g.Expr)
				} else if n > 0 && p.Type == "stat" && (len(v) != 1 || v[0].F != n) {
					t.Errorf("%s: %v, want %v\n%s", p.Title, v, n, g.Expr)
				}
			}
		}
	})
}

// Where nothing moves, a quotient or a quantile of it is absent, and the panel says
// so: what is not a number is drawn as nothing, without a word.
func TestNotANumber(t *testing.T) {
	engine, m, absent := newEngine(), elsewhere(t), map[string]any{}
	each(t, func(t *testing.T, d *dashboard) {
		for _, p := range d.all() {
			for _, g := range p.Targets {
				v := query(t, engine, m, substituted.Replace(g.Expr), end)
				for _, x := range v {
					if math.IsNaN(x.F) || math.IsInf(x.F, 0) {
						t.Errorf("%s: got %v, want a number or nothing\n%s", p.Title, x, g.Expr)
					}
				}
				if len(v) == 0 {
					absent[p.Title] = p.FieldConfig.Defaults["noValue"]
				}
			}
		}
	})
	for title, want := range map[string]string{"API latency": "No data: no API was asked", "Session duration": "No data: no session of known length ended within an hour"} {
		if got := absent[title]; got != want {
			t.Errorf("%s: got %q, want %q", title, got, want)
		}
	}
}
