package alerting

import (
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/internal/notify"
)

// families are those of the detections; notify has those of the Alertmanagers.
type families struct {
	alerts, fired, held, excepted, covers, took *prometheus.Desc
}

func newFamilies() *families {
	source := []string{"source", "api"}
	detection := append(source[:2:2], "detection")
	severity := append(detection[:3:3], "severity")
	return &families{
		alerts: prometheus.NewDesc("iam_detection_alerts",
			"Alerts of this detection that fire, including those held back because there are more than max_alerts.", severity, nil),
		fired: prometheus.NewDesc("iam_detection_alerts_fired_total",
			"Alerts of this detection that began to fire.", severity, nil),
		held: prometheus.NewDesc("iam_detection_held_back_alerts",
			"Alerts of this detection that fire but are not sent one by one, because there are more than max_alerts.", detection, nil),
		excepted: prometheus.NewDesc("iam_detection_excepted_sessions",
			"Sessions in the last snapshot that an exception hides from this detection.", detection, nil),
		covers: prometheus.NewDesc("iam_detection_covers",
			"Whether all that this detection looks for reaches an Alertmanager (1): it is on and notifies, the last refresh succeeded and listed all that it looks at, and an Alertmanager accepts alerts. Otherwise 0. Absent before the first refresh and the first request to an Alertmanager have ended.", detection, nil),
		took: prometheus.NewDesc("iam_detection_evaluation_duration_seconds",
			"Time that the last evaluation of a snapshot took. Absent before the first.", source, nil),
	}
}

func (f *families) all() []*prometheus.Desc {
	return []*prometheus.Desc{f.alerts, f.fired, f.held, f.excepted, f.covers, f.took}
}

// Describe implements prometheus.Collector.
func (a *Alerting) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range a.families.all() {
		ch <- d
	}
	notify.New(notify.Options{}).Describe(ch)
}

// Collect implements prometheus.Collector. It waits for no evaluation.
func (a *Alerting) Collect(ch chan<- prometheus.Metric) {
	f := a.inForce()
	if f == nil {
		return
	}
	f.notifier.Collect(ch)
	known := f.notifier.Known() // asked first: it stays known
	accepting := f.notifier.Accepting()
	for _, j := range a.all() {
		if r := j.report.Load(); r != nil {
			a.families.collect(ch, r, accepting, known)
		}
	}
}

func (f *families) collect(ch chan<- prometheus.Metric, r *report, accepting, known bool) {
	gauge := func(d *prometheus.Desc, value float64, more ...string) {
		labels := append([]string{r.source.Name, string(r.source.API)}, more...)
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	known = known && r.known()
	for _, c := range r.counts {
		for _, s := range c.Severities {
			gauge(f.alerts, float64(s.Firing), c.Detection, s.Severity)
			ch <- prometheus.MustNewConstMetric(f.fired, prometheus.CounterValue, float64(s.Fired), r.source.Name, string(r.source.API), c.Detection, s.Severity)
		}
		gauge(f.held, float64(c.HeldBack), c.Detection)
		gauge(f.excepted, float64(c.Excepted), c.Detection)
		if known {
			gauge(f.covers, oneIf(c.Covers && accepting), c.Detection)
		}
	}
	if r.took > 0 {
		gauge(f.took, r.took.Seconds())
	}
}

func oneIf(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
