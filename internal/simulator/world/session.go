package world

import (
	"time"

	"iam_session_exporter/internal/session"
)

// Session is one session as its product knows it. A zero time and an empty
// string mean that the product does not tell.
type Session struct {
	API session.API
	ID  string // Intersight: Moid; OAM: sessionId

	// Status is the true status at the moment of asking, by the product's rules:
	// set in what Truth returns, ignored elsewhere.
	Status session.Status

	State    string // Intersight's own Status property
	User     string // Intersight: UserIdOrEmail, left out now and then next to a User relation; OAM: userId
	UserMoid string // Intersight: Moid of the relation User
	Role     string // OAM: value of the role attribute, where one is served
	Store    string // OAM; Intersight: the name of the user's provider, set in what Truth returns
	ClientIP string

	StoreUnknown bool   // Intersight: that name can't be read; set in what Truth returns
	LoginType    string // Intersight
	Account      string // Intersight: AccountMoid; "": that of the account

	Impersonating bool // OAM

	Created    time.Time
	Updated    time.Time
	LastAccess time.Time
	Expires    time.Time
	IdlesAt    time.Time // Intersight; in OAM it follows from LastAccess
	Ended      time.Time // Intersight's EndTime

	// FailedLogins is Intersight's figure, -1 where it is not told; LastLogin
	// and LastLoginClient belong to it.
	FailedLogins    int64
	LastLogin       time.Time
	LastLoginClient string
}

// The values of Intersight's Status property that this world gives.
const (
	StateActive     = "Active"
	StateEnded      = "Ended"
	StateTerminated = "Terminated"
	StateLocked     = "Locked" // not one that Cisco's documentation knows
)

// The values of Intersight's LoginType that this world gives.
const (
	LoginWeb   = "weblogin"
	LoginToken = "tokenexchange"
	LoginOdd   = "passkey" // not one that Cisco's documentation knows
)

// sessionTime is a person's latest login: when, and from where.
type sessionTime struct {
	at   time.Time
	from string
}

// leaving is how a person will leave a session.
type leaving uint8

const (
	justStop leaving = iota
	logOut
	thrownOut
)

// Entry is a session that is listed, with what only the world knows.
type Entry struct {
	Session
	person *person // nil for those made by hand

	leaveAt time.Time
	how     leaving
	over    bool // its end is in the log
	gone    bool // no longer listed

	timer uint64 // the pending timer event; others are stale
	rank  uint64 // a fixed place in an order that means nothing
	at    [kinds]int
}

// limitsOf returns when a session expires and idles by its product's rules;
// zero where never.
func (p *pool) limitsOf(s *Session) (expires, idles time.Time) {
	expires, idles = s.Expires, s.IdlesAt
	if p.api == session.OAM {
		if expires.IsZero() && p.Lifetime > 0 && !s.Created.IsZero() {
			expires = s.Created.Add(p.Lifetime)
		}
		idles = time.Time{}
		if p.IdleTimeout > 0 && !s.LastAccess.IsZero() {
			idles = s.LastAccess.Add(p.IdleTimeout)
		}
	}
	return expires, idles
}

// statusOf is a session's true status at a time.
func (p *pool) statusOf(s *Session, now time.Time) session.Status {
	if p.api == session.Intersight {
		switch s.State {
		case StateActive, "":
		case StateEnded:
			return session.Ended
		case StateTerminated:
			return session.Terminated
		default:
			return session.Unknown
		}
	}
	expires, idles := p.limitsOf(s)
	switch {
	case past(now, expires):
		return session.Expired
	case past(now, idles):
		return session.Idle
	}
	return session.Active
}

// past reports now ≥ limit; a zero limit is never past.
func past(now, limit time.Time) bool { return !limit.IsZero() && !now.Before(limit) }
