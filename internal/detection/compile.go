package detection

import (
	"time"

	"iam_session_exporter/internal/session"
)

// compiled is what a source's settings mean, ready to be used.
type compiled struct {
	source   Source
	settings *Settings
	fold     bool // a user's name is the same in any case
	locate   func(string) (Place, bool)

	table   []Detection
	tunings []Tunings // of each of table
	able    []bool    // the source has the facts that it needs
	active  []active  // those that look for something

	privileged names
	roles      set
	services   names
	shared     set
	exceptions []exception

	sizes sizes
}

// sizes are how much the snapshot before had, so that the next finds room at once.
type sizes struct{ users, places, findings int }

// active is a detection that is on, with its settings.
type active struct {
	*Detection
	index               int
	general, privileged variant
}

// variant is a Tuning, ready to be used.
type variant struct {
	*Tuning
	on     bool
	named  names
	roles  set
	stores set
	expect []expectation
}

type expectation struct {
	users    names
	roles    set
	networks set
}

type exception struct {
	users                   names
	byUser                  bool
	roles, stores, networks set
	hides                   mask
	until                   time.Time
}

// mask is a set of detections, by their place in the table.
type mask uint32

func bit(index int) mask { return 1 << index }

type set map[string]bool

func newSet(all []string) set {
	s := make(set, len(all))
	for _, v := range all {
		s[v] = true
	}
	return s
}

func compile(source Source, settings *Settings) *compiled {
	c := &compiled{source: source, settings: settings, fold: source.API != session.OAM, locate: settings.Locate, table: All()}
	if c.locate == nil {
		c.locate = func(string) (Place, bool) { return Place{}, false }
	}
	c.privileged, c.roles = *newNames(settings.Privileged.Users, c), newSet(settings.Privileged.Roles)
	c.services, c.shared = *newNames(settings.ServiceAccounts, c), newSet(settings.SharedNetworks)
	for i := range c.table {
		d := &c.table[i]
		t := d.Tune(settings.Detections[d.Key])
		c.tunings, c.able = append(c.tunings, t), append(c.able, source.Facts.Has(d.Needs))
		if c.able[i] && t.On(d) {
			c.active = append(c.active, active{d, i, c.variant(d, &t.General), c.variant(d, &t.Privileged)})
		}
	}
	for _, x := range settings.Exceptions {
		if len(x.Sources) == 0 || newSet(x.Sources)[source.Name] {
			c.exceptions = append(c.exceptions, c.exception(x))
		}
	}
	return c
}

func (c *compiled) variant(d *Detection, t *Tuning) variant {
	copied := *t
	v := variant{Tuning: &copied, on: d.On(t), named: *newNames(t.Users, c), roles: newSet(t.Roles), stores: newSet(t.Stores)}
	for _, e := range t.Expect {
		v.expect = append(v.expect, expectation{*newNames(e.Users, c), newSet(e.Roles), newSet(e.Networks)})
	}
	return v
}

func (c *compiled) exception(x Exception) exception {
	e := exception{
		users: *newNames(x.Users, c), byUser: len(x.Users) > 0,
		roles: newSet(x.Roles), stores: newSet(x.IdentityStores), networks: newSet(x.Networks),
		until: x.Until,
	}
	for i, d := range c.table {
		if len(x.Detections) == 0 || newSet(x.Detections)[d.Key] {
			e.hides |= bit(i)
		}
	}
	return e
}

// fits reports whether a session with these properties fits all but the users.
func (e *exception) fits(role, store, network string) bool {
	return (len(e.roles) == 0 || e.roles[role]) &&
		(len(e.stores) == 0 || e.stores[store]) &&
		(len(e.networks) == 0 || network != "" && e.networks[network])
}

// byIndex returns the detection at a place of the table, if it is on.
func (c *compiled) byIndex(index int) *active {
	for i := range c.active {
		if c.active[i].index == index {
			return &c.active[i]
		}
	}
	return nil
}
