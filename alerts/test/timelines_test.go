package test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
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
type span struct {
	times
	scrape time.Duration
}

// spans leaves out of the history what no rule looks at.
func spans(c condition, end, interval time.Duration) []span {
	var all []span
	if c.history > 7*day {
		for _, w := range []time.Duration{14 * day, 7 * day} {
			all = append(all, span{times{-w - 130*time.Minute, -w + 70*time.Minute, 5 * time.Minute}, max(interval, time.Minute)})
		}
	} else if c.history > 0 {
		all = append(all, span{times{-c.history, -c.before(), 5 * time.Minute}, 5 * time.Minute})
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
	return append(all, span{times{-c.before(), end, evaluate}, step})
}

// timeline is a condition with a disturbance, scraped at an interval.
type timeline struct {
	family
	condition
	disturbance disturbance
	interval    time.Duration
	hold, keep  time.Duration // as the alert has them
	end         time.Duration
	played      map[bool]*memory // what is scraped, by whether the condition is met
}

func newTimeline(t *testing.T, f family, c condition, d disturbance, interval time.Duration) *timeline {
	t.Helper()
	x := &timeline{family: f, condition: c, disturbance: d, interval: interval, played: map[bool]*memory{}}
	r := f.rule(c.severity)
	x.hold, x.keep = f.hold(t, r), duration(t, cmp.Or(r.KeepFiringFor, "0s"))
	if x.lasts == 0 {
		x.lasts = 2*x.hold + 30*time.Minute
	}
	x.end = x.lasts + c.before() + x.keep
	if c.ends {
		x.end = 2*time.Hour + c.before() + x.keep
	}
	return x
}

// scraped plays the condition, or what is nearest to it and is none, and returns
// what is scraped of the metrics that the rules read.
func (x *timeline) scraped(t *testing.T, met bool) *memory {
	t.Helper()
	if done := x.played[met]; done != nil {
		return done
	}
	c, d := x.condition, x.disturbance
	change := c.miss
	if met {
		change = c.hit
	}
	all := newMemory()
	x.played[met] = all
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
		w := &view{v: healthy(zero+at, clock), exporter: exporter, at: at, lasts: x.lasts}
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
			return !slices.Contains(x.metrics, name)
		})
		return w
	}
	scrapers := make([]scraper, len(pods))
	for i, p := range pods {
		scrapers[i] = scraper{pod: p, last: -22 * day, births: see(p.exporter, p.from).v, storage: all, series: map[string]*series{}, seen: map[string]bool{}}
	}
	for _, s := range spans(c, x.end, x.interval) {
		next := make([]time.Duration, len(pods))
		for i := range next {
			next[i] = s.from + time.Duration(3+4*i)*time.Second
		}
		for i := range scrapers {
			for ; next[i] <= s.last(); next[i] += s.scrape {
				if d.begins == 0 || next[i] >= d.begins {
					scrapers[i].scrape(t, next[i], x.interval, see)
				}
			}
		}
	}
	return all
}

// scraper is Prometheus at a target.
type scraper struct {
	pod
	births  map[string]float64 // what the counters were when it began
	read    map[string]float64 // of the source, the last time
	storage *memory
	series  map[string]*series
	seen    map[string]bool // in the last scrape
	n       int
	last    time.Duration // when it was scraped
	gone    bool
}

func (s *scraper) of(t *testing.T, k string) *series {
	x, ok := s.series[k]
	if !ok {
		m, err := parser.NewParser(parser.Options{}).ParseMetric(k)
		if err != nil {
			t.Fatal(err)
		}
		b := labels.NewBuilder(m).Set("instance", s.instance).Set("job", "iam_session_exporter")
		if k != "up" && !strings.HasPrefix(k, "iam_session_exporter_") {
			b.Set("source", "prod").Set("api", "intersight")
		}
		x = s.storage.series(b.Labels())
		s.series[k] = x
	}
	return x
}

