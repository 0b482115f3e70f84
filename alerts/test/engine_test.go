package test

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// What is here evaluates rules as Prometheus does, on its own query engine, over
// series in memory: a history of weeks takes milliseconds. The unit tests of
// promtool show that a real Prometheus agrees on for and keep_firing_for.
//
// A rule reads only what was scraped and what the rules before it recorded. So each
// is evaluated over all times by one range query, before the next rule is; the query
// engine then computes a subquery once, not once for each time. A rule that reads
// itself is evaluated time by time.

// point is a sample at a time in milliseconds.
type point struct {
	t int64
	f float64
}

func (p point) T() int64                      { return p.t }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.f }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// memory is a storage of all samples, by the name of their metric.
type memory struct {
	byName map[string][]*series
	byHash map[uint64]*series
}

func newMemory() *memory {
	return &memory{byName: map[string][]*series{}, byHash: map[uint64]*series{}}
}

// series returns the series with these labels, a new one if there is none.
func (m *memory) series(l labels.Labels) *series {
	h := l.Hash()
	s := m.byHash[h]
	if s == nil {
		s = &series{labels: l}
		m.byHash[h] = s
		name := l.Get(labels.MetricName)
		m.byName[name] = append(m.byName[name], s)
	}
	return s
}

// add appends a sample. Samples come in order.
func (s *series) add(at time.Duration, v float64) {
	s.samples = append(s.samples, point{at.Milliseconds(), v})
}

// gone marks a series as ended, as a failed scrape does.
func (s *series) gone(at time.Duration) { s.add(at, math.Float64frombits(value.StaleNaN)) }

// both is what was scraped, which several evaluators may share, and what the rules
// of one recorded.
type both struct{ scraped, recorded *memory }

func (b both) named(name string) []*series {
	if all := b.recorded.byName[name]; len(all) > 0 {
		return all
	}
	return b.scraped.byName[name]
}

func (b both) Querier(mint, maxt int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		from, to := mint, maxt
		if hints != nil {
			from, to = hints.Start, hints.End
		}
		name := ""
		for _, x := range matchers {
			if x.Name == labels.MetricName && x.Type == labels.MatchEqual {
				name = x.Value
			}
		}
		set := &seriesSet{}
	next:
		for _, s := range b.named(name) {
			for _, x := range matchers {
				if !x.Matches(s.labels.Get(x.Name)) {
					continue next
				}
			}
			at := func(t int64) int {
				i, _ := slices.BinarySearchFunc(s.samples, t, func(x chunks.Sample, t int64) int { return int(x.T() - t) })
				return i
			}
			if a, b := at(from), at(to+1); a < b {
				set.all = append(set.all, storage.NewListSeries(s.labels, s.samples[a:b]))
			}
		}
		return set
	}}, nil
}

type seriesSet struct {
	all []storage.Series
	at  storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.all) == 0 {
		return false
	}
	s.at, s.all = s.all[0], s.all[1:]
	return true
}
func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// evaluated is a rule under evaluation.
type evaluated struct {
	rule
	hold, keep time.Duration
	itself     bool                    // it reads what it recorded before
	recorded   map[*series]bool        // what the last evaluation recorded
	active     map[string]*activeAlert // by labels
	episodes   map[string][]episode    // of firing, by labels
	results    map[string][]result     // by labels; nil: nobody asks
}

// result is a time at which the condition of an alert holds.
type result struct {
	labels labels.Labels
	at     time.Duration
	value  float64
}

type activeAlert struct {
	since, keepSince time.Duration // keepSince: -1 while the condition holds
	firing           bool
}

// episode is a time for which an alert fires, without interruption.
type episode struct{ from, to time.Duration }

// evaluator evaluates rules in their order.
type evaluator struct {
	t       *testing.T
	storage both
	engine  *promql.Engine
	rules   []*evaluated
}

func newEvaluator(t *testing.T, engine *promql.Engine, scraped *memory, rules []rule) *evaluator {
	e := &evaluator{t: t, storage: both{scraped, newMemory()}, engine: engine}
	for _, r := range rules {
		x := &evaluated{rule: r, recorded: map[*series]bool{}, active: map[string]*activeAlert{}, episodes: map[string][]episode{}}
		x.itself = r.Record != "" && strings.Contains(r.Expr, r.Record)
		if r.For != "" {
			x.hold = duration(t, r.For)
		}
		if r.KeepFiringFor != "" {
			x.keep = duration(t, r.KeepFiringFor)
		}
		e.rules = append(e.rules, x)
	}
	return e
}

// Much is allocated, and little of it lives: collecting it less often saves a fifth.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		Parser: parser.NewParser(parser.Options{}),
	})
}

// times are those from one to another, at a distance.
type times struct{ from, to, step time.Duration }

// last is the last of them.
func (x times) last() time.Duration { return x.from + (x.to-x.from)/x.step*x.step }

