package search

import (
	"maps"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

// group is a part of a set, with the points in it.
type group struct {
	q  filter.Query
	ps []point
}

// groups divides the points of a set, in the order in which they were found.
func (d *divider) groups(q filter.Query, ps []point, by filter.Field) []group {
	var out []group
	at := map[filter.Query]int{}
	prefix := d.common(ps, by)
	for _, p := range ps {
		c, ok := q, true
		switch by {
		case filter.ByStore:
			c.Store, ok = p.Store, filter.Askable(p.Store)
		case filter.ByFlag:
			c.Flag = filter.FlagOf(p.Row)
		case filter.ByUser:
			c.User = filter.Next(prefix, d.value(p.Row, by))
		case filter.ByIP:
			c.IP = filter.Next(prefix, d.value(p.Row, by))
		}
		if !ok || c == q {
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

// common is what all values of users, or addresses, begin with.
func (d *divider) common(ps []point, by filter.Field) string {
	if by != filter.ByUser && by != filter.ByIP {
		return ""
	}
	prefix, first := "", true
	for _, p := range ps {
		v := d.value(p.Row, by)
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

// value is what a set is divided by: a user, or an address.
func (d *divider) value(r *filter.Row, by filter.Field) string {
	v := r.User
	if by == filter.ByIP {
		v = r.IP
	}
	if d.can.Case == filter.Insensitive {
		return strings.ToLower(v)
	}
	return v
}

// others are the parts of a set that were not seen in it, but may be: those that
// others show to exist, then what goes on with any other letter.
func (d *divider) others(q filter.Query, gs []group, by filter.Field) (likely, rest []filter.Query) {
	found := map[filter.Query]bool{}
	for _, g := range gs {
		found[g.q] = true
	}
	unseen := func(qs []filter.Query) (out []filter.Query) {
		for _, c := range qs {
			if !found[c] && !d.asked(c) {
				found[c] = true
				out = append(out, c)
			}
		}
		return out
	}
	switch {
	case by == filter.ByStore:
		return unseen(d.otherStores(q)), nil
	case by == filter.ByFlag || len(gs) < 2:
		return nil, nil
	}
	values, rest := d.otherValues(q, gs, by)
	return unseen(values), unseen(rest)
}

func (d *divider) otherStores(q filter.Query) (qs []filter.Query) {
	for _, x := range d.order {
		if x.q.Field() == filter.ByStore && x.total > 0 {
			q.Store = x.q.Store
			qs = append(qs, q)
		}
	}
	return qs
}

// otherValues are those of rows elsewhere, and any that may be.
func (d *divider) otherValues(q filter.Query, gs []group, by filter.Field) (values, rest []filter.Query) {
	of := func(c filter.Query) string {
		if by == filter.ByUser {
			return c.User
		}
		return c.IP
	}
	with := func(v string) filter.Query {
		c := q
		if by == filter.ByUser {
			c.User = v
		} else {
			c.IP = v
		}
		return c
	}
	prefix := strings.TrimSuffix(of(gs[0].q), "*")
	for _, g := range gs {
		prefix = filter.Shared(prefix, strings.TrimSuffix(of(g.q), "*"))
	}
	used := map[rune]bool{}
	for i, rows := 0, d.log.Rows(); i < len(rows); i++ {
		v := d.value(&rows[i], by)
		if n := filter.Next(prefix, v); n != "" {
			values = append(values, with(n))
		}
		if by == filter.ByIP && strings.Contains(v, ":") != strings.Contains(prefix, ":") && prefix != "" {
			continue // another kind of address
		}
		for _, l := range v {
			used[l] = true
		}
	}
	for _, v := range letters(strings.TrimSuffix(of(q), "*"), prefix, usual(by), used) {
		rest = append(rest, with(v))
	}
	return values, rest
}

// letters are what else values may be that begin with base, and have begun with
// prefix so far: the prefix itself, what parts from it with a usual letter, and what
// goes on with one that is used.
func letters(base, prefix, usual string, used map[rune]bool) (out []string) {
	if prefix != "" {
		out = append(out, prefix)
	}
	for i := len(base); i < len(prefix) && !strings.Contains(prefix, ":"); i++ {
		for _, l := range usual {
			if !strings.HasPrefix(prefix[i:], string(l)) {
				out = append(out, prefix[:i]+string(l)+"*")
			}
		}
	}
	for _, l := range slices.Sorted(maps.Keys(used)) {
		out = append(out, prefix+string(l)+"*")
	}
	return out
}

// usual returns what names, or addresses, begin with.
func usual(by filter.Field) string {
	if by == filter.ByIP {
		return "123456789"
	}
	return "abcdefghijklmnopqrstuvwxyz0123456789"
}