func (s *scraper) scrape(t *testing.T, at, interval time.Duration, see func(int, time.Duration) *view) {
	if at < s.from || s.gone {
		return
	}
	if s.to != 0 && at >= s.to { // the target is forgotten
		for k := range s.seen {
			s.of(t, k).gone(zero + at)
		}
		s.of(t, "up").gone(zero + at)
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
	s.of(t, "up").add(zero+at, up)
	for k := range s.seen {
		if _, there := w.v[k]; !there {
			s.of(t, k).gone(zero + at)
			delete(s.seen, k)
		}
	}
	for k, v := range w.v {
		if name, _, _ := strings.Cut(k, "{"); counter(name) {
			v -= s.births[k]
		}
		s.of(t, k).add(zero+at, v)
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
	var n atomic.Int64
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
					x := newTimeline(t, byName[c.alert], c, d, interval)
					for _, w := range x.wrong(t, engine, x.rules) {
						t.Error(w)
					}
					n.Add(int64(len(x.played)))
				}
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d timelines", n.Load()) })
}

// fired evaluates rules over the timeline.
func (x *timeline) fired(t *testing.T, engine *promql.Engine, rules []rule, met bool) (*evaluator, *evaluated) {
	t.Helper()
	e := newEvaluator(t, engine, x.scraped(t, met), rules)
	for _, s := range spans(x.condition, x.end, x.interval) {
		e.evaluate(times{zero + s.from, zero + s.to, s.step})
	}
	for _, r := range e.rules {
		if r.Alert == x.alert && r.Labels["severity"] == x.severity {
			return e, r
		}
	}
	t.Fatalf("no such alert: %s %s", x.alert, x.severity)
	return nil, nil
}

// wrong returns what is wrong with what fires in a timeline.
func (x *timeline) wrong(t *testing.T, engine *promql.Engine, rules []rule) (wrong []string) {
	t.Helper()
	c, d := x.condition, x.disturbance
	rules = slices.Clone(rules)
	for i := range rules { // the job of all targets here; a regular expression takes longer
		rules[i].Expr = strings.ReplaceAll(rules[i].Expr, `job=~"iam[-_]session.*"`, `job="iam_session_exporter"`)
	}
	say := func(e *evaluator, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s, every %s: %s; fired:\n%s", d.name, x.interval, fmt.Sprintf(format, args...), strings.Join(e.fired(zero), "\n")))
	}

	e, r := x.fired(t, engine, rules, true)
	got, most := together(r)
	latest := zero + c.delay + 2*x.hold + 5*time.Minute + x.interval + time.Minute
	expected := 1
	switch {
	case d.weekly == "none", slices.Contains(c.blind, d.name):
		expected = 0
	case d.ends && 12*time.Minute < c.delay+x.hold:
		expected = len(got) // there may be time enough, or not
	}
	if len(got) > 1 || len(got) != expected {
		say(e, "%d episodes rather than %d", len(got), expected)
	}
	if len(got) > 0 && expected > 0 && got[0].from > latest {
		say(e, "fires late, after %s", got[0].from-zero)
	}
	if len(got) > 0 && got[0].from < zero+x.hold-2*time.Minute {
		say(e, "fires early")
	}
	if len(got) > 0 && got[len(got)-1].to >= zero+x.end-time.Minute {
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
	e, r = x.fired(t, engine, rules, false)
	if got, _ := together(r); len(got) > 0 {
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

// hold is how long an alert waits: its for, or what it reads must have held.
func (f family) hold(t *testing.T, r rule) time.Duration {
	for _, x := range f.rules {
		if m := heldFor.FindStringSubmatch(x.Expr); m != nil && r.For == "" {
			return duration(t, m[2])
		}
	}
	return duration(t, cmp.Or(r.For, "0s"))
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

// timelines are those that rules with a part changed have to get wrong, in any of them.
func (f family) timelines(t *testing.T) (all []*timeline) {
	for _, c := range conditions {
		if c.alert != f.name || c.lasts > 6*time.Hour && !c.ends {
			continue
		}
		for _, d := range disturbances {
			if !d.applies(c) {
				continue
			}
			all = append(all, newTimeline(t, f, c, d, 2*time.Minute))
			if d.kills { // when an exporter ended is a matter of minutes
				all = append(all, newTimeline(t, f, c, d, 30*time.Second))
			}
		}
	}
	return all
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

// A rule evaluated over many times at once gives what it gives time by time.
func TestTimesAtOnce(t *testing.T) {
	engine := newEngine()
	for _, f := range families(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, x := range f.timelines(t) {
				if !slices.Contains(atOnce, x.disturbance.name) {
					continue
				}
				want := newEvaluator(t, engine, x.scraped(t, true), x.rules)
				for _, s := range spans(x.condition, x.end, x.interval) {
					for at := s.from; at <= s.to; at += s.step {
						want.evaluate(times{zero + at, zero + at, s.step})
					}
				}
				got, _ := x.fired(t, engine, x.rules, true)
				if got, want := got.fired(zero), want.fired(zero); !slices.Equal(got, want) {
					t.Errorf("%s, %s: got\n%s\nwant\n%s", x.what, x.disturbance.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

var atOnce = []string{"a pair, one is replaced, every third scrape fails", "a holiday last week", "last week missing, a gap in the one before"}
