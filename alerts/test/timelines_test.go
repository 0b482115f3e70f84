package test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Timelines are made from two tables: conditions, which an alert is for, and
// disturbances of how they are seen. Every alert has every disturbance at each of
// the intervals that the rules are for.

var intervals = []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}

const day = 24 * time.Hour

// zero is when a condition begins: in the morning of a Monday, when people log in,
// after three weeks of history.
const zero = 21*day + 9*time.Hour + 30*time.Minute

// span is a part of a timeline, since zero, that is scraped and evaluated.
type span struct{ from, to, scrape, evaluate time.Duration }

// spans leaves out of the history what no rule looks at.
func spans(c condition, end, interval time.Duration) []span {
	var all []span
	if c.history > 7*day {
		for _, w := range []time.Duration{14 * day, 7 * day} {
			all = append(all, span{-w - 130*time.Minute, -w + 70*time.Minute, max(interval, time.Minute), 5 * time.Minute})
		}
	} else if c.history > 0 {
		all = append(all, span{-c.history, -c.before(), 5 * time.Minute, 5 * time.Minute})
	}
	step := interval
	if end > 6*time.Hour {
		step = max(interval, 2*time.Minute)
	}
	// Rules are evaluated each half minute or minute; those with long windows see no
	// difference.
	evaluate := max(min(interval, time.Minute), 30*time.Second)
	if end > 3*time.Hour {
		evaluate = time.Minute
	}
	return append(all, span{-c.before(), end, step, evaluate})
}

// timeline plays a condition, of which it stores the metrics that are read.
func timeline(t *testing.T, e *evaluator, metrics []string, c condition, d disturbance, change func(*view), interval, lasts, end time.Duration) {
	t.Helper()
	pods := []pod{{instance: "pod-0"}}
	for len(pods) < c.exporters {
		pods = paired(pods)
	}
	for i := range pods {
		pods[i].from = -22 * day
	}
	pods = d.pods(pods)
	for i := range pods {
		if pods[i].from == 0 {
			pods[i].from = -22 * day
		}
	}
	see := func(exporter int, at time.Duration) *view {
		var clock time.Duration
		if d.clock != nil {
			clock = d.clock(at)
		}
		w := &view{v: healthy(zero+at, clock), exporter: exporter, at: at, lasts: lasts}
		if d.quiet != nil && d.quiet(at) {
			for _, k := range []string{failures, afterFailure, "iam_sessions_started_total"} {
				w.v[k] = logins(zero - 8*day) // as before
			}
			w.v[active] = 0
		}
		change(w)
		w.readable = w.v["iam_source_up"] == 1
		maps.DeleteFunc(w.v, func(k string, _ float64) bool {
			name, _, _ := strings.Cut(k, "{")
			return !slices.Contains(metrics, name)
		})
		return w
	}
	scrapers := make([]scraper, len(pods))
	for i, p := range pods {
		scrapers[i] = scraper{pod: p, last: -22 * day, births: see(p.exporter, p.from).v, storage: e.storage, keys: map[string]labels.Labels{}, seen: map[string]bool{}}
	}
	for _, s := range spans(c, end, interval) {
		next := make([]time.Duration, len(pods))
		for i := range next {
			next[i] = s.from + time.Duration(3+4*i)*time.Second
		}
		for at := s.from; at <= s.to; at += s.evaluate {
			for i := range scrapers {
				for ; next[i] <= at; next[i] += s.scrape {
					if d.begins == 0 || next[i] >= d.begins {
						scrapers[i].scrape(t, next[i], interval, see)
					}
				}
			}
			e.evaluate(zero + at)
		}
	}
}

// scraper is Prometheus at a target.
type scraper struct {
	pod
	births  map[string]float64 // what the counters were when it began
	read    map[string]float64 // of the source, the last time
	storage *memory
	keys    map[string]labels.Labels
	seen    map[string]bool // in the last scrape
	n       int
	last    time.Duration // when it was scraped
	gone    bool
}

func (s *scraper) labels(t *testing.T, k string) labels.Labels {
	l, ok := s.keys[k]
	if !ok {
		m, err := parser.NewParser(parser.Options{}).ParseMetric(k)
		if err != nil {
			t.Fatal(err)
		}
		b := labels.NewBuilder(m).Set("instance", s.instance).Set("job", "iam_session_exporter")
		if k != "up" && !strings.HasPrefix(k, "iam_session_exporter_") {
			b.Set("source", "prod").Set("api", "intersight")
		}
		l = b.Labels()
		s.keys[k] = l
	}
	return l
}

