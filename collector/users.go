package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// keepUser is how long a user counts after having been seen.
const keepUser = 24 * time.Hour

// recentUsers are the users who were seen with an active or idle session within a
// day. How long ago that was, our clock says, which is never set.
type recentUsers struct {
	seen   table[time.Duration] // our clock then
	limit  int                  // of seen
	schema uint64               // of the last snapshot
}

// observe takes the next snapshot, and returns how many users were seen within a day
// before it; nil if that is not known.
func (r *recentUsers) observe(snap *session.Snapshot, ours time.Duration) *int {
	if snap.Schema != r.schema {
		// A user may have another key now, and would count twice.
		r.seen, r.schema = table[time.Duration]{}, snap.Schema
	}
	r.seen.deleteFunc(func(at *time.Duration) bool { return ours-*at >= keepUser })
	late := map[session.Key]bool{} // for whom there was no room
	nameless := false
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		switch {
		case s.Status != session.Active && s.Status != session.Idle:
		case s.User == 0:
			nameless = true
		case !r.see(s.User, ours):
			late[s.User] = true
		}
	}
	makeRoom(&r.seen, len(late), r.limit, int64(ours), func(at *time.Duration) int64 { return int64(*at) }, func(*time.Duration) {})
	for user := range late {
		r.see(user, ours)
	}
	if snap.Lacks.User || nameless && r.seen.len == 0 {
		return nil
	}
	n := r.seen.len
	return &n
}

// see takes in that a user is seen now. It reports false if there is no room.
func (r *recentUsers) see(user session.Key, ours time.Duration) bool {
	at := r.seen.get(user)
	if at == nil {
		if r.seen.len >= r.limit {
			return false
		}
		at = r.seen.put(user)
	}
	*at = ours
	return true
}
