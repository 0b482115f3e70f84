package exporter

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reloads remembers how reloading went, for metrics and for people.
type reloads struct {
	successful, timestamp *prometheus.Desc

	mu  sync.Mutex
	at  time.Time
	err error
}

func newReloads() *reloads {
	return &reloads{
		successful: prometheus.NewDesc("iam_session_exporter_config_last_reload_successful",
			"1 if the last attempt to load the configuration succeeded.", nil, nil),
		timestamp: prometheus.NewDesc("iam_session_exporter_config_last_reload_success_timestamp_seconds",
			"When the configuration was last loaded.", nil, nil),
	}
}

func (r *reloads) succeeded(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.err = now, nil
}

func (r *reloads) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *reloads) last() (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, r.err
}

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	ch <- e.reloads.successful
	ch <- e.reloads.timestamp
	e.alerting.Describe(ch)
}

// Collect implements prometheus.Collector.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	at, err := e.reloads.last()
	successful := 1.0
	if err != nil {
		successful = 0
	}
	ch <- prometheus.MustNewConstMetric(e.reloads.successful, prometheus.GaugeValue, successful)
	ch <- prometheus.MustNewConstMetric(e.reloads.timestamp, prometheus.GaugeValue, float64(at.UnixMilli())/1e3)
	e.alerting.Collect(ch)
}
