package filter

import "cmp"

// Unknown is what is known of each of these before it is proven.
const Unknown = 0

type (
	Tri   uint8 // the answer to a yes-or-no question
	Match uint8 // of a value
	Case  uint8 // of letters
	Rows  uint8 // that the same search lists
	Total uint8 // of an answer
	Time  uint8 // in a filter
)

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
}

// Or returns what is known, and for what is not what was known before.
func (c Capabilities) Or(before Capabilities) Capabilities {
	return Capabilities{
		Combine: cmp.Or(c.Combine, before.Combine), ExactIP: cmp.Or(c.ExactIP, before.ExactIP), ExactStore: cmp.Or(c.ExactStore, before.ExactStore),
		Case: cmp.Or(c.Case, before.Case), WildcardUser: cmp.Or(c.WildcardUser, before.WildcardUser), WildcardIP: cmp.Or(c.WildcardIP, before.WildcardIP),
		Rows: cmp.Or(c.Rows, before.Rows), Total: cmp.Or(c.Total, before.Total), NoMatch: cmp.Or(c.NoMatch, before.NoMatch),
		Expiry: cmp.Or(c.Expiry, before.Expiry), Access: cmp.Or(c.Access, before.Access),
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
