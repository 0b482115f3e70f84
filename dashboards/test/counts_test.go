package test

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// What is played: two sources, which one or more exporters read. Each counter of
// events grows by 20 in the last hour, and by 6 in the same hour a week ago.
const week = 7 * 24 * time.Hour

var (
	end    = 2 * week
	events = map[time.Duration]float64{
		end - 40*time.Minute: 12, end - 20*time.Minute: 1, end - 10*time.Minute: 7,
		end - week - 50*time.Minute: 4, end - week - 15*time.Minute: 2,
	}
	played = [][2]time.Duration{{end - week - 2*time.Hour, end - week + 10*time.Minute}, {end - 2*time.Hour, end}}
)

// life is one of an exporter's process, which counts from 0; one that is there at
// first has counted before.
type life struct {
	instance string
	from, to time.Duration
	late     bool // scraped half an interval later
}

const always = 4 * week

// worlds are seen in the same way by whoever looks at sources. near is how far off
// a count may be where Prometheus extrapolates: the first and the last sample of an
// hour are up to two intervals nearer to each other than an hour.
var worlds = map[string]struct {
	lives []life
	near  bool
}{
	"a pair":                    {lives: []life{{"a", 0, always, false}, {"b", 0, always, true}}},
	"a replaced pod":            {lives: []life{{"a", 0, end - 25*time.Minute, false}, {"b", end - 25*time.Minute, always, true}}},
	"a pod that kept its name":  {lives: []life{{"a", 0, end - 25*time.Minute, false}, {"a", end - 25*time.Minute, always, false}}, near: true},
	"a pair, one replaced":      {lives: []life{{"a", 0, always, false}, {"b", 0, end - 25*time.Minute, true}, {"c", end - 25*time.Minute, always, true}}},
	"a pair, both replaced":     {lives: []life{{"a", 0, end - 26*time.Minute, false}, {"b", 0, end - 25*time.Minute, true}, {"c", end - 25*time.Minute, always, false}, {"d", end - 25*time.Minute, always, true}}},
	"a pair, one new":           {lives: []life{{"a", 0, always, false}, {"b", end - 30*time.Minute, always, true}}},
	"a pair, one gone":          {lives: []life{{"a", 0, always, true}, {"b", 0, end - 30*time.Minute, false}}},
	"replaced, of an older one": {lives: []life{{"z", 0, end - week + time.Hour, false}, {"a", end - 2*week/3, end - 25*time.Minute, false}, {"b", end - 25*time.Minute, always, false}}},
}

// exposition is a metric of collector's tests, of a source with another name.
type exposition struct {
	labels labels.Labels
	value  float64
}

func expositions(t *testing.T) (all []exposition) {
	t.Helper()
	for _, name := range []string{"intersight", "oam"} {
		for _, s := range read(t, "../../collector/testdata/"+name+".prom") {
			b := labels.NewBuilder(labels.EmptyLabels())
			for label, value := range s.Metric {
				b.Set(string(label), string(value))
			}
			all = append(all, exposition{b.Set("source", name).Labels(), float64(s.Value)})
		}
	}
	for name, v := range map[string]float64{"up": 1, "iam_session_exporter_build_info": 1, "iam_session_exporter_config_last_reload_successful": 1} {
		all = append(all, exposition{labels.FromStrings(labels.MetricName, name), v})
	}
	return all
}

// at is what a process that began at from exposes at a time.
func (x exposition) at(from, now time.Duration) float64 {
	name := x.labels.Get(labels.MetricName)
	counted := func() (n float64) {
		for when, by := range events {
			if when > from && when <= now {
				n += by
			}
		}
		if from == 0 {
			n += 100
		}
		return n
	}
	since := (now - from).Minutes()
	switch {
	case strings.HasSuffix(name, "_timestamp_seconds"):
		return (end - 3*time.Hour).Seconds()
	case strings.HasPrefix(name, "iam_source_request"):
		if strings.HasSuffix(name, "requests") {
			return x.value
		}
		return 3 * since
	case name == "iam_source_errors_total":
		if x.labels.Get("reason") != "timeout" {
			return 0
		}
		return counted()
	case name == "iam_source_connections_total":
		return since
	case strings.HasSuffix(name, "_bucket"):
		if le, err := strconv.ParseFloat(x.labels.Get("le"), 64); err == nil && le < 14400 {
			return 0
		}
		return counted()
	case strings.HasSuffix(name, "_total"), strings.HasSuffix(name, "_count"):
		return counted()
	}
	return x.value
}

