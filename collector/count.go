package collector

import (
	"iter"
	"maps"
	"slices"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// perStatus counts sessions by status, indexed by session.Status.
type perStatus [session.Terminated + 1]int

func (p *perStatus) add(q *perStatus) {
	for i := range p {
		p[i] += q[i]
	}
}

func (p *perStatus) sum() int {
	n := 0
	for _, v := range p {
		n += v
	}
	return n
}

// tally counts sessions by label value and status.
type tally map[string]*perStatus

func (t tally) of(value string) *perStatus {
	p := t[value]
	if p == nil {
		p = new(perStatus)
		t[value] = p
	}
	return p
}

// census counts a snapshot's sessions by a label made of a dimension's raw
// values, before it is decided which of them are published by name.
type census struct {
	total  int
	rest   string         // the value of what is not resolved
	listed tally          // sessions listed, those of values that are not resolved in rest
	more   map[string]int // sessions counted of a value beyond those listed

	unresolved int
	distinct   int // values, reserved ones apart
}

// take counts sessions by the values that label makes.
func take(snap *session.Snapshot, d session.Dimension, label func(raw string) string, rest string) *census {
	c := &census{total: totalOf(snap), rest: rest, listed: tally{}, more: map[string]int{}}
	r := snap.Resolved[d]
	raws := tally{}                                 // by raw value: labels are made once for each
	known, last, counts := 0, "", (*perStatus)(nil) // many sessions have the value of the one before
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if !s.Known(d) {
			c.listed.of(rest)[s.Status]++
			continue
		}
		known++
		if v := s.Value(d); counts == nil || v != last {
			last, counts = v, raws.of(v)
		}
		counts[s.Status]++
	}
	values := map[string]bool{} // where not all are listed: those known
	c.unresolved = c.total - known
	if !r.Listed {
		resolved := 0
		for raw, n := range r.Counted {
			v, listed := label(raw), 0
			if p := raws[raw]; p != nil {
				listed = p.sum()
			}
			values[v] = true
			resolved += max(min(n, c.total), listed)
			// What rest has more is part of what is left of the total. A count
			// above the total only needs to be seen as such.
			if more := min(n, c.total+1) - listed; more > 0 && v != rest {
				c.more[v] += more
			}
		}
		c.unresolved = max(c.total-resolved, 0)
	}
	for raw, p := range raws {
		v := label(raw)
		if _, counted := r.Counted[raw]; !r.Listed && !counted {
			values[v] = true
			v = rest
		}
		if q := c.listed[v]; q != nil {
			q.add(p)
		} else {
			c.listed[v] = p
		}
	}
	c.distinct = named(maps.Keys(values))
	if r.Listed {
		c.distinct = named(maps.Keys(c.listed))
	}
	return c
}

// named counts values that are not reserved.
func named(values iter.Seq[string]) (n int) {
	for v := range values {
		if !grouping.Reserved(v) {
			n++
		}
	}
	return n
}

// totalOf is what all families sum to.
func totalOf(snap *session.Snapshot) int { return max(snap.Total, len(snap.Sessions)) }

// sizes returns the values that have sessions.
func (c *census) sizes() []sized {
	var all []sized
	for v, p := range c.listed {
		all = append(all, sized{v, p.sum() + c.more[v]})
	}
	for v, n := range c.more {
		if c.listed[v] == nil {
			all = append(all, sized{v, n})
		}
	}
	return all
}

// fold counts a value's sessions in rest. Those not listed are then part of what
// is left of the total.
func (c *census) fold(value string) {
	if p := c.listed[value]; p != nil {
		delete(c.listed, value)
		c.listed.of(c.rest).add(p)
	}
	delete(c.more, value)
}

// limit folds what is beyond a label's limit, and returns the values that are in
// place for the next snapshot, given those before this one.
func (c *census) limit(n int, before inPlace, r session.Resolution) inPlace {
	values := slices.DeleteFunc(c.sizes(), func(v sized) bool { return grouping.Reserved(v.value) })
	absent := before.absent(values, n, r)
	keep := survivors(slices.Concat(values, absent), n, before.names())
	for _, v := range values {
		if !keep[v.value] {
			c.fold(v.value)
		}
	}
	if !r.Listed && len(r.Counted) == 0 {
		return before // it could not tell any value, and moves none
	}
	return before.after(values, absent, keep)
}

// tally returns the census, which sums to the total. Where sessions began or
// ended between counts, values may sum to more: then the smallest that were
// counted beyond the listing are folded. It ends the use of the census.
func (c *census) tally() tally {
	left := c.total
	for _, p := range c.listed {
		left -= p.sum()
	}
	for _, n := range c.more {
		left -= n
	}
	if left < 0 {
		values := c.sizes()
		slices.SortFunc(values, largestFirst)
		for _, v := range slices.Backward(values) {
			if left >= 0 {
				break
			}
			if n := c.more[v.value]; n > 0 {
				c.fold(v.value)
				left += n
			}
		}
	}
	for v, n := range c.more {
		c.listed.of(v)[session.Unknown] += n
	}
	if left > 0 {
		c.listed.of(c.rest)[session.Unknown] += left
	}
	return c.listed
}
