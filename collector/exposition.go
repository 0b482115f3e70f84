package collector

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/session"
)

// exposition is the gauges of one source in one scrape.
type exposition struct {
	s   *Source
	out outcome
}

// Describe announces every family for which the source has the facts.
func (e *exposition) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range Families() {
		if f.Type == Gauge && e.s.opt.facts.Has(f.Needs) {
			ch <- f.desc
		}
	}
}

// Collect publishes what the scrape got.
func (e *exposition) Collect(ch chan<- prometheus.Metric) {
	opt := e.s.options(e.s.grouping.Load())
	w := metricWriter{ch, opt.facts}
	v := e.out.view
	w.flag(famUp, v != nil)
	w.flag(famComplete, v != nil && v.complete)
	w.seconds(famDuration, e.out.taken)
	w.seconds(famTimeout, e.out.allowed)
	w.write(famScrapeRequests, float64(e.out.requests))
	_, success := e.s.health.last()
	w.time(famLastSuccess, success)
	for _, l := range opt.labels() {
		w.write(famValuesLimit, float64(l.limit), string(l.dimension))
	}
	if e.out.skew != nil {
		w.seconds(famSkew, *e.out.skew)
	}
	w.info(famSearch, e.s.src.Info())
	if v == nil {
		w.write(famListedRatio, 0)
		return
	}
	w.write(famListedRatio, v.listedRatio)
	for d, n := range v.unresolved {
		w.write(famUnresolved, float64(n), string(d))
	}
	for d, n := range v.values {
		w.write(famValues, float64(n), string(d))
	}
	w.sessions(v)
	w.count(famDrift, v.drift)
	w.count(famImpersonating, v.impersonating)
	if !v.noFailures {
		w.write(famSessionFailed, v.failedLogins)
	}
	w.count(famSessionsLimit, v.limits.Sessions)
	w.count(famUserLimit, v.limits.UserSessions)
	w.length(famIdleTimeout, v.limits.IdleTimeout)
	w.length(famLifetime, v.limits.Lifetime)
	w.count(famUsers, v.users)
	w.count(famUserMax, v.userMax)
	w.count(famUsersDay, v.usersDay)
	w.count(famLocked, v.locked)
	w.time(famOldest, v.oldest)
	for a, n := range v.older {
		w.write(famOlder, float64(n), ages[a].label)
	}
}

// byFamily is the family of each labelled dimension.
func byFamily(d session.Dimension) *Family {
	switch d {
	case session.DimensionRole:
		return famByRole
	case session.DimensionIdentityStore:
		return famByStore
	case session.DimensionLoginType:
		return famByLoginType
	}
	return famByClientIP
}

// metricWriter writes the metrics for which a source has the facts. What the API
// could spell wrong has been made a valid label value before; an error would still
// fail only its own metric.
type metricWriter struct {
	ch    chan<- prometheus.Metric
	facts session.Facts
}

func (w metricWriter) write(f *Family, value float64, labels ...string) {
	if !w.facts.Has(f.Needs) {
		return
	}
	m, err := prometheus.NewConstMetric(f.desc, prometheus.GaugeValue, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(f.desc, err)
	}
	w.ch <- m
}

// info writes an info metric, if the source has the labels of its family.
func (w metricWriter) info(f *Family, i session.Info) {
	values := make([]string, len(f.Labels))
	for _, l := range i.Labels {
		if n := slices.Index(f.Labels, l.Name); n >= 0 {
			values[n] = l.Value
		}
	}
	if len(i.Labels) > 0 {
		w.write(f, 1, values...)
	}
}

func (w metricWriter) flag(f *Family, on bool) {
	if on {
		w.write(f, 1)
	} else {
		w.write(f, 0)
	}
}

func (w metricWriter) seconds(f *Family, d time.Duration) { w.write(f, d.Seconds()) }

func (w metricWriter) time(f *Family, t time.Time) {
	if !t.IsZero() {
		w.write(f, float64(t.UnixMicro())/1e6)
	}
}

func (w metricWriter) count(f *Family, n *int) {
	if n != nil {
		w.write(f, float64(*n))
	}
}

func (w metricWriter) length(f *Family, d *time.Duration) {
	if d != nil {
		w.seconds(f, *d)
	}
}

func (w metricWriter) sessions(v *view) {
	for _, s := range session.Statuses() {
		if n := v.total[s]; n > 0 || v.complete || s == session.Unknown {
			w.write(famSessions, float64(n), s.String())
		}
	}
	for d, t := range v.by {
		w.tally(byFamily(d), t, v.complete)
	}
	w.tally(famByNetwork, v.byNetwork, v.complete)
}

// tally writes the (value, status) pairs that have sessions, and "active" for
// each value even at 0 where nothing is missing.
func (w metricWriter) tally(f *Family, t tally, complete bool) {
	for value, counts := range t {
		for _, s := range session.Statuses() {
			if n := counts[s]; n > 0 || complete && s == session.Active {
				w.write(f, float64(n), s.String(), value)
			}
		}
	}
}
