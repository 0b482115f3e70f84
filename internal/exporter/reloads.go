package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reloads are the metrics of reloading.
type reloads struct {
	successful, timestamp prometheus.Gauge
}

func newReloads() reloads {
	return reloads{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "iam_session_exporter_config_last_reload_successful",
			Help: "1 if the last attempt to load the configuration succeeded.",
		}),
		timestamp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "iam_session_exporter_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration was last loaded.",
		}),
	}
}

func (r reloads) succeeded(now time.Time) {
	r.successful.Set(1)
	r.timestamp.Set(float64(now.UnixMilli()) / 1e3)
}

func (r reloads) failed() { r.successful.Set(0) }

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(e, ch) }

// Collect implements prometheus.Collector.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	ch <- e.reloads.successful
	ch <- e.reloads.timestamp
}
