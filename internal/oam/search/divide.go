package search

import (
	"cmp"
	"math"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// Divide lists by dividing: a set too large for a window is cut into disjoint ones
// by a further field, until each fits. It asks for the parts only, and for the set
// itself if its parts prove to miss something. What was not seen yet is thought to
// lie where the rest does, or where the last list had it.
func (s *Search) Divide() Queries {
	return func(yield func([]filter.Query) bool) {
		d := &divider{Search: s, cuts: map[filter.Query]*cut{}, repeats: map[filter.Query]int{}, costs: map[filter.Query]float64{}}
		s.dividing = true
		defer d.end()
		for s.worthListing() {
			qs, more := d.next()
			if !more {
				return
			}
			// They are disjoint: none shows whether another is worth asking.
			for n := some * s.width(); len(qs) > 0 && s.worthListing(); qs = qs[min(n, len(qs)):] {
				if !yield(qs[:min(n, len(qs))]) {
					return
				}
			}
		}
	}
}

// end lets others go on with what was asked.
func (d *divider) end() {
	d.dividing = false
	for _, x := range slices.Clone(d.order) {
		if x.asked > 0 && x.total > filter.Window && !x.open {
			d.opened(x)
		}
	}
}

// divider decides which sets to ask for next.
type divider struct {
	*Search
	cuts    map[filter.Query]*cut
	costs   map[filter.Query]float64
	repeats map[filter.Query]int // times that a set was asked for once more
	asks    []ask
	guesses []ask // if nothing else is left
	leaf    float64
}

type ask struct {
	q     filter.Query
	worth float64
}

// cut is how a set is divided: by a field, and by others if that missed something.
type cut struct {
	tried map[filter.Field]bool
	by    filter.Field // NoField: by none
	begun bool
	rest  []filter.Query // parts that may be, though nothing speaks for it
	cost  float64        // expected number of queries
}

// point is a row, or a place of the last list.
type point struct {
	*filter.Row
	listed, placed float64 // rows of this refresh, of the last list
}

func (d *divider) points() []point {
	rows, places := d.log.Rows(), d.memory.Places
	ps := make([]point, 0, len(rows)+len(places))
	for i := range places {
		ps = append(ps, point{Row: &places[i].Row, placed: float64(places[i].Sessions)})
	}
	for i := range rows {
		ps = append(ps, point{Row: &rows[i], listed: 1})
	}
	return ps
}

// size is how many sessions a set with these points is expected to have, if so many
// are hidden for each one listed.
func size(ps []point, each float64) (listed, expected float64) {
	placed := 0.0
	for _, p := range ps {
		listed += p.listed
		placed += p.placed
	}
	if placed > 0 {
		return listed, max(listed, placed)
	}
	return listed, listed * (1 + each)
}

// next returns the queries worth asking next, the best first; false if there are
// none. Without queries, it is worth looking once more.
func (d *divider) next() (qs []filter.Query, more bool) {
	d.leaf = leaf
	if d.sampledRows() {
		d.leaf += sampledLeaf
	}
	d.asks, d.guesses = d.asks[:0], nil
	d.look(filter.Query{}, d.points(), float64(d.log.Total()))
	if len(d.asks) == 0 {
		d.asks = d.guesses
	}
	if len(d.asks) == 0 {
		return nil, len(d.again()) > 0
	}
	slices.SortStableFunc(d.asks, func(a, b ask) int { return cmp.Compare(b.worth, a.worth) })
	for _, a := range d.asks[:max(min(len(d.asks), d.left()-d.reserve()), 0)] {
		if d.sets[a.q] == nil {
			d.sets[a.q] = &set{q: a.q, parent: d.root} // in no order: nothing else picks it
		}
		qs = append(qs, a.q)
	}
	return qs, len(qs) > 0 // else time ran out meanwhile
}

// look collects what to ask for within a set that is expected to have n sessions.
func (d *divider) look(q filter.Query, ps []point, n float64) {
	listed, _ := size(ps, 0)
	total, asked := d.count(q, listed)
	if asked {
		n = total
	}
	if d.settled(q, n, listed, asked) {
		return
	}
	c := d.cuts[q]
	if c == nil {
		c = &cut{tried: map[filter.Field]bool{}}
		d.cuts[q] = c
		d.choose(q, ps, n, c)
	}
	for c.by != filter.NoField {
		// A set may be listed sooner by asking for it again and again than by its parts.
		rest := n - listed
		if !asked {
			rest = n - filter.Window
		}
		if !c.begun && d.repeat(q, n, rest, c.cost) {
			return
		}
		c.begun = true
		if d.lookInto(q, ps, n, asked, c) {
			return
		}
		if !d.choose(q, ps, n, c) {
			break
		}
	}
	if asked {
		d.guess(q, n, n-listed, c)
	}
}

// settled reports whether a set need not be divided: nothing is expected to be
// hidden in it, or it fits a window, and is asked for.
func (d *divider) settled(q filter.Query, n, listed float64, asked bool) bool {
	placed := len(d.memory.Places) > 0
	switch {
	case asked:
		return listed >= n || n <= filter.Window
	case n-listed < hardlyHidden && placed:
		return true
	case n <= d.leaf || !placed:
		d.ask(q, n, n-listed)
		return true
	}
	return false
}

// lookInto looks into the parts of a set, and reports whether there is something to
// ask for, or to wait for.
func (d *divider) lookInto(q filter.Query, ps []point, n float64, asked bool, c *cut) bool {
	before := len(d.asks)
	gs := d.groups(q, ps, c.by)
	hidden := d.lookAtParts(gs, n)
	if len(d.asks) > before || !asked {
		return true // what a set misses that was not asked for shows when its parent misses it
	}
	// All known parts are listed, and hidden ones are somewhere else in this set.
	for _, g := range gs {
		if l, m := size(g.ps, 0); !d.asked(g.q) {
			d.ask(g.q, m, max(m-l, 0.1))
		}
	}
	if len(d.asks) > before {
		return true
	}
	likely, rest := d.others(q, gs, c.by)
	if len(likely) > 0 && !d.repeat(q, n, hidden, float64(len(likely))) {
		d.askAll(likely, hidden)
	}
	if len(d.asks) > before {
		return true
	}
	c.rest = append(c.rest, rest...)
	return false
}

// guess asks for parts that may be, though nothing speaks for it.
func (d *divider) guess(q filter.Query, n, hidden float64, c *cut) {
	unknown := slices.DeleteFunc(c.rest, d.asked)
	if d.repeat(q, n, hidden, cmp.Or(float64(len(unknown)), math.Inf(1))) {
		return
	}
	asks := len(d.asks)
	d.askAll(unknown, hidden)
	d.guesses, d.asks = append(d.guesses, d.asks[asks:]...), d.asks[:asks]
}

func (d *divider) askAll(qs []filter.Query, hidden float64) {
	for _, q := range qs {
		d.ask(q, 1, hidden/float64(len(qs)))
	}
}

// count returns how many sessions a set has, if that was asked.
func (d *divider) count(q filter.Query, listed float64) (float64, bool) {
	if q == (filter.Query{}) {
		return float64(d.log.Total()), true
	}
	if total, n := d.log.Count(q); n > 0 {
		return float64(total), true
	}
	// A part of what is fully listed is fully listed.
	for _, f := range [...]filter.Query{{Store: q.Store}, {User: q.User}, {IP: q.IP}} {
		if x := d.sets[f]; f != (filter.Query{}) && x != nil && x.asked > 0 && x.seen >= x.total {
			return listed, true
		}
	}
	return 0, false
}

func (d *divider) asked(q filter.Query) bool {
	_, is := d.count(q, 0)
	return is
}

// repeat asks for a set once more, if rows are sampled and that is expected to take
// fewer queries than what else could be done.
func (d *divider) repeat(q filter.Query, n, hidden, otherwise float64) bool {
	if !d.sampledRows() || d.repeats[q] >= maxRepeats || q == (filter.Query{}) && math.IsInf(otherwise, 1) || repeats(n, hidden) >= otherwise {
		return false
	}
	d.repeats[q]++
	d.ask(q, n, hidden)
	return true
}

func (d *divider) ask(q filter.Query, n, hidden float64) {
	if x := d.sets[q]; x != nil && x.refused {
		return
	}
	d.asks = append(d.asks, ask{q, min(filter.Window/max(n, 1), 1) * hidden})
}

// lookAtParts looks into the parts of a set of n, and returns how many sessions are
// hidden in none of those that were asked.
func (d *divider) lookAtParts(gs []group, n float64) float64 {
	// What the parts that were asked do not explain is hidden in the others.
	rest, of := n, 0.0
	for _, g := range gs {
		l, _ := size(g.ps, 0)
		if total, asked := d.count(g.q, l); asked {
			rest -= total
		} else {
			rest -= l
			of += l
		}
	}
	rest = max(rest, 0)
	each := 0.0
	if of > 0 {
		each = rest / of
	}
	for _, g := range gs {
		_, m := size(g.ps, each)
		d.look(g.q, g.ps, m)
	}
	return rest
}