func (s *scraper) scrape(t *testing.T, at, interval time.Duration, see func(int, time.Duration) *view) {
	if at < s.from || s.gone {
		return
	}
	if s.to != 0 && at >= s.to { // the target is forgotten
		for k := range s.seen {
			s.storage.gone(s.labels(t, k), zero+at)
		}
		s.storage.gone(s.labels(t, "up"), zero+at)
		s.gone = true
		return
	}
	w := see(s.exporter, at)
	since := at - s.last
	s.last = at
	s.n++
	if len(s.restarts) > 0 && at >= s.restarts[0] {
		if at < s.restarts[0]+30*time.Second {
			w.dead = true
		} else {
			s.births = see(s.exporter, s.restarts[0]+30*time.Second).v
			s.restarts = s.restarts[1:]
		}
	}
	switch {
	case w.dead || s.fails != nil && s.fails(s.n, at, interval):
		w.v = nil
	case s.unread != nil && s.unread(s.n, at) && w.readable && since < time.Hour: // else a part of history is left out
		last := s.read // what was counted, and when it was read, stays
		w.v = maps.Clone(last)
		fail(w)
		if _, read := w.v[success]; read {
			w.v[success] = last[success]
		}
	default:
		s.read = w.v
	}
	up := 1.0
	if w.v == nil {
		up = 0
	}
	s.storage.add(s.labels(t, "up"), zero+at, up)
	for k := range s.seen {
		if _, there := w.v[k]; !there {
			s.storage.gone(s.labels(t, k), zero+at)
			delete(s.seen, k)
		}
	}
	for k, v := range w.v {
		if name, _, _ := strings.Cut(k, "{"); counter(name) {
			v -= s.births[k]
		}
		s.storage.add(s.labels(t, k), zero+at, v)
		s.seen[k] = true
	}
}

// together counts how often, and from when to when, any of the labels of an alert
// fires, and how many of them at a time at most.
func together(r *evaluated) (all []episode, most int) {
	for _, x := range r.episodes {
		for _, one := range x {
			if one.from > zero-day { // a holiday itself is one without sessions
				all = append(all, one)
			}
		}
	}
	for _, x := range all {
		n := 0
		for _, y := range all {
			if y.from <= x.from && x.from <= y.to {
				n++
			}
		}
		most = max(most, n)
	}
	slices.SortFunc(all, func(a, b episode) int { return int(a.from - b.from) })
	var joined []episode
	for _, x := range all {
		if n := len(joined); n > 0 && x.from <= joined[n-1].to+time.Minute {
			joined[n-1].to = max(joined[n-1].to, x.to)
			continue
		}
		joined = append(joined, x)
	}
	return joined, most
}

// before is how long before and after a condition a timeline goes on: the longest
// window of its rule, and some minutes.
func (c condition) before() time.Duration {
	if c.weekly() || c.alert == "IAMSourceFlapping" {
		return 75 * time.Minute
	}
	return 40 * time.Minute
}

// weekly tells whether rules look back by weeks.
func (c condition) weekly() bool { return c.history > 7*day }

// Every alert fires in time, once, for one source, and resolves, whatever disturbs
// what is seen; and does not fire at what is just below its threshold.
func TestTimelines(t *testing.T) {
	engine := newEngine()
	byName := map[string]family{}
	for _, f := range families(t) {
		byName[f.name] = f
	}
	for _, c := range conditions {
		name := strings.TrimSpace(c.alert + " " + c.severity + " " + c.what)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, d := range disturbances {
				if !d.applies(c) {
					continue
				}
				for _, interval := range intervals {
					f := byName[c.alert]
					for _, w := range play(t, engine, f, f.rules, c, d, interval) {
						t.Error(w)
					}
				}
			}
		})
	}
}

