package test

import (
	"context"
	"math"
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

// What is here asks Prometheus's own query engine, over series in memory.

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

func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{MaxSamples: 50e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{})})
}

func query(t *testing.T, engine *promql.Engine, m *memory, expr string, at time.Duration) promql.Vector {
	t.Helper()
	q, err := engine.NewInstantQuery(context.Background(), m, nil, expr, time.UnixMilli(at.Milliseconds()))
	if err != nil {
		t.Fatalf("%v\n%s", err, expr)
	}
	defer q.Close()
	res := q.Exec(context.Background())
	if res.Err != nil {
		t.Fatalf("%v\n%s", res.Err, expr)
	}
	v, err := res.Vector()
	if err != nil {
		t.Fatalf("%v\n%s", err, expr)
	}
	return slices.Clone(v)
}
