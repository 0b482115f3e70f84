// Package test checks the alerts that ship with the exporter: with Prometheus's
// own parser against what the exporter exposes, on its query engine over timelines
// and over weeks of a simulated world, and with promtool and amtool; and that what
// the exporter sends is valid to Alertmanager's own models. It is a module
// of its own, so that the exporter does not depend on Prometheus.
package test