// play scrapes exporters.
func play(lives []life, all []exposition, every time.Duration) *memory {
	m := newMemory()
	for _, l := range lives {
		of := func(x exposition) labels.Labels {
			return labels.NewBuilder(x.labels).Set("instance", l.instance).Set("job", "iam_session_exporter").Labels()
		}
		for _, span := range played {
			at := span[0]
			if l.late {
				at += every / 2
			}
			for ; at < l.from; at += every {
			}
			begun := l.from
			if begun > span[0] {
				begun = at // the first scrape finds what is there already, which is not counted
			}
			for ; at <= span[1] && at < l.to; at += every {
				for _, x := range all {
					m.add(of(x), at, x.at(begun, at))
				}
			}
			for _, x := range all {
				if s := m.byHash[of(x).Hash()]; s != nil && l.to <= span[1] && l.to > span[0] {
					m.gone(of(x), max(l.to, time.Duration(s.samples[len(s.samples)-1].T())*time.Millisecond+time.Millisecond))
				}
			}
		}
	}
	return m
}

// record evaluates the recording rules.
func record(t *testing.T, engine *promql.Engine, m *memory, at time.Duration) {
	t.Helper()
	for _, r := range rules(t) {
		if r.Record == "" {
			continue
		}
		for _, x := range query(t, engine, m, r.Expr, at) {
			m.add(labels.NewBuilder(x.Metric).Set(labels.MetricName, r.Record).Labels(), at, x.F)
		}
	}
}

// counts are what the panels say which count events in an hour, of all sources.
var counts = map[string]float64{
	"overview, Failed logins/h": 20, "overview, Sessions started and ended per hour": 2*20 + 2*5*20,
	"overview, Failed logins per hour": 20,
	"security, Failed logins/h":        20, "security, Logins after failures/h": 20, "security, Terminated sessions/h": 2 * 20,
	"security, Failed logins per hour": 20 + 6, "security, Logins after failures per hour": 20 + 6,
	"security, Sessions started per hour": 2*20 + 2*6, "security, Sessions ended per hour by reason": 2 * 5 * 20,
	"operations, Failed scrapes/h": 2 * 20, "operations, Sources": 2 * 20,
}

// Each panel shows of each world what it shows of a single exporter, but for what
// is about exporters. Those that count have the true number.
func TestCounts(t *testing.T) {
	all, engine := expositions(t), newEngine()
	type shown struct{ dashboard, panel, expr string }
	var targets []shown
	for name, d := range load(t) {
		for _, p := range d.all() {
			for _, g := range p.Targets {
				targets = append(targets, shown{name, p.Title, substituted.Replace(g.Expr)})
			}
		}
	}
	for i, every := range []time.Duration{15 * time.Second, time.Minute, 2 * time.Minute, 15 * time.Second, time.Minute, 2 * time.Minute} {
		play := func(lives []life, all []exposition, every time.Duration) *memory {
			m := play(lives, all, every)
			if i >= 3 { // the same with the rules
				record(t, engine, m, end-week)
				record(t, engine, m, end)
			}
			return m
		}
		ask := func(m *memory, s shown) map[string]float64 {
			got := map[string]float64{}
			for _, x := range query(t, engine, m, s.expr, end) {
				if x.Metric.Get("instance") == "" {
					got[x.Metric.String()] = x.F
				}
			}
			return got
		}
		alone := play([]life{{"a", 0, always, false}}, all, every)
		found := map[string]float64{}
		for _, s := range targets {
			if !strings.Contains(s.expr, "[1h]") || !strings.Contains(s.expr, "increase(") || strings.Contains(s.expr, "quantile") {
				continue
			}
			sum := 0.0
			for _, v := range ask(alone, s) {
				sum += v
			}
			found[s.dashboard+", "+s.panel] += sum
		}
		if !maps.EqualFunc(found, counts, func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }) {
			t.Errorf("every %s: a single exporter: %v, want %v", every, found, counts)
		}
		for name, world := range worlds {
			m := play(world.lives, all, every)
			for _, s := range targets {
				got, want := ask(m, s), ask(alone, s)
				if s.panel == "API requests by code" && strings.HasPrefix(name, "a pair") {
					continue // each exporter sends its own
				}
				near := 1e-6
				if world.near || strings.Contains(s.expr, "rate(") || strings.Contains(s.expr, "timestamp(") {
					near = 2 * every.Hours() // what lies between scrapes
				}
				if !maps.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= near*math.Max(1, math.Abs(b)) }) {
					t.Errorf("%s, scraped every %s: %s, %s: %v, want %v\n%s", name, every, s.dashboard, s.panel, got, want, s.expr)
				}
			}
		}
	}
	if len(targets) < 70 {
		t.Errorf("only %d queries", len(targets))
	}
}

