package search

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

// Cover lists again what the last list had, if rows are sampled.
//
// A query for a whole store lists a window of sessions, most of them new at first.
// One for a user or an address lists few, but all of them. So it matters which
// sessions the large sets leave: many at one address take one query, as many at
// different ones take one each. A session is therefore worth the less, the more
// others come with it if its user or its address is asked for, and the query whose
// sessions are worth most is asked next.
func (s *Search) Cover() Queries {
	return func(yield func([]filter.Query) bool) {
		c := newCover(s)
		refused := s.log.Rejected()
		for s.worthListing() {
			c.weigh()
			qs := c.best(min(s.width(), s.left()-s.reserve()))
			if len(qs) == 0 || !yield(qs) {
				return
			}
			c.learn()
			if s.log.Rejected() > refused+1 { // one may be an accident
				s.AgesRefused = true
			}
		}
	}
}

// steady reports whether all counts are those of the last list. If sessions come and
// go, Cover leaves new ones where they are hard to find.
func (s *Search) steady() bool {
	had := map[filter.Query]int{}
	for i := range s.memory.Places {
		p := &s.memory.Places[i]
		had[filter.Query{}] += p.Sessions
		if filter.Askable(p.Store) {
			had[filter.Query{Store: p.Store}] += p.Sessions
		}
	}
	for q, n := range had {
		if total, asked := s.log.Count(q); asked > 0 && total != n {
			return false
		}
	}
	return had[filter.Query{}] == s.log.Total()
}

// cover is where the sessions of the last list are looked for.
type cover struct {
	*Search
	spots   []spot
	at      map[filter.Row]*spot
	rows    int // that are taken in
	regions []*region
	by      map[filter.Query]*region
	asked   []part // in the last batch
	failed  map[filter.Query]bool
}

// spot is a place of the last list.
type spot struct {
	*Place
	in     []*region
	left   int     // sessions that were not listed again
	odds   float64 // that they are still there
	hidden float64 // sessions that are expected to be
	worth  float64 // of each
}

// part is what a query is expected to match.
type part struct {
	filter.Query
	spots []*spot
	size  float64
}

func (p *part) large() bool { return p.size > filter.Window }

// chance is that of each of its sessions to be listed.
func (p *part) chance() float64 { return min(filter.Window/p.size, 1) }

// region is a part that agrees in values. It is made from its parent.
type region struct {
	part
	parent *region
	byTime []order
	shared float64 // new sessions of each query, if it is asked for until nothing is hidden; at least 1
}

// order is a region in the order of times, and the query for what is up to a spot.
type order struct {
	spots []*spot
	until func(*spot) filter.Query
}

func newCover(s *Search) *cover {
	c := &cover{Search: s, at: map[filter.Row]*spot{}, by: map[filter.Query]*region{}, failed: map[filter.Query]bool{}}
	root := &region{}
	c.regions = append(c.regions, root)
	c.spots = make([]spot, len(s.memory.Places))
	for i := range c.spots {
		p := &c.spots[i]
		*p = spot{Place: &s.memory.Places[i], left: s.memory.Places[i].Sessions, odds: stays}
		c.at[c.where(&p.Row)] = p
		root.enter(p)
	}
	for i := 0; i < len(c.regions); i++ {
		if x := c.regions[i]; x.large() {
			c.divide(x)
			x.byTime = c.times(x)
		}
	}
	return c
}

// where is a row as far as a place tells it from others.
func (c *cover) where(r *filter.Row) filter.Row {
	w := filter.Row{User: r.User, IP: r.IP, Store: r.Store, Impersonating: r.Impersonating}
	if c.can.Case == filter.Insensitive {
		w.User, w.IP, w.Store = strings.ToLower(w.User), strings.ToLower(w.IP), strings.ToLower(w.Store)
	}
	return w
}

func (x *region) enter(p *spot) {
	x.spots, x.size = append(x.spots, p), x.size+float64(p.Sessions)
	p.in = append(p.in, x)
}

// divide makes the regions that narrow one.
func (c *cover) divide(x *region) {
	for _, p := range x.spots {
		for _, q := range c.can.Narrow(x.Query, &p.Row, nil) {
			if c.unheeded(q) {
				continue
			}
			y := c.by[q]
			if y == nil {
				y = &region{part: part{Query: q}, parent: x}
				c.by[q], c.regions = y, append(c.regions, y)
			}
			if y.parent == x {
				y.enter(p)
			}
		}
	}
}

