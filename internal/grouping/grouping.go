// Package grouping says how sessions are grouped by label: which values are
// published by name, prefixes and networks of addresses, the reserved values. config
// fills it in, collector counts by it.
package grouping

import (
	"net/netip"
	"slices"
)

// Grouping says how sessions are grouped. It must not be changed.
type Grouping struct {
	Labels   Labels
	Networks []Network // in the configuration's order; none: no metrics by network
}

// Labels bounds each metric label that data can grow.
type Labels struct {
	Role          Label    `yaml:"role"`
	LoginType     Label    `yaml:"login_type"`
	ClientIP      ClientIP `yaml:"client_ip"`
	IdentityStore Label    `yaml:"identity_store"`
}

// Label is a label with a limit.
type Label struct {
	Limit int `yaml:"limit"` // values published by name, 1 to 10000; what is beyond is counted in Other
}

// ClientIP is the label client_ip.
type ClientIP struct {
	Limit      int  `yaml:"limit"`       // values published by name, 1 to 10000
	IPv4Prefix int  `yaml:"ipv4_prefix"` // bits kept, 1 to 32
	IPv6Prefix int  `yaml:"ipv6_prefix"` // bits kept, 1 to 128
	Disabled   bool `yaml:"disabled"`    // the family by client IP is not published
}

// Network gives a range of addresses the name that the label client_network
// shows. Several may share a name. Where several prefixes hold an address, the
// longest one counts.
type Network struct {
	Name   string       // UTF-8, 1 to MaxBytes bytes, no control characters, not reserved
	Prefix netip.Prefix // masked; IPv4 is never wrapped in IPv6; none twice
}

// MaxBytes is the length of the longest label value.
const MaxBytes = 128

// The reserved label values. They don't count towards a limit, and data that
// spells one of them merges into it.
const (
	None    = "none"    // the API told no value
	Invalid = "invalid" // not an address
	Other   = "other"   // beyond the limit, or not resolved
	Unknown = "unknown" // not resolved (client_network only)
)

// ReservedValues are the label values that have a meaning of their own.
func ReservedValues() []string { return []string{None, Invalid, Other, Unknown} }

// Reserved reports whether a label value has a meaning of its own.
func Reserved(v string) bool { return slices.Contains(ReservedValues(), v) }
