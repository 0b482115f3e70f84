package filter

import (
	"net/netip"
	"strings"
)

// A source may be told to look at a part of the sessions only: then everything is
// what matches a base, which is a part of each query that is sent. Its values are
// texts, never prefixes.

// Within is the query for what a query matches within a base. It reports false if
// the base has a value for a field that the query asks for: what is fixed can't be
// divided.
func (q Query) Within(base Query) (Query, bool) {
	if q.Kinds()&base.Kinds() != 0 || q.Flag != AnyFlag && base.Flag != AnyFlag {
		return q, false
	}
	// One of each two is empty.
	q.User, q.IP, q.Store, q.Flag = q.User+base.User, q.IP+base.IP, q.Store+base.Store, q.Flag+base.Flag
	return q, true
}

// Admits reports whether a row is in a base. An address is the same in any spelling.
func (q Query) Admits(r *Row, fold bool) bool {
	same := func(want, have string) bool {
		return want == "" || want == have || fold && strings.EqualFold(want, have)
	}
	return same(q.User, r.User) && (same(q.IP, r.IP) || sameAddress(q.IP, r.IP)) && same(q.Store, r.Store) &&
		(q.Flag == AnyFlag || q.Flag == FlagOf(r))
}

// sameAddress compares an address with one that may be the first of a list.
func sameAddress(want, have string) bool {
	x, err := netip.ParseAddr(want)
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(have, ",")
	y, err := netip.ParseAddr(first)
	return err == nil && x.Unmap() == y.Unmap()
}

// Without is the row without the texts that a base has: they divide nothing.
func (r Row) Without(base Query) Row {
	if base.User != "" {
		r.User = ""
	}
	if base.IP != "" {
		r.IP = ""
	}
	if base.Store != "" {
		r.Store = ""
	}
	return r
}
