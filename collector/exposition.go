package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/session"
)

// exposition is the gauges of one source in one pull.
type exposition struct {
	s   *Source
	out outcome
}

// Describe announces every family that the source's API has facts for.
func (e *exposition) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range Families() {
		if f.Type == Gauge && (f.API == both || f.API == e.s.opt.API) {
			ch <- f.desc
		}
	}
}

// Collect publishes what the pull got.
func (e *exposition) Collect(ch chan<- prometheus.Metric) {
	p := pen{ch}
	opt := e.s.options()
	v := e.out.view
	p.flag(famUp, v != nil)
	p.flag(famComplete, v != nil && v.complete)
	p.seconds(famDuration, e.out.taken)
	p.seconds(famTimeout, e.out.allowed)
	p.write(famScrapeRequests, float64(e.out.requests))
	e.s.mu.Lock()
	success := e.s.success
	e.s.mu.Unlock()
	p.time(famLastSuccess, success)
	for _, l := range opt.labels() {
		p.write(famValuesLimit, float64(l.limit), string(l.dimension))
	}
	if e.out.skew != nil {
		p.seconds(famSkew, *e.out.skew)
	}
	if s, ok := e.s.src.(session.Searcher); ok {
		i := s.SearchInfo()
		p.write(famSearch, 1, i.Combine, i.Match, i.Case, i.Wildcard, i.Rows, i.ExpiryTime, i.LastAccessTime, i.Total, i.NoMatch)
	}
	if v == nil {
		p.write(famListedRatio, 0)
		return
	}
	p.write(famListedRatio, v.listedRatio)
	for d, n := range v.unresolved {
		p.write(famUnresolved, float64(n), string(d))
	}
	for d, n := range v.values {
		p.write(famValues, float64(n), string(d))
	}
	p.sessions(v)
	if opt.API == session.OAM {
		p.count(famDrift, v.drift)
		p.count(famImpersonating, v.impersonating)
	} else {
		if !v.noFailures {
			p.write(famSessionFailed, v.failedLogins)
		}
		p.count(famSessionsLimit, v.limits.Sessions)
	}
	p.count(famUserLimit, v.limits.UserSessions)
	p.length(famIdleTimeout, v.limits.IdleTimeout)
	p.length(famLifetime, v.limits.Lifetime)
	p.count(famUsers, v.users)
	p.count(famUserMax, v.userMax)
	p.time(famOldest, v.oldest)
}

// byFamily is the family of each labelled dimension.
func byFamily(d session.Dimension) *Family {
	switch d {
	case session.DimensionRole:
		return famByRole
	case session.DimensionIdentityStore:
		return famByStore
	}
	return famByClientIP
}

// pen writes metrics. What the API could spell wrong has been made a valid label
// value before; an error would still fail only its own metric.
type pen struct{ ch chan<- prometheus.Metric }

func (p pen) write(f *Family, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(f.desc, prometheus.GaugeValue, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(f.desc, err)
	}
	p.ch <- m
}

func (p pen) flag(f *Family, on bool) {
	if on {
		p.write(f, 1)
	} else {
		p.write(f, 0)
	}
}

func (p pen) seconds(f *Family, d time.Duration) { p.write(f, d.Seconds()) }

func (p pen) time(f *Family, t time.Time) {
	if !t.IsZero() {
		p.write(f, float64(t.UnixMicro())/1e6)
	}
}

func (p pen) count(f *Family, n *int) {
	if n != nil {
		p.write(f, float64(*n))
	}
}

func (p pen) length(f *Family, d *time.Duration) {
	if d != nil {
		p.seconds(f, *d)
	}
}

func (p pen) sessions(v *view) {
	for _, s := range session.Statuses() {
		if n := v.total[s]; n > 0 || v.complete || s == session.Unknown {
			p.write(famSessions, float64(n), s.String())
		}
	}
	for d, t := range v.by {
		p.tally(byFamily(d), t, v.complete)
	}
	p.tally(famByNetwork, v.byNetwork, v.complete)
}

// tally writes the (value, status) pairs that have sessions, and "active" for
// each value even at 0 where nothing is missing.
func (p pen) tally(f *Family, t tally, complete bool) {
	for value, counts := range t {
		for _, s := range session.Statuses() {
			if n := counts[s]; n > 0 || complete && s == session.Active {
				p.write(f, float64(n), s.String(), value)
			}
		}
	}
}
