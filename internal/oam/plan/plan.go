// Package plan drives one refresh of an OAM, by values: queries go out, answers come
// in, and somebody else sends them. It parts what is asked from what is proven:
//
//	filter      what a query, an answer, and a server's abilities are
//	evidence    what answers prove: all that is published comes from here
//	probe       what a server's filters mean
//	search      what to ask next: a wrong guess costs queries, never a wrong number
//	refresh.go  the driver, and the only place that sends
//	memory.go   the only place that writes what outlives a refresh
//
// Whoever has read refresh.go and package evidence has seen everything that a
// published number rests on, given what package probe proves of the filters and of
// how the server says that nothing matches. The files of testdata are transcripts of
// refreshes, one a kind of server: which search, what came, and what is known by then.
package plan

import "iam_session_exporter/internal/oam/filter"

// Limits say what is wanted and known beforehand.
type Limits struct {
	Filter    filter.Query // that each query is within; empty: none
	Addresses int          // addresses whose count is wanted: the largest ones
	Stores    []string     // known beforehand
	Users     []User       // worth asking for by name if not all can be listed
	Idle      int64        // seconds without use after which a session is idle; 0: never

	// Sole reports whether an address may be handed over: others get no place.
	// ended: nothing more is asked in this refresh. Nil: all may.
	Sole func(ip string, ended bool) bool
}

func (l *Limits) sole(ip string, ended bool) bool { return l.Sole == nil || l.Sole(ip, ended) }

// User is somebody of a store to ask for. Several stores may have a user of that name:
// one query asks for all of them.
type User struct {
	Name, Store string
	Urgent      bool // comes before those that are not
}

// Client sends searches.
type Client interface {
	// Search returns the answers in the queries' order: Unanswered for a query that
	// failed. Fewer answers than queries mean that no more will be answered in this
	// refresh. The first answer of a refresh is Found.
	Search([]filter.Query) []filter.Answer
	// Remaining is how many queries may still be sent, as far as is known.
	Remaining() int
	// Concurrency is how many queries may run at once.
	Concurrency() int
}
