package plan

import (
	"iam_session_exporter/internal/oam/filter"
	"slices"
	"strings"
)

// set is the sessions that a query matches: what is known of it, and what may
// still be hidden in it.
type set struct {
	q      Query
	parent *set

	total   int     // as last asked in this scrape
	early   int     // as first asked
	asked   int     // times
	refused bool    // by the server, or put off: not to be asked for now
	lost    int     // times it got no answer
	assumed bool    // to be all of its parent, and not asked
	hoped   float64 // new sessions expected when it was picked
	missed  float64 // new sessions expected, and not found, since it last told some
	belief  float64 // size expected from earlier scrapes; 0: none
	seen    int     // sessions of it seen in this scrape
	chance  int     // of a user or an address: those listed by what did not ask for users, or addresses
	sample  int     // of these, the ones that no earlier scrape can have listed so
	open    bool    // too large for a window: its children are sets too
	sized   float64 // as worked out at
	sizedAt int
	visited int // number of the visit

	over  []*set   // single fields of it: it is a part of each
	kinds [6]known // of its children: what those asked tell
}

// known sums up the children of one kind that were asked.
type known struct{ total, seen float64 }

// kind is how a set narrows its parent.
func (x *set) kind() int {
	p, star := x.parent.q, strings.HasSuffix(x.q.User+x.q.IP, "*")
	switch {
	case x.q.User != p.User:
		if star || p.User != "" {
			return 1
		}
		return 0
	case x.q.IP != p.IP:
		if star || p.IP != "" {
			return 3
		}
		return 2
	case x.q.Store != p.Store:
		return 4
	}
	return 5
}

func (s *scrape) set(q Query, parent *set) *set {
	x := s.sets[q]
	if x == nil {
		x = &set{q: q, parent: parent}
		s.sets[q] = x
		for _, whole := range [...]Query{{User: q.User}, {IP: q.IP}, {Store: q.Store}} {
			if o := s.sets[whole]; o != nil && o != x && o.parent != nil {
				x.over = append(x.over, o)
			}
		}
		s.order = append(s.order, x)
	}
	return x
}

// visit counts a row in every set that holds it, from the root down.
func (s *scrape) visit(x *set, r *Row) {
	mark := len(s.rows)
	if x.visited == mark {
		return
	}
	x.visited = mark
	x.seen++
	if x.open {
		s.children(x, r, func(c *set) { s.visit(c, r) })
	}
}

// opened makes the children of a set, and counts what was seen in them.
func (s *scrape) opened(x *set) {
	x.open = true
	fold := s.mem.can.Case == Insensitive
	for i := range s.rows {
		r := &s.rows[i]
		if x.q.Holds(r, fold) {
			s.children(x, r, func(c *set) { s.recount(c, r, i+1) })
		}
	}
	s.through(x)
}

// recount counts an older row in a set that may be new.
func (s *scrape) recount(x *set, r *Row, row int) {
	if x.visited >= row {
		return
	}
	x.visited = row
	x.seen++
	if x.open {
		s.children(x, r, func(c *set) { s.recount(c, r, row) })
	}
}

// through passes by a child that seems to hold all of its parent: it would tell
// the same again.
func (s *scrape) through(x *set) {
	if x.seen < 6 || x.asked == 0 {
		return
	}
	for _, c := range s.order {
		if c.parent == x && c.asked == 0 && !c.open && c.seen == x.seen && strings.HasSuffix(c.q.User+c.q.IP, "*") {
			c.asked, c.total, c.assumed = 1, x.total, true
			s.opened(c)
			return
		}
	}
}

// children calls do for each child of a set that holds a row. The children of
// one kind are disjoint.
func (s *scrape) children(x *set, r *Row, do func(*set)) {
	s.mem.can.Narrow(x.q, r, func(q Query) { do(s.set(q, x)) })
}

// size is how many sessions a set is taken to have. It is worked out once
// between answers.
func (s *scrape) size(x *set) float64 {
	if x.sizedAt != s.epoch {
		x.sized, x.sizedAt = s.guess(x), s.epoch
	}
	return x.sized
}

func (s *scrape) guess(x *set) float64 {
	switch {
	case x.asked > 0:
		return float64(x.total)
	case x.belief > 0:
		return max(x.belief, float64(x.seen))
	case x.parent == nil:
		return float64(s.total)
	}
	if t := s.tally(x); t != nil && t.whole > 0 {
		return float64(x.seen) + t.hidden(x)*min(t.scale, 2)
	}
	// What is hidden in its parent is spread as what was seen, the rarest apart.
	k := x.parent.kinds[x.kind()]
	seen := float64(x.parent.seen) - k.seen
	whole := s.size(x.parent)
	hidden := whole - k.total - seen
	if hidden <= 0 || x.seen == 0 || seen <= 0 {
		return float64(x.seen)
	}
	each := hidden / max(seen, float64(x.seen))
	// Some of what is hidden belongs to values that were never seen.
	each = min(each, 1.5*(whole/float64(x.parent.seen)-1))
	return float64(x.seen) + max(each, 0)*(float64(x.seen)-0.6)
}

// yield is how many new sessions asking a set is expected to list.
func (s *scrape) yield(x *set) float64 {
	if s.broken[fieldIP] && x.q.IP != "" && s.mem.can.ExactIP == Unknown ||
		s.broken[fieldUser] && x.q.User != "" || s.broken[fieldStore] && x.q.Store != "" && s.mem.can.ExactStore == Unknown {
		return 0 // the field is not honoured
	}
	if x.refused {
		return 0
	}
	if x.asked > 0 {
		if x.total <= Window || s.fixed || !s.drawn && x.missed > 3 || x.missed > 8 {
			return 0
		}
	}
	n := s.size(x)
	hidden := n - float64(x.seen)
	for _, o := range x.over {
		if o.asked > 0 {
			hidden = min(hidden, float64(o.total-o.seen))
		}
	}
	if hidden <= 0 {
		return 0
	}
	return min(Window, n) * hidden / n
}

const drawnWorth = 0.6

// worth is the yield, less where a set can't be closed: what is drawn from it is
// then missing in those that can.
func (s *scrape) worth(x *set) float64 {
	y := s.yield(x)
	if s.mem.can.WildcardUser == Yes && s.size(x) > Window+4 {
		y *= drawnWorth
	}
	return y
}

// best picks up to n sets that pass ok, from the one expected to tell most; one
// set may be picked twice where rows are drawn.
func (s *scrape) best(n int, ok func(*set) bool) []Query {
	var out []Query
	var used map[*set]int
	for len(out) < n {
		var pick *set
		most := 0.002
		for _, x := range s.order {
			if x.parent == nil && x.asked > 0 && s.fixed {
				continue
			}
			y := s.worth(x)
			if y <= most || !ok(x) {
				continue
			}
			if k := used[x]; k > 0 {
				if x.asked == 0 || !s.drawn {
					continue
				}
				y *= 1 - min(Window/s.size(x), 1)*float64(k)
			} else if slices.ContainsFunc(out, func(q Query) bool { return q != x.q && !filter.Apart(q, x.q) }) {
				continue // both would tell the same
			}
			if y > most {
				most, pick = y, x
			}
		}
		if pick == nil {
			return out
		}
		if used == nil {
			used = map[*set]int{}
		}
		used[pick]++
		pick.hoped = most
		out = append(out, pick.q)
	}
	return out
}
