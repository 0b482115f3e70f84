package plan

import "cmp"

// Tri is what is known of a yes-or-no question.
type Tri uint8

const (
	Unknown Tri = iota
	Yes
	No
)

// Readable names for the answers to particular questions.
const (
	Exact       = Yes // match
	Loose       = No
	Sensitive   = Yes // case
	Insensitive = No
	Drawn       = Yes // rows
	Fixed       = No
	All         = Yes // total
	Capped      = No
)

// Time is what a time in a filter means.
type Time uint8

const (
	TimeUnknown Time = iota
	TimeBefore       // before or at
	TimeAfter        // after or at
	TimeEqual
	TimeIgnored
	TimeRejected
)

// Capabilities are what the filters of a server were proven to mean.
type Capabilities struct {
	Combine      Tri // several fields mean AND
	ExactIP      Tri // a value is matched as a whole
	ExactStore   Tri
	Case         Tri
	WildcardUser Tri // a final * stands for anything
	WildcardIP   Tri
	Rows         Tri
	Total        Tri
	NoMatch      Form
	Expiry       Time
	Access       Time
}

// or returns what is known, and for what is not what was known before.
func (c Capabilities) or(before Capabilities) Capabilities {
	c.Combine, c.ExactIP, c.ExactStore = cmp.Or(c.Combine, before.Combine), cmp.Or(c.ExactIP, before.ExactIP), cmp.Or(c.ExactStore, before.ExactStore)
	c.Case, c.Rows, c.Total = cmp.Or(c.Case, before.Case), cmp.Or(c.Rows, before.Rows), cmp.Or(c.Total, before.Total)
	c.WildcardUser, c.WildcardIP = cmp.Or(c.WildcardUser, before.WildcardUser), cmp.Or(c.WildcardIP, before.WildcardIP)
	c.NoMatch, c.Expiry, c.Access = cmp.Or(c.NoMatch, before.NoMatch), cmp.Or(c.Expiry, before.Expiry), cmp.Or(c.Access, before.Access)
	return c
}
