package oam

import (
	"strconv"
	"time"

	"iam_session_exporter/internal/session"
)

// judge turns rows into sessions. OAM reports no state: an idle session stays
// listed until it is used again or its lifetime is over, and an expired one
// until it is purged. Whether a session is idle is known from lastAccessTime only:
// Oracle does not say what sets updateTime. Without one, a session created within
// the idle timeout is active, and the status of an older one is unknown, unless
// it has expired.
type judge struct {
	idleTimeout time.Duration // 0: never idle
	lifetime    time.Duration // where expiryTime is absent; 0: unlimited
	hasher      session.Hasher
}

// session judges a row as of the server's time now.
func (j *judge) session(r *row, now time.Time) session.Session {
	s := session.Session{
		ID:            j.id(r),
		Status:        session.Active,
		Role:          r.role,
		ClientIP:      r.clientIP,
		IdentityStore: r.idStore,
		Impersonating: r.impersonating,
		Created:       r.created,
		Expires:       r.expires,
		IdlesAt:       j.idlesAt(r),
		FailedLogins:  -1, // the API reports none
	}
	if r.userID != "" {
		s.User = j.user(r.idStore, r.userID)
	}
	if s.Expires.IsZero() && j.lifetime > 0 && !r.created.IsZero() {
		s.Expires = r.created.Add(j.lifetime)
	}
	switch {
	case passed(s.Expires, now):
		s.Status = session.Expired
	case passed(s.IdlesAt, now):
		s.Status = session.Idle
	case !j.known(r, now):
		s.Status = session.Unknown
	}
	return s
}

// known reports whether a session that is past no limit is known to be active.
func (j *judge) known(r *row, now time.Time) bool {
	switch {
	case !r.accessed.IsZero():
		return true
	case j.idleTimeout <= 0:
		return !r.odd || !r.created.IsZero() || !r.expires.IsZero() // else times are given, and none of them can be read
	}
	return !r.created.IsZero() && !passed(r.created.Add(j.idleTimeout), now)
}

func (j *judge) idlesAt(r *row) time.Time {
	if j.idleTimeout <= 0 || r.accessed.IsZero() {
		return time.Time{}
	}
	return r.accessed.Add(j.idleTimeout)
}

func (j *judge) user(store, id string) session.Key { return j.hasher.Key(store, id) }

func passed(limit, now time.Time) bool { return !limit.IsZero() && !now.Before(limit) }

func (j *judge) id(r *row) session.Key {
	if r.sessionID != "" {
		return j.hasher.Key(r.sessionID)
	}
	id := r.identity()
	return j.hasher.Key(id.userID, strconv.FormatInt(id.created, 10), id.clientIP, id.idStore, id.sessionIndex)
}
