// Package collector turns snapshots of login sessions into metrics. On each
// scrape it asks every source for a snapshot, concurrently and within the time
// Prometheus allows, counts the sessions by status, role, client IP, identity
// store and network, and keeps the counters of what started, ended and failed.
// It knows sources only as session.Source, and asks their Facts which families
// they have.
//
// The way of a scrape: a Scrape asks each Source; sharing finds or makes the flight
// that answers it; the source's snapshot moves the counters in memory and becomes
// a view; exposition writes it; health is what remains for people.
package collector

import (
	"math"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// Options describe one source to the collector.
type Options struct {
	Name        string // value of the label "source"
	API         session.API
	Timeout     time.Duration // the most one refresh may take
	MinInterval time.Duration // from the start of a refresh until the API may be asked again
	ProbeOnly   bool          // left out of scrapes that name no source

	grouping.Grouping // as it is at first

	Observer Observer // told what each refresh came to; nil: nobody is

	Now    func() time.Time
	Logger log.Logger

	facts session.Facts // what the source can say
}

// labels returns the dimensions that are published as labels, with their
// limits, in the order in which they are published.
func (o *Options) labels() []labelled {
	var l []labelled
	if o.facts.Has(session.FactRole) {
		l = append(l, labelled{session.DimensionRole, o.Labels.Role.Limit})
	}
	if !o.Labels.ClientIP.Disabled {
		l = append(l, labelled{session.DimensionClientIP, o.Labels.ClientIP.Limit})
	}
	if o.facts.Has(session.FactIdentityStore) {
		l = append(l, labelled{session.DimensionIdentityStore, o.Labels.IdentityStore.Limit})
	}
	if o.facts.Has(session.FactLoginType) {
		l = append(l, labelled{session.DimensionLoginType, o.Labels.LoginType.Limit})
	}
	return l
}

// wantedAddresses is how many client addresses are worth asking for one by one:
// all of them where a value that is published is a sum over many.
func (o *Options) wantedAddresses() int {
	ip := o.Labels.ClientIP
	switch {
	case len(o.Networks) > 0, !ip.Disabled && (ip.IPv4Prefix < 32 || ip.IPv6Prefix < 128):
		return math.MaxInt32
	case ip.Disabled:
		return 0
	}
	return ip.Limit
}

type labelled struct {
	dimension session.Dimension
	limit     int
}
