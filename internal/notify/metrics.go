package notify

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of all Alertmanagers.
type metrics struct {
	up, success, skew *prometheus.Desc
	sent, requests    *prometheus.CounterVec
	latency           *prometheus.HistogramVec
}

func newMetrics() *metrics {
	label := []string{"alertmanager"}
	return &metrics{
		up: prometheus.NewDesc("iam_alertmanager_up",
			"Whether this Alertmanager accepted the last request (1), or failed, refused it or was not asked yet (0).", label, nil),
		success: prometheus.NewDesc("iam_alertmanager_last_success_timestamp_seconds",
			"Time of the last request that this Alertmanager accepted.", label, nil),
		skew: prometheus.NewDesc("iam_alertmanager_clock_skew_seconds",
			"This Alertmanager's clock minus the exporter's, corrected for half the round trip. Alertmanager reports whole seconds.", label, nil),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "iam_alertmanager_alerts_sent_total",
			Help: "Alerts in requests that this Alertmanager accepted, firing or resolved. An alert that is sent again counts again."}, label),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "iam_alertmanager_requests_total",
			Help: "HTTP requests sent, by status code: other for a code that HTTP does not define, error if there was no response. Token requests are included."}, append(label, "code")),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "iam_alertmanager_request_duration_seconds",
			Help:    "Time from sending an HTTP request to the end of its response.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
			// As for the sources' requests: one that is full gets coarser, and never
			// starts again from 0.
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160}, label),
	}
}

// add has the counters of an Alertmanager at 0.
func (m *metrics) add(name string) {
	m.sent.WithLabelValues(name)
	m.requests.WithLabelValues(name, codeOf(http.StatusOK))
	m.requests.WithLabelValues(name, codeOf(0))
	m.latency.WithLabelValues(name)
}

// remove takes away the series of an Alertmanager.
func (m *metrics) remove(name string) {
	m.sent.DeleteLabelValues(name)
	m.requests.DeletePartialMatch(prometheus.Labels{"alertmanager": name})
	m.latency.DeleteLabelValues(name)
}

// request counts a request; its status is 0 where none came.
func (m *metrics) request(name string, status int, took time.Duration) {
	m.requests.WithLabelValues(name, codeOf(status)).Inc()
	m.latency.WithLabelValues(name).Observe(took.Seconds())
}

// codeOf is a value of the label "code". There are few, whatever is answered.
func codeOf(status int) string {
	switch {
	case status == 0:
		return "error"
	case http.StatusText(status) == "":
		return "other"
	}
	return strconv.Itoa(status)
}

// Describe describes the metrics of the Alertmanagers.
func (n *Notifier) Describe(ch chan<- *prometheus.Desc) {
	ch <- n.metrics.up
	ch <- n.metrics.success
	ch <- n.metrics.skew
	n.metrics.sent.Describe(ch)
	n.metrics.requests.Describe(ch)
	n.metrics.latency.Describe(ch)
}

// Collect collects the metrics of the Alertmanagers in use.
func (n *Notifier) Collect(ch chan<- prometheus.Metric) {
	for _, m := range n.gauges() {
		ch <- m
	}
	n.metrics.sent.Collect(ch)
	n.metrics.requests.Collect(ch)
	n.metrics.latency.Collect(ch)
}

func (n *Notifier) gauges() (all []prometheus.Metric) {
	n.mu.Lock()
	defer n.mu.Unlock()
	gauge := func(d *prometheus.Desc, value float64, name string) {
		all = append(all, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name))
	}
	for name, l := range n.loops {
		up := 0.0
		if l.up {
			up = 1
		}
		gauge(n.metrics.up, up, name)
		if !l.success.IsZero() {
			gauge(n.metrics.success, float64(l.success.UnixMilli())/1000, name)
		}
		if l.skew != nil {
			gauge(n.metrics.skew, l.skew.Seconds(), name)
		}
	}
	return all
}
