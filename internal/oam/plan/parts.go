package plan

import (
	"iam_session_exporter/internal/oam/filter"
	"maps"
	"slices"
	"strings"
)

type group struct {
	q  Query
	ps []point
}

// groups divides the points of a set, in the order in which they were found.
func (d *divider) groups(q Query, ps []point, by int) []group {
	var out []group
	at := map[Query]int{}
	of := func(p point) string { return d.value(p.Row, by) }
	prefix := ""
	if by == byUser || by == byIP {
		prefix = common(ps, of)
	}
	for _, p := range ps {
		c := q
		switch by {
		case byStore:
			c.Store = p.Store
			if !filter.Askable(p.Store) {
				continue
			}
		case byFlag:
			c.Flag = Plain
			if p.Impersonating {
				c.Flag = Impersonating
			}
		case byUser:
			c.User = filter.Next(prefix, of(p))
		case byIP:
			c.IP = filter.Next(prefix, of(p))
		}
		if c == q {
			continue
		}
		i, ok := at[c]
		if !ok {
			i = len(out)
			at[c] = i
			out = append(out, group{q: c})
		}
		out[i].ps = append(out[i].ps, p)
	}
	return out
}

// common is what all values begin with.
func common(ps []point, of func(point) string) string {
	prefix, first := "", true
	for _, p := range ps {
		v := of(p)
		switch {
		case v == "":
		case first:
			prefix, first = v, false
		default:
			prefix = filter.Shared(prefix, v)
		}
	}
	return prefix
}

// others are the parts of a set that were not seen in it, but may be: those that
// others show to exist, then what goes on with any other letter.
func (d *divider) others(q Query, gs []group, by int) (likely, rest []Query) {
	found := map[Query]bool{}
	for _, g := range gs {
		found[g.q] = true
	}
	add := func(to *[]Query, c Query) {
		if !found[c] && !d.asked(c) {
			found[c] = true
			*to = append(*to, c)
		}
	}
	c := q
	if by == byStore {
		for _, x := range d.s.order {
			if x.q.Field() == fieldStore && x.total > 0 {
				c.Store = x.q.Store
				add(&likely, c)
			}
		}
	}
	if by != byUser && by != byIP || len(gs) < 2 {
		return likely, nil
	}
	field := func(c *Query) *string {
		if by == byUser {
			return &c.User
		}
		return &c.IP
	}
	prefix := strings.TrimSuffix(*field(&gs[0].q), "*")
	for _, g := range gs {
		prefix = filter.Shared(prefix, strings.TrimSuffix(*field(&g.q), "*"))
	}
	letters := map[rune]bool{}
	for i := range d.s.rows {
		v := d.value(&d.s.rows[i], by)
		if *field(&c) = filter.Next(prefix, v); *field(&c) != "" {
			add(&likely, c)
		}
		if by == byIP && strings.Contains(v, ":") != strings.Contains(prefix, ":") && prefix != "" {
			continue
		}
		for _, l := range v {
			letters[l] = true
		}
	}
	if prefix != "" {
		*field(&c) = prefix // the name that the others begin with
		add(&rest, c)
	}
	// All that were seen may begin alike, and others not.
	base := strings.TrimSuffix(*field(&q), "*")
	for i := range prefix {
		if i < len(base) || strings.Contains(prefix, ":") {
			continue
		}
		for _, l := range usual(by) {
			if !strings.HasPrefix(prefix[i:], string(l)) {
				*field(&c) = prefix[:i] + string(l) + "*"
				add(&rest, c)
			}
		}
	}
	for _, l := range slices.Sorted(maps.Keys(letters)) {
		*field(&c) = prefix + string(l) + "*"
		add(&rest, c)
	}
	return likely, rest
}

// usual returns what names, or addresses, begin with.
func usual(by int) string {
	if by == byIP {
		return "123456789"
	}
	return "abcdefghijklmnopqrstuvwxyz0123456789"
}

// value is what a set is divided by.
func (d *divider) value(r *Row, by int) string {
	v := r.User
	if by == byIP {
		v = r.IP
	}
	if d.s.mem.can.Case == Insensitive {
		return strings.ToLower(v)
	}
	return v
}
