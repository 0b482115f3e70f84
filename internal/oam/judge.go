package oam

import (
	"strconv"
	"time"

	"iam_session_exporter/internal/session"
)

// judge turns rows into sessions. OAM reports no state: an idle session stays
// listed until it is used again or its lifetime is over, and an expired one
// until it is purged.
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
	case r.odd && r.created.IsZero() && r.accessed.IsZero() && r.updated.IsZero() && r.expires.IsZero():
		s.Status = session.Unknown // times are told, and none of them can be read
	case passed(s.Expires, now):
		s.Status = session.Expired
	case passed(s.IdlesAt, now):
		s.Status = session.Idle
	}
	return s
}

func (j *judge) idlesAt(r *row) time.Time {
	if j.idleTimeout <= 0 {
		return time.Time{}
	}
	for _, used := range [...]time.Time{r.accessed, r.updated, r.created} {
		if !used.IsZero() {
			return used.Add(j.idleTimeout)
		}
	}
	return time.Time{}
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
