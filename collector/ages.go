package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// ages are those of iam_active_sessions_older_than.
var ages = [...]struct {
	label string
	age   time.Duration
}{{"1h", time.Hour}, {"8h", 8 * time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}}

// countAges counts the active sessions by how old they are on the API's clock.
func (v *view) countAges(snap *session.Snapshot) {
	v.older = make([]int, len(ages))
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if s.Status != session.Active || s.Created.IsZero() {
			continue
		}
		if v.oldest.IsZero() || s.Created.Before(v.oldest) {
			v.oldest = s.Created
		}
		old := snap.Taken.Sub(s.Created)
		for a := range ages {
			if old > ages[a].age {
				v.older[a]++
			}
		}
	}
}