// evaluate evaluates all rules at each of the times.
func (e *evaluator) evaluate(x times) {
	for _, r := range e.rules {
		if !r.itself {
			e.query(r, x)
			continue
		}
		for at := x.from; at <= x.to; at += x.step {
			e.query(r, times{at, at, x.step})
		}
	}
}

// query evaluates a rule.
func (e *evaluator) query(r *evaluated, x times) {
	start, end := time.UnixMilli(x.from.Milliseconds()), time.UnixMilli(x.last().Milliseconds())
	q, err := e.engine.NewRangeQuery(context.Background(), e.storage, nil, r.Expr, start, end, x.step)
	if err != nil {
		e.t.Fatalf("%v\n%s", err, r.Expr)
	}
	defer q.Close()
	res := q.Exec(context.Background())
	if res.Err != nil {
		e.t.Fatalf("%v\n%s", res.Err, r.Expr)
	}
	m, err := res.Matrix()
	if err != nil {
		e.t.Fatalf("%v\n%s", err, r.Expr)
	}
	if r.Record != "" {
		e.record(r, m, x)
	} else {
		e.alert(r, m, x)
	}
}

// record stores results, and where each of them ends.
func (e *evaluator) record(r *evaluated, m promql.Matrix, x times) {
	before := r.recorded
	r.recorded = map[*series]bool{}
	seen := map[*series]bool{}
	for _, result := range m {
		s := e.storage.recorded.series(labels.NewBuilder(result.Metric).Set(labels.MetricName, r.Record).Labels())
		if seen[s] {
			e.t.Fatalf("%s: two results with the labels %s", r.Record, s.labels)
		}
		seen[s] = true
		there, next := before[s], x.from
		for _, p := range result.Floats {
			at := time.Duration(p.T) * time.Millisecond
			if there && at > next {
				s.gone(next)
			}
			s.add(at, p.F)
			there, next = true, at+x.step
		}
		if next <= x.to {
			s.gone(next)
		} else {
			r.recorded[s] = true
		}
	}
	for s := range before {
		if !seen[s] {
			s.gone(x.from)
		}
	}
}

// alert follows the alerts of a rule from time to time.
func (e *evaluator) alert(r *evaluated, m promql.Matrix, x times) {
	if len(m) == 0 && len(r.active) == 0 {
		return
	}
	keys := make([]string, len(m))
	for i, result := range m {
		keys[i] = labels.NewBuilder(result.Metric).Del(labels.MetricName).Labels().String()
	}
	next := make([]int, len(m)) // of the points of each
	holds := map[string]bool{}
	for at := x.from; at <= x.to; at += x.step {
		clear(holds)
		for i, k := range keys {
			if p := m[i].Floats; next[i] == len(p) || p[next[i]].T != at.Milliseconds() {
				continue
			}
			if r.results != nil {
				r.results[k] = append(r.results[k], result{m[i].Metric, at, m[i].Floats[next[i]].F})
			}
			next[i]++
			if holds[k] {
				e.t.Fatalf("%s: two results with the labels %s", r.Alert, k)
			}
			holds[k] = true
			if r.active[k] == nil {
				r.active[k] = &activeAlert{since: at}
			}
		}
		r.advance(holds, at)
	}
}

// advance brings the alerts to a time, at which the condition holds for some labels.
func (r *evaluated) advance(holds map[string]bool, at time.Duration) {
	for k, a := range r.active {
		switch {
		case holds[k]:
			a.keepSince = -1
			if !a.firing && at-a.since >= r.hold {
				a.firing = true
				r.episodes[k] = append(r.episodes[k], episode{from: at})
			}
		case !a.firing:
			delete(r.active, k)
			continue
		case a.keepSince < 0:
			a.keepSince = at
		}
		if a.firing && a.keepSince >= 0 && at-a.keepSince >= r.keep {
			delete(r.active, k)
			continue
		}
		if a.firing {
			all := r.episodes[k]
			all[len(all)-1].to = at
		}
	}
}

// firing counts the alerts of a level that fire at any time in a range.
func (e *evaluator) firing(alert, severity string, from, to time.Duration) (n int) {
	for _, r := range e.rules {
		if r.Alert != alert || r.Labels["severity"] != severity {
			continue
		}
		for _, episodes := range r.episodes {
			if slices.ContainsFunc(episodes, func(x episode) bool { return x.from <= to && x.to >= from }) {
				n++
			}
		}
	}
	return n
}

// fired lists what fired, for messages.
func (e *evaluator) fired(zero time.Duration) (all []string) {
	for _, r := range e.rules {
		for k, episodes := range r.episodes {
			for _, x := range episodes {
				all = append(all, fmt.Sprintf("%s %s %s from %s to %s", r.Alert, r.Labels["severity"], k, x.from-zero, x.to-zero))
			}
		}
	}
	slices.Sort(all)
	return all
}
