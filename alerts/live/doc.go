// Package live tests the alerts that ship with the exporter on a real
// Prometheus and a real Alertmanager, with the simulated APIs behind the real
// exporter, a single one, and a pair of which a pod is replaced; and the alerts that
// the exporter itself sends.
//
// The tests need the build tag alerting (`make test-alerts`): they take three
// minutes. An hour of the rules is a minute there: shorten_test.go says what that
// changes.
package live
