package session

// Facts is a set of things that some sources can say, and others can't. It is
// what the rest of the program asks instead of which API it is.
type Facts uint16

const (
	FactRole          Facts = 1 << iota // a session has a role
	FactIdentityStore                   // a session has an identity store
	FactImpersonation                   // a session may impersonate another user
	FactFailedLogins                    // a session says how many logins failed before it
	FactAccountLimit                    // the account has a limit of sessions
	FactDrift                           // the total is asked for at the begin and the end of a refresh
	FactSearch                          // its search filters have to be explored; Info has what they mean
	FactLoginType                       // a session says by what kind of login it began
	FactLocks                           // users that are locked can be counted
	FactLastLogin                       // a session says when its user logged in before
	FactPartial                         // at its deadline a refresh returns what is proven by then
)

// Has reports whether all of need are in f.
func (f Facts) Has(need Facts) bool { return f&need == need }

// Info is what a source has found out about its API. It may change with each
// refresh.
type Info struct {
	Filtered []string // the keys by which sessions are filtered; none: all are asked for

	Labels []Label // of the info metric; none: there is no such metric

	// For people.
	Title      string // what Text is about
	Text       string // the labels in words
	Incomplete string // what a listing that is not complete means; "": the usual
}

// Label is a label of a metric.
type Label struct{ Name, Value string }

// Want says what is worth asking an API for.
type Want struct {
	// ClientIPs is how many client addresses are worth asking for one by one,
	// the ones with most sessions.
	ClientIPs int

	// Identities says that Snapshot.Identities is wanted.
	Identities bool

	// Users are worth asking for by name where not all sessions can be listed. Of
	// those that are equally urgent, the source asks for the one that it has not
	// asked for longest.
	Users []User
}

// User is somebody to ask an API for.
type User struct {
	Name   Name
	Store  string // OAM: idStoreName, which is part of the user's identity; "": not known
	Urgent bool   // comes before all that are not
}
