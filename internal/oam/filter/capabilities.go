package filter

import "cmp"

// Unknown is what is known of each of these before it is proven.
const Unknown = 0

// Tri is the answer to a yes-or-no question.
type Tri uint8

// Match is how a value is matched.
type Match uint8

// Case is whether upper and lower case matter.
type Case uint8

// Rows is which sessions the same search lists.
type Rows uint8

// Total is what the total of an answer counts.
type Total uint8

// Time is what a time in a filter means.
type Time uint8

const (
	Yes Tri = 1 + iota
	No
)

const (
	Exact Match = 1 + iota // a value is matched as a whole
	Loose
)

const (
	Sensitive Case = 1 + iota
	Insensitive
)

const (
	Sampled Rows = 1 + iota // others each time
	Stable                  // the same ones
)

const (
	All    Total = 1 + iota // counts all that match
	Capped                  // is limited
)

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
	ExactIP      Match
	ExactStore   Match
	Case         Case
	WildcardUser Tri // a final * stands for anything
	WildcardIP   Tri
	Rows         Rows
	Total        Total
	NoMatch      Form
	Expiry       Time
	Access       Time

	NoFlag bool // the flag can't be asked for: the source's filter has it already
}

// Or returns what is known, and for what is not what was known before.
func (c Capabilities) Or(before Capabilities) Capabilities {
	return Capabilities{
		Combine: cmp.Or(c.Combine, before.Combine), ExactIP: cmp.Or(c.ExactIP, before.ExactIP), ExactStore: cmp.Or(c.ExactStore, before.ExactStore),
		Case: cmp.Or(c.Case, before.Case), WildcardUser: cmp.Or(c.WildcardUser, before.WildcardUser), WildcardIP: cmp.Or(c.WildcardIP, before.WildcardIP),
		Rows: cmp.Or(c.Rows, before.Rows), Total: cmp.Or(c.Total, before.Total), NoMatch: cmp.Or(c.NoMatch, before.NoMatch),
		Expiry: cmp.Or(c.Expiry, before.Expiry), Access: cmp.Or(c.Access, before.Access), NoFlag: c.NoFlag || before.NoFlag,
	}
}

// Exact says how values of a field are matched.
func (c *Capabilities) Exact(f Field) Match {
	switch f {
	case ByIP:
		return c.ExactIP
	case ByStore:
		return c.ExactStore
	}
	return Exact
}
