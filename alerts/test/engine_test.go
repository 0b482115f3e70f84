package test

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"slices"
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

// add appends a sample to a series. Samples of a series come in order.
func (m *memory) add(l labels.Labels, at time.Duration, v float64) {
	h := l.Hash()
	s := m.byHash[h]
	if s == nil {
		s = &series{labels: l}
		m.byHash[h] = s
		name := l.Get(labels.MetricName)
		m.byName[name] = append(m.byName[name], s)
	}
	s.samples = append(s.samples, point{at.Milliseconds(), v})
}

// gone marks a series as ended, as a failed scrape does.
func (m *memory) gone(l labels.Labels, at time.Duration) {
	m.add(l, at, math.Float64frombits(value.StaleNaN))
}

func (m *memory) Querier(mint, maxt int64) (storage.Querier, error) {
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
		for _, s := range m.byName[name] {
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
	recorded   []labels.Labels         // what the last evaluation recorded
	active     map[string]*activeAlert // by labels
	episodes   map[string][]episode    // of firing, by labels
}

type activeAlert struct {
	since, keepSince time.Duration // keepSince: -1 while the condition holds
	firing           bool
}

// episode is a time for which an alert fires, without interruption.
type episode struct{ from, to time.Duration }

// evaluator evaluates rules in their order, over a storage.
type evaluator struct {
	t       *testing.T
	storage *memory
	engine  *promql.Engine
	rules   []*evaluated
}

func newEvaluator(t *testing.T, engine *promql.Engine, rules []rule) *evaluator {
	e := &evaluator{t: t, storage: newMemory(), engine: engine}
	for _, r := range rules {
		x := &evaluated{rule: r, active: map[string]*activeAlert{}, episodes: map[string][]episode{}}
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

func (e *evaluator) query(expr string, at time.Duration) promql.Vector {
	q, err := e.engine.NewInstantQuery(context.Background(), e.storage, nil, expr, time.UnixMilli(at.Milliseconds()))
	if err != nil {
		e.t.Fatalf("%v\n%s", err, expr)
	}
	defer q.Close()
	res := q.Exec(context.Background())
	if res.Err != nil {
		e.t.Fatalf("%v\n%s", res.Err, expr)
	}
	v, err := res.Vector()
	if err != nil {
		e.t.Fatalf("%v\n%s", err, expr)
	}
	return slices.Clone(v)
}

// evaluate evaluates all rules once.
func (e *evaluator) evaluate(at time.Duration) {
	for _, r := range e.rules {
		v := e.query(r.Expr, at)
		if r.Record != "" {
			e.record(r, v, at)
		} else {
			e.alert(r, v, at)
		}
	}
}

func (e *evaluator) record(r *evaluated, v promql.Vector, at time.Duration) {
	var now []labels.Labels
	for _, s := range v {
		l := labels.NewBuilder(s.Metric).Set(labels.MetricName, r.Record).Labels()
		e.storage.add(l, at, s.F)
		now = append(now, l)
	}
	for _, old := range r.recorded {
		if !slices.ContainsFunc(now, func(l labels.Labels) bool { return labels.Equal(l, old) }) {
			e.storage.gone(old, at)
		}
	}
	r.recorded = now
}

func (e *evaluator) alert(r *evaluated, v promql.Vector, at time.Duration) {
	holds := map[string]bool{}
	for _, s := range v {
		k := labels.NewBuilder(s.Metric).Del(labels.MetricName).Labels().String()
		if holds[k] {
			e.t.Fatalf("%s: two results with the labels %s", r.Alert, k)
		}
		holds[k] = true
		if r.active[k] == nil {
			r.active[k] = &activeAlert{since: at}
		}
	}
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
