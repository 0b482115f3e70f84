package collector

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/session"
)

// counters are what a source accumulates. They are there, at 0, from the first
// scrape on, also while the source is down. The labels "source" and "api" are
// added where they are collected.
type counters struct {
	started, failedLogins, afterFailures prometheus.Counter
	connections                          prometheus.Counter
	ended, errors, requests              *prometheus.CounterVec
	lengths, latency                     prometheus.Histogram
}

func newCounters() *counters {
	c := &counters{
		started:       prometheus.NewCounter(famStarted.counter()),
		failedLogins:  prometheus.NewCounter(famFailedLogins.counter()),
		afterFailures: prometheus.NewCounter(famAfterFailures.counter()),
		connections:   prometheus.NewCounter(famConnections.counter()),
		ended:         prometheus.NewCounterVec(famEnded.counter(), famEnded.Labels),
		errors:        prometheus.NewCounterVec(famErrors.counter(), famErrors.Labels),
		requests:      prometheus.NewCounterVec(famRequests.counter(), famRequests.Labels),
		lengths:       prometheus.NewHistogram(famLengths.histogram(60, 300, 900, 1800, 3600, 14400, 28800, 43200, 57600, 86400, 604800)),
		latency:       prometheus.NewHistogram(famLatency.histogram(.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30)),
	}
	for _, r := range endReasons() {
		c.ended.WithLabelValues(string(r))
	}
	for _, r := range session.Reasons() {
		c.errors.WithLabelValues(string(r))
	}
	c.requests.WithLabelValues("200")
	c.requests.WithLabelValues(codeError)
	return c
}

// Values of the label "code" that are no status: none came, and one that HTTP
// does not know, of which there could be any number.
const (
	codeError = "error"
	codeOther = "other"
)

func codeOf(status int) string {
	switch {
	case status == 0:
		return codeError
	case status < 100 || status > 599 || http.StatusText(status) == "":
		return codeOther
	}
	return strconv.Itoa(status)
}

func (c *counters) sent(r session.Request) {
	c.requests.WithLabelValues(codeOf(r.Code)).Inc()
	c.latency.Observe(r.Duration.Seconds())
}

func (c *counters) changed(ch changes) {
	c.started.Add(float64(ch.started))
	for r, n := range ch.ended {
		c.ended.WithLabelValues(string(r)).Add(float64(n))
	}
	for _, d := range ch.lengths {
		c.lengths.Observe(d.Seconds())
	}
	c.failedLogins.Add(ch.failed)
	c.afterFailures.Add(ch.after)
}

// collectors returns those for which a source has the facts.
func (c *counters) collectors(facts session.Facts) (l []prometheus.Collector) {
	for _, x := range []struct {
		family  *Family
		counter prometheus.Collector
	}{
		{famStarted, c.started}, {famEnded, c.ended}, {famLengths, c.lengths},
		{famFailedLogins, c.failedLogins}, {famAfterFailures, c.afterFailures},
		{famErrors, c.errors}, {famRequests, c.requests}, {famConnections, c.connections}, {famLatency, c.latency},
	} {
		if facts.Has(x.family.Needs) {
			l = append(l, x.counter)
		}
	}
	return l
}

func (f *Family) counter() prometheus.CounterOpts {
	return prometheus.CounterOpts{Name: f.Name, Help: f.Help}
}

func (f *Family) histogram(buckets ...float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: f.Name, Help: f.Help, Buckets: buckets,
		// Without a NativeHistogramMinResetDuration: one that is full gets coarser,
		// and never starts again from 0.
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 160,
	}
}
