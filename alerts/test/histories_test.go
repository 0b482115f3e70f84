package test

import (
	"regexp"
	"testing"
	"time"
)

// promtool keeps samples in blocks of a day, and compacts what is older once
// there are a day and a half.
const compacted = 36 * time.Hour

// Before 3.4 (prometheus/prometheus#16333), a series that begins during the
// garbage collection after a compaction loses its first sample, so that the
// first evaluation at which an alert fires can't be queried. Such tests ask the
// rules for it (alert_rule_test), and query ALERTS later.
func TestFirstFiringIsAskedOfTheRules(t *testing.T) {
	sample := regexp.MustCompile(`alertname="(\w+)", severity="(\w+)"`)
	long := 0
	for _, u := range loadTests(t) {
		if u.end(t) <= compacted {
			continue
		}
		long++
		for _, e := range u.Exprs {
			for _, s := range e.Samples {
				m := sample.FindStringSubmatch(s.Labels)
				if m == nil {
					t.Fatalf("%s: %s", u.Name, s.Labels)
				}
				if latest := duration(t, e.Time) - duration(t, u.interval); !u.firesBy(t, m[1], m[2], latest) {
					t.Errorf("%s: no alert_rule_test shows that %s (%s) fires at %s, before ALERTS is queried at %s", u.Name, m[1], m[2], latest, e.Time)
				}
			}
		}
	}
	if long == 0 {
		t.Error("no history is long")
	}
}

// firesBy reports whether an alert_rule_test at that time or before expects an alert.
func (u unitTest) firesBy(t *testing.T, name, severity string, latest time.Duration) bool {
	for _, a := range u.Alerts {
		for _, w := range a.Want {
			if a.Name == name && w.Labels["severity"] == severity && duration(t, a.Time) <= latest {
				return true
			}
		}
	}
	return false
}
