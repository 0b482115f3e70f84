// Package filter holds the plain values of a session search: what is asked (Query),
// what is answered (Answer), and what a server's filters were proven to mean
// (Capabilities). It decides nothing.
package filter

// Window is the most sessions that one answer lists.
const Window = 28

// Query is a search filter: what is not set is not asked for. A User or IP that
// ends in * stands for all that begin so, if the server is known to read it so.
// Times are Unix seconds.
type Query struct {
	User, IP, Store string
	Flag            Flag
	Expires, Used   int64 // expiryTime, lastAccessTime
}

// Flag is the filter on impersonation.
type Flag uint8

const (
	AnyFlag Flag = iota
	Impersonating
	Plain
)

// Row is a session as an answer lists it.
type Row struct {
	Ref             int // the session's number in this refresh, from 0, the same in each answer
	User, IP, Store string
	Impersonating   bool
	Created         int64 // Unix seconds; 0: missing
	Expires         int64
	Used            int64 // last access
}

// Outcome is what became of a query.
type Outcome uint8

const (
	Found      Outcome = iota
	NoMatch            // answered without a total, in the Form that says that nothing matches
	Rejected           // the server is proven to answer, but not to understand the filter
	Unanswered         // no answer, or none that proves anything
)

// Form is how an answer says that nothing matches. It is found out for each server:
// the same answer may come from what stands before it.
type Form uint8

const (
	FormUnknown Form = iota
	FormTotal        // a total of 0, which needs no proof
	Form404
	Form204
	FormOther // this and all above are the asker's: a 200 without a total
)

// Answer is what a search found.
type Answer struct {
	Outcome Outcome
	Form    Form  // of NoMatch
	At      int64 // the server's clock, Unix seconds
	Took    int64 // seconds by which the sessions may have been counted before that
	Total   int
	Rows    []Row
}

// Field is a field that counts are asked by.
type Field uint8

const (
	NoField Field = iota // none, or several
	ByUser
	ByIP
	ByStore
	ByFlag
)

// Field is the only field that a query asks for; NoField if it asks for none,
// several, or times.
func (q Query) Field() Field {
	f, n := NoField, 0
	set := func(is bool, what Field) {
		if is {
			f, n = what, n+1
		}
	}
	set(q.User != "", ByUser)
	set(q.IP != "", ByIP)
	set(q.Store != "", ByStore)
	set(q.Flag != AnyFlag, ByFlag)
	if n != 1 || q.Expires != 0 || q.Used != 0 {
		return NoField
	}
	return f
}

// Fields is how many fields a query asks for, times apart.
func (q Query) Fields() int {
	n := 0
	for _, is := range [...]bool{q.User != "", q.IP != "", q.Store != "", q.Flag != AnyFlag} {
		if is {
			n++
		}
	}
	return n
}

// Value is the text that a query of a single field asks for.
func (q Query) Value() string {
	switch q.Field() {
	case ByIP:
		return q.IP
	case ByStore:
		return q.Store
	case ByUser:
		return q.User
	}
	return ""
}

// Of is the query for a value of a field.
func Of(f Field, value string) Query {
	switch f {
	case ByIP:
		return Query{IP: value}
	case ByStore:
		return Query{Store: value}
	}
	return Query{User: value}
}

// Value is the row's text in a field.
func (r *Row) Value(f Field) string {
	switch f {
	case ByIP:
		return r.IP
	case ByStore:
		return r.Store
	case ByUser:
		return r.User
	}
	return ""
}

// Kinds are the fields whose values sets of sessions agree in, as bits.
type Kinds uint8

const (
	OfUser Kinds = 1 << iota
	OfIP
	OfStore
)

// Has reports whether a field is among them.
func (k Kinds) Has(f Field) bool {
	return k&OfUser != 0 && f == ByUser || k&OfIP != 0 && f == ByIP || k&OfStore != 0 && f == ByStore
}

// Kinds are the fields whose values a query asks for.
func (q Query) Kinds() (k Kinds) {
	if q.User != "" {
		k |= OfUser
	}
	if q.IP != "" {
		k |= OfIP
	}
	if q.Store != "" {
		k |= OfStore
	}
	return k
}

// Of is the set of those who agree with a row in some fields. A user is one of a
// store: the same name in another store is somebody else, whom a search may miss.
func (r *Row) Of(k Kinds) (q Query) {
	if k&OfUser != 0 {
		q.User = r.User
	}
	if k&OfIP != 0 {
		q.IP = r.IP
	}
	if k&(OfUser|OfStore) != 0 {
		q.Store = r.Store
	}
	return q
}
