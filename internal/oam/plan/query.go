package plan

import "strings"

// Query is a search filter: what is not set is not asked for. A User or IP that
// ends in * stands for all that begin so, where the server is known to read it
// so. Times are Unix seconds.
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
	Ref             int // the session's number in this scrape, from 0, the same in each answer
	User, IP, Store string
	Impersonating   bool
	Created         int64 // Unix seconds; 0: not told
	Expires         int64
	Used            int64 // last access
}

// Outcome is what became of a query.
type Outcome uint8

const (
	Found    Outcome = iota
	NoMatch          // answered by a 404: nothing matches
	Rejected         // answered by a 400 or 500: the filter was not understood
)

// Answer is what a search found.
type Answer struct {
	Outcome Outcome
	At      int64 // the server's clock, Unix seconds
	Took    int64 // seconds by which the sessions may have been counted before that
	Total   int
	Rows    []Row
}

// field is a field that counts are asked by.
type field uint8

const (
	fieldNone field = iota // none, or several
	fieldUser
	fieldIP
	fieldStore
	fieldFlag
)

func (q Query) field() field {
	f, n := fieldNone, 0
	set := func(is bool, what field) {
		if is {
			f, n = what, n+1
		}
	}
	set(q.User != "", fieldUser)
	set(q.IP != "", fieldIP)
	set(q.Store != "", fieldStore)
	set(q.Flag != AnyFlag, fieldFlag)
	if n != 1 || q.Expires != 0 || q.Used != 0 {
		return fieldNone
	}
	return f
}

func (x *set) fields() int {
	n := 0
	for _, is := range [...]bool{x.q.User != "", x.q.IP != "", x.q.Store != "", x.q.Flag != AnyFlag} {
		if is {
			n++
		}
	}
	return n
}

// holds reports whether a row is what the query asks for, times apart.
func (q Query) holds(r *Row, fold bool) bool {
	return textHolds(q.User, r.User, fold) && textHolds(q.IP, r.IP, fold) && textHolds(q.Store, r.Store, fold) &&
		(q.Flag == AnyFlag || (q.Flag == Impersonating) == r.Impersonating)
}

func textHolds(want, have string, fold bool) bool {
	if want == "" {
		return true
	}
	prefix, is := strings.CutSuffix(want, "*")
	if fold {
		prefix, have = strings.ToLower(prefix), strings.ToLower(have)
	}
	if is {
		return strings.HasPrefix(have, prefix)
	}
	return have == prefix
}

// unrelated reports whether a row does not even contain the value that the query
// asks for, as it would under the loosest of filters.
func (q Query) unrelated(r *Row) bool {
	contains := func(want, have string) bool {
		return strings.Contains(strings.ToLower(have), strings.ToLower(strings.TrimSuffix(want, "*")))
	}
	return !contains(q.IP, r.IP) || !contains(q.Store, r.Store) || !contains(q.User, r.User)
}

// misfit names the field of a proven filter that a row does not fit.
func (c *Capabilities) misfit(q Query, r *Row) (field, bool) {
	fold := c.Case != Sensitive
	switch q.field() {
	case fieldIP:
		return fieldIP, !textHolds(q.IP, r.IP, fold)
	case fieldStore:
		return fieldStore, !textHolds(q.Store, r.Store, fold)
	case fieldUser:
		// Users are never counted: a user that is found as a part of another will do.
		return fieldUser, !strings.Contains(strings.ToLower(r.User), strings.ToLower(strings.TrimSuffix(q.User, "*")))
	case fieldFlag:
		return fieldFlag, !q.holds(r, fold)
	}
	return fieldNone, false
}
