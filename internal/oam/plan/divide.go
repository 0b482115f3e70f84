package plan

import (
	"cmp"
	"math"
	"slices"
)

// leaf is the largest set, by what is expected, that is asked for rather than
// divided: one window lists it whole.
const leaf = Window

// dimensions by which a set is divided.
const (
	byStore = iota
	byUser
	byIP
	byFlag // the last resort: one part is almost all
	dimensions
)

// divide lists by dividing: a set too large for a window is cut into disjoint
// ones by a further field, until each fits. It asks for the parts only, and for
// the whole where its parts prove to miss something. What was not seen yet is
// thought to lie where the rest does, or where the last list had it.
func (s *scrape) divide() {
	d := &divider{s: s, cuts: map[Query]*cut{}, drawn: map[Query]int{}, costs: map[Query]float64{}}
	s.dividing = true
	defer func() {
		s.dividing = false
		for _, x := range slices.Clone(s.order) {
			if x.asked > 0 && x.total > Window && !x.open {
				s.opened(x)
			}
		}
	}()
	for s.worthListing() {
		d.leaf = leaf
		if s.drawn {
			d.leaf = leaf + 4
		}
		d.asks, d.guesses = d.asks[:0], nil
		d.look(Query{}, d.points(), float64(s.total))
		if len(d.asks) == 0 {
			d.asks = d.guesses
		}
		if len(d.asks) == 0 {
			return
		}
		slices.SortStableFunc(d.asks, func(a, b ask) int { return cmp.Compare(b.worth, a.worth) })
		var qs []Query
		for _, a := range d.asks[:max(min(len(d.asks), s.left()-s.reserve()), 0)] {
			if s.sets[a.q] == nil {
				s.sets[a.q] = &set{q: a.q, parent: s.root} // in no order: nothing else picks it
			}
			qs = append(qs, a.q)
		}
		if len(qs) == 0 {
			return // time ran out meanwhile
		}
		// They are disjoint: none tells whether another is worth asking.
		for n := 8 * s.asker.Width(); len(qs) > 0 && s.worthListing(); qs = qs[min(n, len(qs)):] {
			s.ask(qs[:min(n, len(qs))]...)
		}
	}
}

// divider decides which sets to ask for next.
type divider struct {
	s       *scrape
	cuts    map[Query]*cut
	costs   map[Query]float64
	drawn   map[Query]int // times a set was drawn again
	asks    []ask
	guesses []ask // where nothing else is left
	leaf    float64
}

type ask struct {
	q     Query
	worth float64
}

// cut is how a set is divided: by a dimension, and by others where that missed
// something.
type cut struct {
	tried [dimensions]bool
	by    int
	begun bool
	rest  []Query // parts that may be, though nothing speaks for it
	cost  float64 // expected number of queries
}

// point is a row, or a place of the last list.
type point struct {
	*Row
	listed, placed float64 // rows of this scrape, of the last list
}

func (d *divider) points() []point {
	s := d.s
	ps := make([]point, 0, len(s.rows)+len(s.mem.places))
	for i := range s.mem.places {
		p := &s.mem.places[i]
		ps = append(ps, point{Row: &p.Row, placed: float64(p.n)})
	}
	for i := range s.rows {
		ps = append(ps, point{Row: &s.rows[i], listed: 1})
	}
	return ps
}

// size is how many sessions a set with these points is expected to have, where
// so many are hidden for each one listed.
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

