package recording

import (
	"encoding/json"
	"time"

	"iam_session_exporter/internal/session"
)

// version is that of the format.
const version = 1

// The letters that pseudonyms of sessions, users, addresses and networks begin with.
const (
	ofSession = "s-"
	ofUser    = "u-"
	ofAddress = "a-"
	ofPrefix  = "p-"

	// What a network's pseudonym says of its family: nothing else in a line does.
	ofIPv4 = ofPrefix + "4"
	ofIPv6 = ofPrefix + "6"
)

// Line is what a refresh of a source came to.
type Line struct {
	Source string
	API    session.API
	Taken  time.Time // the API's clock

	Error string // why the refresh failed; "": it did not

	Complete bool
	Total    int64
	Lifetime *int64 // that the policy allows, in seconds; nil: not known, 0: no limit
	Sessions []Session
}

// Session is a session in a line. What is absent is not known. Its field names are
// those of the format.
type Session struct {
	ID            string     `json:"id"`
	User          string     `json:"user,omitempty"`
	Role          string     `json:"role,omitempty"`
	Status        string     `json:"status"`
	Address       string     `json:"address,omitempty"`
	Network       string     `json:"network,omitempty"` // named by the configuration
	Prefix        string     `json:"prefix,omitempty"`  // of the address, /24 or /48
	IdentityStore string     `json:"identity_store,omitempty"`
	Created       *time.Time `json:"created,omitempty"`
	Ended         *time.Time `json:"ended,omitempty"`
	Expires       *time.Time `json:"expires,omitempty"`
	LastLogin     *time.Time `json:"last_login,omitempty"`
	FailedLogins  *int64     `json:"failed_logins,omitempty"`
	Impersonating *bool      `json:"impersonating,omitempty"`
}

// MarshalJSON writes a line as one of the two kinds that there are.
func (l *Line) MarshalJSON() ([]byte, error) {
	type head struct {
		V      int         `json:"v"`
		Source string      `json:"source"`
		API    session.API `json:"api"`
		Taken  time.Time   `json:"taken"`
	}
	h := head{version, l.Source, l.API, l.Taken.UTC()}
	if l.Error != "" {
		return json.Marshal(struct {
			head
			Error string `json:"error"`
		}{h, l.Error})
	}
	sessions := l.Sessions
	if sessions == nil {
		sessions = []Session{}
	}
	return json.Marshal(struct {
		head
		Complete bool      `json:"complete"`
		Total    int64     `json:"total"`
		Lifetime *int64    `json:"lifetime,omitempty"`
		Sessions []Session `json:"sessions"`
	}{h, l.Complete, l.Total, l.Lifetime, sessions})
}
