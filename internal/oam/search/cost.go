package search

import (
	"math"
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

// dimensions are the fields that a set is divided by, the flag as the last resort:
// one part of it is almost all.
var dimensions = [...]filter.Field{filter.ByStore, filter.ByUser, filter.ByIP, filter.ByFlag}

// choose picks the field that divides a set at the least cost, of those that were
// not tried yet. It reports false, and keeps the last one, if there is none.
func (d *divider) choose(q filter.Query, ps []point, n float64, c *cut) bool {
	best, least := filter.NoField, 0.0
	listed, expected := size(ps, 0)
	scale := n / max(listed, expected, 1)
	if d.asked(q) {
		clear(d.costs) // more is known by now
	}
	for _, by := range dimensions {
		if c.tried[by] || !d.divisible(q, by) || by == filter.ByFlag && best != filter.NoField {
			continue
		}
		if cost, ok := d.divided(q, ps, scale, by); ok && (best == filter.NoField || cost < least) {
			best, least = by, cost
		}
	}
	if best == filter.NoField {
		return false
	}
	c.by, c.cost, c.begun = best, least, false
	c.tried[best] = true
	return true
}

// divisible reports whether a set can be divided by a field.
func (d *divider) divisible(q filter.Query, by filter.Field) bool {
	switch by {
	case filter.ByStore:
		return q.Store == "" && d.can.ExactStore == filter.Exact
	case filter.ByFlag:
		return q.Flag == filter.AnyFlag && !d.can.NoFlag
	case filter.ByUser:
		return d.can.WildcardUser == filter.Yes && (q.User == "" || strings.HasSuffix(q.User, "*"))
	}
	return d.can.WildcardIP == filter.Yes && (q.IP == "" || strings.HasSuffix(q.IP, "*"))
}

// divided is how many queries it is expected to take to list a set when it is
// divided by a field, and its parts in the best way.
func (d *divider) divided(q filter.Query, ps []point, scale float64, by filter.Field) (float64, bool) {
	gs := d.groups(q, ps, by)
	byValue := by == filter.ByUser || by == filter.ByIP
	if len(gs) == 0 || len(gs) == 1 && !byValue {
		return 0, false
	}
	sum := 0.0
	for _, g := range gs {
		sum += d.cost(g, scale)
	}
	if byValue {
		// Values that were never seen are missed, then found by dividing otherwise.
		once := 0
		for _, g := range gs {
			if len(g.ps) == 1 {
				once++
			}
		}
		_, expected := size(ps, 0)
		unseen := expected * (scale - 1) * float64(once) / float64(len(ps))
		sum += valueCost + missedCost*(1-math.Exp(-unseen))
	}
	return sum, true
}

// cost is how many queries it is expected to take to list a set in the best way.
func (d *divider) cost(g group, scale float64) float64 {
	listed, n := size(g.ps, scale-1)
	switch {
	case n-listed < hardlyHidden && len(d.memory.Places) > 0:
		return 0
	case n <= leaf:
		return 1
	}
	if c, ok := d.costs[g.q]; ok {
		return c
	}
	least := math.Inf(1)
	if d.sampledRows() {
		least = 1 + repeats(n, n-filter.Window)
	}
	for _, by := range dimensions[:len(dimensions)-1] {
		if !d.divisible(g.q, by) {
			continue
		}
		if c, ok := d.divided(g.q, g.ps, scale, by); ok {
			least = min(least, c)
		}
	}
	if math.IsInf(least, 1) {
		least = 1 + n/filter.Window // it can't be listed in full
	}
	d.costs[g.q] = least
	return least
}

// repeats is how many windows it takes to see the last of the hidden ones among n,
// when each is sampled.
func repeats(n, hidden float64) float64 {
	sum := 0.0
	for k := 1.0; k <= hidden && k <= 200; k++ {
		sum += 1 / k
	}
	return sum * n / filter.Window
}
