package faults

import (
	"encoding/json"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/testkit"
)

func TestHostileAnswersAreWellFormed(t *testing.T) {
	for _, c := range []struct {
		h    *Hostile
		ask  func(*Hostile) []byte
		rows func([]byte) []map[string]any
		id   string
	}{
		{&Hostile{API: session.OAM, Rows: 28, Text: 100, Names: true, Total: 5000}, func(h *Hostile) []byte { return testkit.Post(h, oam.PathSearch, "{}").Body.Bytes() }, func(b []byte) []map[string]any {
			var a struct {
				TotalRecords int
				Sessions     struct{ SessionData []map[string]any }
			}
			if err := json.Unmarshal(b, &a); err != nil || a.TotalRecords != 5000 {
				t.Errorf("%v, %v; want 5000", err, a.TotalRecords)
			}
			return a.Sessions.SessionData
		}, "sessionId"},
		{&Hostile{API: session.Intersight, Rows: 1000, Text: 100}, func(h *Hostile) []byte { return testkit.Get(h, intersight.PathSessions).Body.Bytes() }, func(b []byte) []map[string]any {
			var a struct {
				Count   int
				Results []map[string]any
			}
			if err := json.Unmarshal(b, &a); err != nil || a.Count != 1000 {
				t.Errorf("%v, %v; want 1000", err, a.Count)
			}
			return a.Results
		}, "Moid"},
	} {
		seen := map[any]bool{}
		sent := 0
		for range 3 {
			b := c.ask(c.h)
			sent += len(b)
			for _, row := range c.rows(b) {
				if id := row[c.id]; seen[id] {
					t.Errorf("%v twice", id)
				} else {
					seen[id] = true
				}
			}
		}
		if len(seen) != 3*c.h.Rows || c.h.Asked() != 3 || int(c.h.Sent()) != sent {
			t.Errorf("%d ids, asked %d times, sent %d bytes of %d; want %d, 3; int(c.h.Sent()) = %v, want %v", len(seen), c.h.Asked(), c.h.Sent(), sent, 3*c.h.Rows, int(c.h.Sent()), sent)
		}
	}
	var empty struct{ Results []any }
	if err := json.Unmarshal(testkit.Get(&Hostile{Rows: 3}, intersight.PathSessionLimits).Body.Bytes(), &empty); err != nil || len(empty.Results) != 0 {
		t.Errorf("%v, %v; want len Results 0", err, empty)
	}
}