// The number of alerts is that of the rows of their table, also where several
// Prometheus have evaluated the rules.
func TestAlertsFiring(t *testing.T) {
	engine, m := newEngine(), newMemory()
	for _, prometheus := range []string{"a", "b"} {
		for _, l := range [][4]string{{"IAMLoginAfterFailures", "critical", "prod", ""}, {"IAMLoginAfterFailures", "warning", "prod", ""}, {"IAMIdleTimeoutWeak", "info", "prod", ""}, {"IAMSourceDown", "warning", "sso", "b"}, {"IAMExporterDown", "warning", "", "b"}} {
			b := labels.NewBuilder(labels.FromStrings(labels.MetricName, "ALERTS_FOR_STATE", "alertname", l[0], "severity", l[1], "source", l[2], "instance", l[3], "prometheus", prometheus))
			m.add(b.Labels(), end, 0)
			m.add(b.Set(labels.MetricName, "ALERTS").Set("alertstate", "firing").Labels(), end, 1)
			m.add(b.Set("alertstate", "pending").Set("alertname", "IAMSourceSlow").Labels(), end, 1)
		}
	}
	quiet := newMemory() // a source that is down, so that little is recorded of it
	quiet.add(labels.FromStrings(labels.MetricName, "source:iam_source_up:max", "source", "prod", "api", "intersight"), end, 0)
	for name, d := range load(t) {
		for _, p := range d.all() {
			if p.Title != "Alerts firing" && p.Title != "Alerts that fire" {
				continue
			}
			number := func(m *memory) (n float64) {
				for _, g := range p.Targets {
					v := query(t, engine, m, substituted.Replace(g.Expr), end)
					if p.Type == "stat" && len(v) != 1 {
						t.Errorf("%s, %s: %v", name, p.Title, v)
					}
					for _, x := range v {
						if p.Type == "stat" {
							n += x.F
						}
					}
					if p.Type == "table" {
						n = max(n, float64(len(v))) // rows, of each column
					}
				}
				return n
			}
			if got := number(m); got != 5 {
				t.Errorf("%s, %s: %v alerts", name, p.Title, got)
			}
			if got := number(quiet); got != 0 {
				t.Errorf("%s, %s: %v alerts where there is none", name, p.Title, got)
			}
		}
	}
}

// Exporters of one source may have different timeouts: what counts is the share of
// its own that one takes, as in IAMSourceSlow.
func TestShareOfTimeout(t *testing.T) {
	engine, m, asked := newEngine(), newMemory(), 0
	for instance, timeout := range map[string]float64{"a": 10, "b": 30} {
		for metric, v := range map[string]float64{"iam_source_scrape_duration_seconds": 9, "iam_source_timeout_seconds": timeout} {
			m.add(labels.FromStrings(labels.MetricName, metric, "source", "sso", "api", "oam", "instance", instance), end, v)
		}
	}
	for name, d := range load(t) {
		for _, p := range d.all() {
			for _, g := range p.Targets {
				if !strings.Contains(g.Expr, "iam_source_timeout_seconds") {
					continue
				}
				asked++
				if v := query(t, engine, m, substituted.Replace(g.Expr), end); len(v) != 1 || math.Abs(v[0].F-0.9) > 1e-9 {
					t.Errorf("%s, %s: %v, want 0.9", name, p.Title, v)
				}
			}
		}
	}
	if asked < 2 {
		t.Errorf("only %d panels", asked)
	}
}
