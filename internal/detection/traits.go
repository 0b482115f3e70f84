package detection

import (
	"slices"

	"iam_session_exporter/internal/session"
)

// traits are what exceptions look at, of a session that shows a finding.
type traits struct{ role, store, network string }

const maxTraits = 20 // of one alert

// remember keeps what exceptions look at of the alerts that a snapshot shows, as it
// is not at hand any more when they do.
func (e *Engine) remember(snap *session.Snapshot, wanted func(*firing) bool) {
	var j *judge
	for _, a := range e.firing {
		if a.sessions == nil || !wanted(a) {
			continue
		}
		if j == nil {
			j = &judge{cfg: e.cfg, snapshot: snap, table: newPlaces(len(snap.Sessions), e.cfg.sizes.places)}
		}
		a.traits, a.sessions = j.traits(a.sessions), nil
	}
}

func (j *judge) traits(sessions []int32) (all []traits) {
	for _, n := range sessions {
		s := &j.snapshot.Sessions[n]
		t := traits{s.Role, s.IdentityStore, ""}
		if len(j.cfg.exceptions) > 0 {
			t.network = j.place(n).Network
		}
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
		if len(all) == maxTraits {
			break
		}
	}
	return all
}
