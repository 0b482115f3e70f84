package oam

import (
	"strconv"
	"time"

	"iam_session_exporter/internal/session"
)

// converter makes a session of a row. OAM reports no state: an idle session stays
// listed until it is used again or its lifetime is over, and an expired one
// until it is purged. Whether a session is idle is known from lastAccessTime only:
// Oracle does not say what sets updateTime. Without one, a session created within
// the idle timeout is active, and the status of an older one is unknown, unless
// it has expired.
type converter struct {
	idleTimeout time.Duration // 0: never idle
	lifetime    time.Duration // where expiryTime is absent; 0: unlimited
	hasher      session.Hasher
}

// session converts a row, with its status at the server's time now.
func (c *converter) session(r *row, now time.Time) session.Session {
	s := session.Session{
		ID:            c.id(r),
		Status:        session.Active,
		Role:          r.role,
		ClientIP:      r.clientIP,
		IdentityStore: r.idStore,
		Impersonating: r.impersonating,
		Created:       r.created,
		Expires:       r.expires,
		IdlesAt:       c.idlesAt(r),
		FailedLogins:  -1, // the API reports none
	}
	if r.userID != "" {
		s.User = c.user(r.idStore, r.userID)
	}
	if s.Expires.IsZero() && c.lifetime > 0 && !r.created.IsZero() {
		s.Expires = r.created.Add(c.lifetime)
	}
	switch {
	case passed(s.Expires, now):
		s.Status = session.Expired
	case passed(s.IdlesAt, now):
		s.Status = session.Idle
	case !c.known(r, now):
		s.Status = session.Unknown
	}
	return s
}

// known reports whether a session that is past no limit is known to be active.
func (c *converter) known(r *row, now time.Time) bool {
	switch {
	case !r.accessed.IsZero():
		return true
	case c.idleTimeout <= 0:
		return !r.odd || !r.created.IsZero() || !r.expires.IsZero() // else times are given, and none of them can be read
	}
	return !r.created.IsZero() && !passed(r.created.Add(c.idleTimeout), now)
}

func (c *converter) idlesAt(r *row) time.Time {
	if c.idleTimeout <= 0 || r.accessed.IsZero() {
		return time.Time{}
	}
	return r.accessed.Add(c.idleTimeout)
}

func (c *converter) user(store, id string) session.Key { return c.hasher.Key(store, id) }

func passed(limit, now time.Time) bool { return !limit.IsZero() && !now.Before(limit) }

func (c *converter) id(r *row) session.Key {
	if r.sessionID != "" {
		return c.hasher.Key(r.sessionID)
	}
	id := r.identity()
	return c.hasher.Key(id.userID, strconv.FormatInt(id.created, 10), id.clientIP, id.idStore, id.sessionIndex)
}