// play returns what is wrong with what fires in a timeline.
func play(t *testing.T, engine *promql.Engine, f family, rules []rule, c condition, d disturbance, interval time.Duration) (wrong []string) {
	find := func(e *evaluator) *evaluated {
		for _, r := range e.rules {
			if r.Alert == c.alert && r.Labels["severity"] == c.severity {
				return r
			}
		}
		t.Fatalf("no such alert: %s %s", c.alert, c.severity)
		return nil
	}
	rules = slices.Clone(rules)
	for i := range rules { // the job of all targets here; a regular expression takes longer
		rules[i].Expr = strings.ReplaceAll(rules[i].Expr, `job=~"iam[-_]session.*"`, `job="iam_session_exporter"`)
	}
	e := newEvaluator(t, engine, rules)
	r := find(e)
	hold := duration(t, cmp.Or(f.rule(c.severity).For, "0s"))
	lasts := c.lasts
	if lasts == 0 {
		lasts = 2*hold + 30*time.Minute
	}
	keep := duration(t, cmp.Or(f.rule(c.severity).KeepFiringFor, "0s"))
	end := lasts + c.before() + keep
	if c.ends {
		end = 2*time.Hour + c.before() + keep
	}
	say := func(e *evaluator, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s, every %s: %s; fired:\n%s", d.name, interval, fmt.Sprintf(format, args...), strings.Join(e.fired(zero), "\n")))
	}

	timeline(t, e, f.metrics, c, d, c.hit, interval, lasts, end)
	got, most := together(r)
	latest := zero + c.delay + 2*hold + 5*time.Minute + interval + time.Minute
	expected := 1
	switch {
	case d.weekly == "none", slices.Contains(c.blind, d.name):
		expected = 0
	case d.ends && 12*time.Minute < c.delay+hold:
		expected = len(got) // there may be time enough, or not
	}
	if len(got) > 1 || len(got) != expected {
		say(e, "%d episodes rather than %d", len(got), expected)
	}
	if len(got) > 0 && expected > 0 && got[0].from > latest {
		say(e, "fires late, after %s", got[0].from-zero)
	}
	if len(got) > 0 && got[0].from < zero+hold-2*time.Minute {
		say(e, "fires early")
	}
	if len(got) > 0 && got[len(got)-1].to >= zero+end-time.Minute {
		say(e, "does not resolve")
	}
	if most > 1 && !c.byExporter {
		say(e, "%d alerts at a time", most)
	}
	if !c.byExporter && len(r.episodes) > 1 {
		say(e, "%d identities", len(r.episodes))
	}

	if c.miss == nil {
		return wrong
	}
	e = newEvaluator(t, engine, rules)
	timeline(t, e, f.metrics, c, d, c.miss, interval, lasts, end)
	if got, _ := together(find(e)); len(got) > 0 {
		say(e, "fires without cause")
	}
	return wrong
}

// rule returns the alert of a severity.
func (f family) rule(severity string) rule {
	for _, r := range f.rules {
		if r.Alert != "" && r.Labels["severity"] == severity {
			return r
		}
	}
	return rule{}
}

// applies tells whether a disturbance says something of a condition.
func (d disturbance) applies(c condition) bool {
	switch {
	case d.weekly != "":
		return c.weekly()
	case d.ends:
		return !c.vanished
	case d.kills:
		return c.alert != "IAMExporterDown"
	case d.flaps:
		return c.alert != "IAMSourceFlapping"
	case d.replaces: // what replaces an exporter that is ill is another one
		return !c.byExporter || c.exporters > 1
	}
	return true
}

// timelinesMiss tells whether any timeline of an alert is wrong with other rules.
func (f family) timelinesMiss(t *testing.T, engine *promql.Engine, rules []rule) bool {
	for _, c := range conditions {
		if c.alert != f.name || c.lasts > 6*time.Hour && !c.ends {
			continue
		}
		for _, d := range disturbances {
			if !d.applies(c) {
				continue
			}
			if len(play(t, engine, f, rules, c, d, 2*time.Minute)) > 0 {
				return true
			}
			// When an exporter ended is a matter of minutes.
			if d.kills && len(play(t, engine, f, rules, c, d, 30*time.Second)) > 0 {
				return true
			}
		}
	}
	return false
}

// No alert is without conditions.
func TestEveryAlertHasTimelines(t *testing.T) {
	for _, r := range load(t) {
		if r.Alert != "" && !slices.ContainsFunc(conditions, func(c condition) bool {
			return c.alert == r.Alert && c.severity == r.Labels["severity"] && c.miss != nil
		}) {
			t.Errorf("no timelines of %s %s, which fires and does not", r.Alert, r.Labels["severity"])
		}
	}
}
