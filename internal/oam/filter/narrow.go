package filter

import (
	"strings"
	"unicode/utf8"
)

// Narrow calls do with each query that narrows one by a further field, or by a
// letter more of a prefix, and that a row still fits: as far as the server is proven
// to understand it. Those of one kind match disjoint sets.
func (c *Capabilities) Narrow(q Query, r *Row, do func(Query)) {
	if q == (Query{}) {
		c.narrowAll(r, do)
		return
	}
	n := narrowing{c, q, r, do}
	n.prefixes()
	if c.Combine == Yes {
		n.combinations()
	}
}

// narrowAll narrows the query for everything.
func (c *Capabilities) narrowAll(r *Row, do func(Query)) {
	if Askable(r.Store) {
		do(Query{Store: r.Store})
	}
	do(Query{Flag: FlagOf(r)})
	if Askable(r.IP) {
		do(Query{IP: r.IP})
	}
	if Askable(r.User) {
		do(Query{User: r.User})
	}
	if v := Longer("", r.IP); v != "" && c.WildcardIP == Yes {
		do(Query{IP: v})
	}
	if v := Longer("", r.User); v != "" && c.WildcardUser == Yes {
		do(Query{User: v})
	}
}

// FlagOf is the flag that a row has.
func FlagOf(r *Row) Flag {
	if r.Impersonating {
		return Impersonating
	}
	return Plain
}

type narrowing struct {
	can *Capabilities
	q   Query
	r   *Row
	do  func(Query)
}

func (n *narrowing) user(v string) {
	if v != "" {
		c := n.q
		c.User = v
		n.do(c)
	}
}

func (n *narrowing) ip(v string) {
	if v != "" {
		c := n.q
		c.IP = v
		n.do(c)
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
			n.do(c)
		}
		if Askable(r.User) {
			n.user(r.User)
		}
	}
	if exact(q.User) && q.IP == "" && Askable(r.IP) {
		n.ip(r.IP)
	}
	if q.Store != "" && q.IP == "" && q.Flag == AnyFlag {
		c := q
		c.Flag = FlagOf(r)
		n.do(c)
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
