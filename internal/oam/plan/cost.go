package plan

import (
	"math"
	"strings"
)

// missed is about how many queries it takes to find what dividing has missed.
const missed = 4

// choose picks the dimension that divides a set at the least cost, or -1.
func (d *divider) choose(q Query, ps []point, n float64, c *cut) (best int, least float64) {
	best = -1
	listed, expected := size(ps, 0)
	scale := n / max(listed, expected, 1)
	if d.asked(q) {
		clear(d.costs) // more is known by now
	}
	for by := range dimensions {
		if c.tried[by] || !d.can(q, by) || by == byFlag && best >= 0 {
			continue
		}
		if cost, ok := d.divided(q, ps, scale, by); ok && (best < 0 || cost < least) {
			best, least = by, cost
		}
	}
	return best, least
}

// can reports whether a set can be divided by a dimension.
func (d *divider) can(q Query, by int) bool {
	can := &d.s.mem.can
	switch by {
	case byStore:
		return q.Store == "" && can.ExactStore == Exact
	case byFlag:
		return q.Flag == AnyFlag
	case byUser:
		return can.WildcardUser == Yes && (q.User == "" || strings.HasSuffix(q.User, "*"))
	}
	return can.WildcardIP == Yes && (q.IP == "" || strings.HasSuffix(q.IP, "*"))
}

// divided is how many queries it is expected to take to list a set when it is
// divided by a dimension, and its parts in the best way.
func (d *divider) divided(q Query, ps []point, scale float64, by int) (float64, bool) {
	gs := d.groups(q, ps, by)
	if len(gs) == 0 || len(gs) == 1 && (by == byStore || by == byFlag) {
		return 0, false
	}
	sum := 0.0
	for _, g := range gs {
		sum += d.cost(g, scale)
	}
	if by == byUser || by == byIP {
		// Values that were never seen are missed, then found by dividing otherwise.
		once := 0
		for _, g := range gs {
			if len(g.ps) == 1 {
				once++
			}
		}
		_, expected := size(ps, 0)
		unseen := expected * (scale - 1) * float64(once) / float64(len(ps))
		sum += 0.2 + missed*(1-math.Exp(-unseen))
	}
	return sum, true
}

// cost is how many queries it is expected to take to list a set in the best way.
func (d *divider) cost(g group, scale float64) float64 {
	listed, n := size(g.ps, scale-1)
	switch {
	case n-listed < 0.3 && len(d.s.mem.places) > 0:
		return 0
	case n <= leaf:
		return 1
	}
	if c, ok := d.costs[g.q]; ok {
		return c
	}
	least := math.Inf(1)
	if d.s.drawn {
		least = 1 + again(n, n-Window)
	}
	for by := range byFlag {
		if !d.can(g.q, by) {
			continue
		}
		if c, ok := d.divided(g.q, g.ps, scale, by); ok {
			least = min(least, c)
		}
	}
	if math.IsInf(least, 1) {
		least = 1 + n/Window // it can't be listed whole
	}
	d.costs[g.q] = least
	return least
}

// again is how many windows it takes to see the last of the hidden ones among n,
// when each is drawn.
func again(n, hidden float64) float64 {
	sum := 0.0
	for k := 1.0; k <= hidden && k <= 200; k++ {
		sum += 1 / k
	}
	return sum * n / Window
}