// look collects what to ask for within a set that is expected to have n sessions.
func (d *divider) look(q Query, ps []point, n float64) {
	s := d.s
	listed, _ := size(ps, 0)
	total, asked := d.total(q, listed)
	if !asked && n-listed < 0.3 && len(s.mem.places) > 0 {
		return // nothing is expected to be hidden in it
	}
	if !asked && (n <= d.leaf || len(s.mem.places) == 0) {
		d.ask(q, n, n-listed)
		return
	}
	if asked {
		if n = total; listed >= n || n <= Window {
			return
		}
	}
	c := d.cuts[q]
	if c == nil {
		c = &cut{by: -1}
		d.cuts[q] = c
	}
	before := len(d.asks)
	if c.by < 0 {
		if c.by, c.cost = d.choose(q, ps, n, c); c.by >= 0 {
			c.tried[c.by] = true
		}
	}
	for c.by >= 0 {
		if !c.begun && asked && d.again(q, n, n-listed, c.cost) {
			return
		}
		c.begun = true
		gs := d.groups(q, ps, c.by)
		hidden := d.parts(gs, n)
		if len(d.asks) > before || !asked {
			return // what a set misses that was not asked for shows when its parent misses it
		}
		// All known parts are listed, and hidden ones are somewhere else in this set.
		for _, g := range gs {
			if l, m := size(g.ps, 0); !d.asked(g.q) {
				d.ask(g.q, m, max(m-l, 0.1))
			}
		}
		if len(d.asks) > before {
			return
		}
		likely, rest := d.others(q, gs, c.by)
		if len(likely) > 0 {
			if !d.again(q, n, hidden, float64(len(likely))) {
				d.askAll(likely, hidden)
			}
			if len(d.asks) > before {
				return
			}
		}
		c.rest = append(c.rest, rest...)
		by, cost := d.choose(q, ps, n, c)
		if by < 0 {
			break
		}
		c.by, c.cost, c.begun = by, cost, false
		c.tried[by] = true
	}
	unknown := slices.DeleteFunc(c.rest, d.asked)
	if asked && d.again(q, n, n-listed, cmp.Or(float64(len(unknown)), math.Inf(1))) {
		return
	}
	if asked {
		asks := len(d.asks)
		d.askAll(unknown, n-listed)
		d.guesses, d.asks = append(d.guesses, d.asks[asks:]...), d.asks[:asks]
	}
}

func (d *divider) askAll(qs []Query, hidden float64) {
	for _, q := range qs {
		d.ask(q, 1, hidden/float64(len(qs)))
	}
}

// total returns how many sessions a set has, where that was asked.
func (d *divider) total(q Query, listed float64) (float64, bool) {
	s := d.s
	if q == (Query{}) {
		return float64(s.total), true
	}
	if x := s.sets[q]; x != nil && x.asked > 0 && !x.assumed {
		return float64(x.total), true
	}
	// A part of what is listed whole is listed whole.
	for _, whole := range [...]Query{{Store: q.Store}, {User: q.User}, {IP: q.IP}} {
		if x := s.sets[whole]; whole != (Query{}) && x != nil && x.asked > 0 && x.seen >= x.total {
			return listed, true
		}
	}
	return 0, false
}

func (d *divider) asked(q Query) bool {
	_, is := d.total(q, 0)
	return is
}

// again asks for a set again, where rows are drawn and that is expected to take
// fewer queries than what else could be done.
func (d *divider) again(q Query, n, hidden, otherwise float64) bool {
	if !d.s.drawn || d.drawn[q] >= 20 || q == (Query{}) && math.IsInf(otherwise, 1) || again(n, hidden) >= otherwise {
		return false
	}
	d.drawn[q]++
	d.ask(q, n, hidden)
	return true
}

func (d *divider) ask(q Query, n, hidden float64) {
	if x := d.s.sets[q]; x != nil && x.refused {
		return
	}
	d.asks = append(d.asks, ask{q, min(Window/max(n, 1), 1) * hidden})
}

// parts looks into the parts of a set of n, and returns how many sessions are
// hidden in none of those that were asked.
func (d *divider) parts(gs []group, n float64) float64 {
	// What the parts that were asked do not explain is hidden in the others.
	rest, of := n, 0.0
	for _, g := range gs {
		l, _ := size(g.ps, 0)
		if total, asked := d.total(g.q, l); asked {
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
