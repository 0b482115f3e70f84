package filter

import (
	"strings"
	"unicode/utf8"
)

// Narrow appends the queries that narrow one by a further field, or by a letter more
// of a prefix, and that a row still fits: as far as the server is proven to
// understand them. Those of one kind match disjoint sets.
func (c *Capabilities) Narrow(q Query, r *Row, to []Query) []Query {
	n := narrowing{c, q, r, to}
	if q == (Query{}) {
		n.everything()
		return n.out
	}
	n.prefixes()
	if c.Combine == Yes {
		n.combinations()
	}
	return n.out
}

// everything narrows the query for everything.
func (n *narrowing) everything() {
	r := n.r
	if Askable(r.Store) {
		n.add(Query{Store: r.Store})
	}
	if !n.can.NoFlag {
		n.add(Query{Flag: FlagOf(r)})
	}
	if Askable(r.IP) {
		n.ip(r.IP)
	}
	if Askable(r.User) {
		n.user(r.User)
	}
	if n.can.WildcardIP == Yes {
		n.ip(Longer("", r.IP))
	}
	if n.can.WildcardUser == Yes {
		n.user(Longer("", r.User))
	}
}

// FlagOf is the flag that a row has.
func FlagOf(r *Row) Flag {
	if r.Impersonating {
		return Impersonating
	}
	return Plain
}

// narrowing is a query that is narrowed by a row.
type narrowing struct {
	can *Capabilities
	q   Query
	r   *Row
	out []Query
}

func (n *narrowing) add(q Query) { n.out = append(n.out, q) }

// user adds the query with a user, if there is one.
func (n *narrowing) user(v string) {
	if v != "" {
		c := n.q
		c.User = v
		n.add(c)
	}
}

// ip adds the query with an address, if there is one.
func (n *narrowing) ip(v string) {
	if v != "" {
		c := n.q
		c.IP = v
		n.add(c)
	}
}

// prefixes makes prefixes longer.
func (n *narrowing) prefixes() {
	ip, isIP := strings.CutSuffix(n.q.IP, "*")
	user, isUser := strings.CutSuffix(n.q.User, "*")
	if n.can.Combine == Yes && isIP && n.q.User == "" && n.can.WildcardUser == Yes {
		n.user(Longer("", n.r.User))
	}
	if n.can.Combine == Yes && isUser && n.q.IP == "" && n.can.WildcardIP == Yes {
		n.ip(Longer("", n.r.IP))
	}
	if isIP {
		n.ip(Longer(ip, n.r.IP))
		if ip == n.r.IP {
			n.ip(ip)
		}
	}
	if isUser && user != "" {
		n.user(Longer(user, n.r.User))
		if user == n.r.User {
			n.user(user)
		}
	}
}

// combinations adds another field.
func (n *narrowing) combinations() {
	q, r := n.q, n.r
	alone := q.Store == "" && q.Flag == AnyFlag
	if exact(q.IP) && q.User == "" {
		if alone && n.can.WildcardUser == Yes {
			n.user(Longer("", r.User))
		}
		if alone && Askable(r.Store) {
			c := q
			c.Store = r.Store
			n.add(c)
		}
		if Askable(r.User) {
			n.user(r.User)
		}
	}
	if exact(q.User) && q.IP == "" && Askable(r.IP) {
		n.ip(r.IP)
	}
	if q.Store != "" && q.IP == "" && q.Flag == AnyFlag && !n.can.NoFlag {
		c := q
		c.Flag = FlagOf(r)
		n.add(c)
	}
}

// exact reports whether a text asks for a value, not for what begins so.
func exact(text string) bool { return text != "" && !strings.HasSuffix(text, "*") }

// Longer returns the wildcard one letter longer than a prefix that still fits a
// value; empty if there is none.
func Longer(prefix, value string) string {
	if len(value) <= len(prefix) || !Askable(value) || !strings.HasPrefix(value, prefix) {
		return ""
	}
	_, n := utf8.DecodeRuneInString(value[len(prefix):])
	return value[:len(prefix)+n] + "*"
}

// Next is the narrower filter on a value: what begins with one letter more than a
// prefix, or the prefix itself.
func Next(prefix, value string) string {
	if value == prefix && Askable(value) {
		return value
	}
	return Longer(prefix, value)
}

// Shared is what two values begin with.
func Shared(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && !utf8.ValidString(a[:n]) {
		n--
	}
	return a[:n]
}
