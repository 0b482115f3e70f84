package session

// Set is the sessions that agree with all that it says. Of what is zero in it,
// it says nothing.
type Set struct {
	User          Key
	ClientIP      string // as Sessions spell it
	IdentityStore string // as Sessions spell it
	Impersonating Whether
}

// Whether is yes, no, or not said.
type Whether uint8

const (
	NotSaid Whether = iota
	Yes
	No
)
