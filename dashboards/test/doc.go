// Package test checks the Grafana dashboards that ship with the exporter: with
// Prometheus's own parser against what the exporter exposes, with its query engine
// against pairs of exporters and replaced pods, and against the classic schema and
// the rules of Grafana's linter. It is a module of its own, so that the exporter
// does not depend on Prometheus.
package test
