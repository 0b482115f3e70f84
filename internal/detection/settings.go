package detection

import (
	"maps"
	"slices"
	"time"

	"iam_session_exporter/internal/session"
)

// Source is whose snapshots are judged.
type Source struct {
	Name  string
	API   session.API
	Facts session.Facts
}

// Settings are those of one source. They must not be changed.
type Settings struct {
	Key []byte // of pseudonyms

	Pseudonymous  bool          // annotations say no user, address or Moid
	ResendDelay   time.Duration // an alert that fires is sent again after this
	Hold          time.Duration // an alert's least life, and how long Alertmanager keeps it
	KeepFiringFor time.Duration // how long a finding must be gone
	MaxAlerts     int           // of one detection
	Labels        map[string]string
	DashboardURL  string // of Grafana, without a slash at its end; "": none
	ExternalURL   string // of this exporter, without a slash at its end; "": none

	Privileged      Who
	ServiceAccounts []string // patterns
	SharedNetworks  []string
	Exceptions      []Exception         // of all sources
	Detections      map[string]Override // by key

	// Locate says where a client address is, as the API formats it. nil: nowhere.
	Locate func(clientIP string) (Place, bool)

	// Recorded: users are their own pseudonyms already, and so are addresses.
	Recorded bool
}

// Who names users by themselves or by a role.
type Who struct {
	Roles []string `yaml:"roles,flow"`
	Users []string `yaml:"users,flow"` // patterns
}

// Exception hides sessions from detections: those that fit all lists that are
// not empty.
type Exception struct {
	Users          []string // patterns
	Roles          []string
	IdentityStores []string
	Networks       []string

	Detections []string // none: all
	Sources    []string // none: all
	Until      time.Time
	Reason     string
}

// Place is where a client address is.
type Place struct {
	Address string // canonical
	Network string // named by the configuration; "": in none of those
	Prefix  string // the network of an address that is in no named one
	IPv6    bool
}

// area is the network that a place is in.
func (p *Place) area() string {
	if p.Network != "" {
		return p.Network
	}
	return p.Prefix
}

// sameIdentity reports whether two settings make the same alerts of a finding.
func (s *Settings) sameIdentity(o *Settings) bool {
	return slices.Equal(s.Key, o.Key) && maps.Equal(s.Labels, o.Labels)
}