// times orders the spots of a region by the times that filters narrow.
func (c *cover) times(x *region) (out []order) {
	add := func(means filter.Time, time func(*filter.Row) int64, until func(int64) filter.Query) {
		sign := int64(1)
		switch means {
		case filter.TimeBefore:
		case filter.TimeAfter:
			sign = -1
		default:
			return
		}
		o := order{until: func(p *spot) filter.Query { return until(time(&p.Row)) }}
		for _, p := range x.spots {
			if time(&p.Row) != 0 {
				o.spots = append(o.spots, p)
			}
		}
		slices.SortStableFunc(o.spots, func(a, b *spot) int { return cmp.Compare(sign*time(&a.Row), sign*time(&b.Row)) })
		out = append(out, o)
	}
	if x.Fields() == 0 || c.can.Combine != filter.Yes {
		return nil
	}
	add(c.can.Expiry, func(r *filter.Row) int64 { return r.Expires }, func(t int64) filter.Query { q := x.Query; q.Expires = t; return q })
	add(c.can.Access, func(r *filter.Row) int64 { return r.Used }, func(t int64) filter.Query { q := x.Query; q.Used = t; return q })
	return out
}

// weigh works out what is hidden, and what finding it is worth.
func (c *cover) weigh() {
	for rows := c.log.Rows(); c.rows < len(rows); c.rows++ {
		if p := c.at[c.where(&rows[c.rows])]; p != nil && p.left > 0 {
			p.left--
		}
	}
	for i := range c.spots {
		p := &c.spots[i]
		p.hidden = float64(p.left) * p.odds / (1 + p.odds)
	}
	for _, x := range c.regions {
		hidden := 0.0
		for _, p := range x.spots {
			hidden += p.hidden
		}
		if x.shared = max(hidden, 1); x.large() {
			x.shared = max(hidden/(1+repeats(x.size, hidden)), 1)
		}
	}
	for i := range c.spots {
		p := &c.spots[i]
		shared := 1.0
		for _, x := range p.in {
			shared *= x.shared
		}
		p.worth = 1 / math.Sqrt(shared)
	}
}

// best picks up to n queries, each beside those before it.
func (c *cover) best(n int) (qs []filter.Query) {
	c.asked = c.asked[:0]
	for len(qs) < n {
		pick, most := part{}, 0.0
		for _, x := range c.regions {
			c.consider(x, &pick, &most)
		}
		found := 0.0
		for _, p := range pick.spots {
			found += p.hidden * pick.chance()
			p.hidden *= 1 - pick.chance()
		}
		if found < hardlyFound {
			break
		}
		qs, c.asked = append(qs, pick.Query), append(c.asked, pick)
	}
	return qs
}

// consider compares a region, and its parts by times, with the best pick so far. What
// is hidden isn't spread evenly: some part by times may have more of it.
func (c *cover) consider(x *region, pick *part, most *float64) {
	sum := 0.0
	for _, p := range x.spots {
		sum += p.hidden * p.worth
	}
	if worth := sum * x.chance(); worth > *most && !c.failed[x.Query] {
		*most, *pick = worth, x.part
	}
	if c.AgesRefused || sum <= *most {
		return
	}
	for _, o := range x.byTime {
		y := part{}
		sum := 0.0
		for i, p := range o.spots {
			sum += p.hidden * p.worth
			y.size += float64(p.Sessions)
			worth := sum * y.chance()
			if worth <= *most*clearlyDenser {
				continue
			}
			if y.Query = o.until(p); c.failed[y.Query] || i+1 < len(o.spots) && o.until(o.spots[i+1]) == y.Query {
				continue
			}
			y.spots = o.spots[:i+1]
			*most, *pick = worth, y
		}
	}
}

// learn takes in what became of the last batch. What an answer was likely to list,
// and did not, has probably ended.
func (c *cover) learn() {
	for _, x := range c.asked {
		total, n := c.log.Count(x.Query)
		if n == 0 {
			c.failed[x.Query] = true
			continue
		}
		if y := c.by[x.Query]; y != nil {
			y.size = float64(total)
		}
		x.size = float64(total)
		gone := x.chance()
		if x.Used != 0 {
			gone /= 2 // or was used since
		}
		for _, p := range x.spots {
			p.odds *= 1 - gone
		}
	}
}
