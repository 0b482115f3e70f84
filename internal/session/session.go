// Package session is the domain: what a login session is, what a listing of
// them says, and what a source of such listings promises. It does no I/O and
// imports nothing of this program.
package session

import "time"

// API names the product whose session API a source reads. Its values are those
// of the config key and metric label "api".
type API string

const (
	Intersight API = "intersight" // Cisco Intersight, SaaS or appliance
	OAM        API = "oam"        // Oracle Access Manager
)

// Status is the state of one session. Its values are those of the metric label
// "status".
type Status uint8

const (
	Unknown    Status = iota // not told, or outside what is known
	Active                   // in use
	Idle                     // past its idle limit, but still listed
	Expired                  // past its lifetime, but still listed
	Ended                    // ended normally (Intersight)
	Terminated               // ended by an administrator (Intersight)
)

var statusNames = [...]string{"unknown", "active", "idle", "expired", "ended", "terminated"}

// String returns the label value.
func (s Status) String() string { return statusNames[s] }

// Over reports whether a session in this state has ended for good. An idle one
// has not: OAM revives it at the next authentication.
func (s Status) Over() bool { return s == Expired || s == Ended || s == Terminated }

// Statuses lists every status, named ones first, Unknown last.
func Statuses() []Status { return []Status{Active, Idle, Expired, Ended, Terminated, Unknown} }

// Session is one login session as a snapshot lists it. A zero time, an empty
// string and a zero Key mean that the API did not tell.
//
// It carries no identity: the user, and the session's own id (for both APIs a
// live credential or a guessable hash), exist here only as keyed hashes. What
// alerts tell of a user is apart, in Snapshot.Identities.
type Session struct {
	ID     Key
	User   Key
	Status Status

	Role          string // as the API spells it
	ClientIP      string // as the API spells it
	IdentityStore string // as the API spells it; Intersight: the name of the user's identity provider
	StoreUnknown  bool   // it has an identity store, but which is not known
	LoginType     string // as the API spells it; Intersight only
	Impersonating bool   // OAM only

	Created time.Time
	Ended   time.Time // when it ended, if the API says so
	Expires time.Time // end of its lifetime
	IdlesAt time.Time // when it becomes idle unless used before

	// FailedLogins is the figure that Intersight attaches to a session, or -1
	// where there is none. Login identifies the login it belongs to: the same
	// figure on several sessions of one login is one figure.
	FailedLogins int64
	Login        Key
}
