package filter

import "strings"

// Holds reports whether a row is what the query asks for, times apart.
func (q Query) Holds(r *Row, fold bool) bool {
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

// Past reports whether a row has the times of a filter, at the latest.
func (q Query) Past(r *Row) bool {
	return (q.Expires == 0 || r.Expires != 0 && r.Expires <= q.Expires) && (q.Used == 0 || r.Used != 0 && r.Used <= q.Used)
}

// Unrelated reports whether a row does not even contain the value that the query
// asks for, as it would under the loosest of filters.
func (q Query) Unrelated(r *Row) bool {
	contains := func(want, have string) bool {
		return strings.Contains(strings.ToLower(have), strings.ToLower(strings.TrimSuffix(want, "*")))
	}
	return !contains(q.IP, r.IP) || !contains(q.Store, r.Store) || !contains(q.User, r.User)
}

// Misfit names the field of a proven filter that a row does not fit.
func (c *Capabilities) Misfit(q Query, r *Row) (Field, bool) {
	fold := c.Case != Sensitive
	switch q.Field() {
	case ByIP:
		return ByIP, !textHolds(q.IP, r.IP, fold)
	case ByStore:
		return ByStore, !textHolds(q.Store, r.Store, fold)
	case ByUser:
		// Users are never counted: a user that is found as a part of another will do.
		return ByUser, !strings.Contains(strings.ToLower(r.User), strings.ToLower(strings.TrimSuffix(q.User, "*")))
	case ByFlag:
		return ByFlag, !q.Holds(r, fold)
	}
	return NoField, false
}

// Askable reports whether a value can be asked for. One with U+FFFD is not what the
// server has: characters of it are lost, or it was cut.
func Askable(v string) bool { return v != "" && !strings.ContainsAny(v, "*\uFFFD") }

// Prefix reports whether a query asks for what begins with a text.
func (q Query) Prefix() bool { return strings.HasSuffix(q.User, "*") || strings.HasSuffix(q.IP, "*") }

// Apart reports whether no session can be in both of two sets, or one of them is
// so large that it does not matter.
func Apart(a, b Query) bool {
	if a == (Query{}) || b == (Query{}) {
		return true
	}
	return textApart(a.User, b.User) || textApart(a.IP, b.IP) || textApart(a.Store, b.Store) || a.Flag != b.Flag && a.Flag != AnyFlag && b.Flag != AnyFlag
}

func textApart(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	p, starA := strings.CutSuffix(a, "*")
	q, starB := strings.CutSuffix(b, "*")
	switch {
	case starA && strings.HasPrefix(q, p), starB && strings.HasPrefix(p, q):
		return false
	}
	return p != q
}
