package session

// Set is the sessions that agree with all that it says; of what is zero in it, it
// says nothing. It says only what a session keeps for as long as it lasts.
type Set struct {
	User          Key
	ClientIP      string // as Sessions spell it
	IdentityStore string // as Sessions spell it
}
