package plan

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
	NoMatch404   Tri // no match is a 404
	Expiry       Time
	Access       Time
}
