package plan

import "strings"

// reachable says whether the whole list is within reach of the budget.
func (s *scrape) reachable() bool {
	each := 5.0 // queries for each window's worth of sessions
	if s.mem.can.WildcardUser == Yes {
		each = 3
	}
	return float64(s.total)/Window*each <= float64(s.left()+s.asked)
}

// recall takes up what the last list told of where sessions are.
func (s *scrape) recall() {
	if len(s.mem.places) > 0 {
		all := make([]int, len(s.mem.places))
		for i := range all {
			all[i] = i
		}
		s.expect(s.root, all)
	}
	for ip, l := range s.mem.addresses {
		if x := s.sets[Query{IP: ip}]; x != nil && l.size > 0 && x.belief > 0 {
			x.belief = max(x.belief, float64(l.size))
		}
	}
}

// expect sets the beliefs of a set's children by the places in it.
func (s *scrape) expect(x *set, places []int) {
	in := map[*set][]int{}
	var found []*set
	for _, i := range places {
		p := &s.mem.places[i]
		s.children(x, &p.Row, func(c *set) {
			if c.parent != x {
				return // another parent's, counted there
			}
			if in[c] == nil {
				found = append(found, c)
			}
			c.belief += float64(p.n)
			in[c] = append(in[c], i)
		})
	}
	for _, c := range found {
		if c.belief > Window && !c.open {
			s.opened(c)
			s.expect(c, in[c])
		}
	}
}

// rebuild files all rows anew, after the probe has changed what can be asked.
func (s *scrape) rebuild() {
	old := s.root
	s.sets, s.order = map[Query]*set{}, nil
	s.root = s.set(Query{}, nil)
	s.root.open, s.root.asked, s.root.total = true, old.asked, old.total
	s.putOff = nil // their sets are others now
	rows := s.rows
	s.rows, s.byUser, s.byIP, s.sampled = nil, nil, nil, 0
	for i := range rows {
		s.canon(&rows[i])
		s.rows = append(s.rows, rows[i])
		s.visit(s.root, &s.rows[i])
		s.chance(Query{}, &s.rows[i], !s.stale(Query{}))
	}
}

// canon gives values that are one, where case is ignored, one spelling.
func (s *scrape) canon(r *Row) {
	if s.mem.can.Case != Insensitive {
		return
	}
	if s.spelling == nil {
		s.spelling = map[string]string{}
	}
	for _, v := range []*string{&r.User, &r.IP, &r.Store} {
		low := strings.ToLower(*v)
		first, ok := s.spelling[low]
		if !ok {
			s.spelling[low] = *v
			continue
		}
		*v = first
	}
}

// list asks the set that is expected to tell most, until all are listed, nothing
// more is to be expected, or what is left is needed for the counts.
func (s *scrape) list() {
	if can := &s.mem.can; can.Combine == Yes && (can.WildcardUser == Yes || can.WildcardIP == Yes) {
		s.divide()
	}
	s.search()
	if s.fixed && !s.whole() {
		// What no value leads to may turn up by its age.
		before := s.listed
		s.ages(s.left()-s.reserve(), worthAsking)
		if s.listed > before {
			s.search()
		}
	}
	if s.whole() && s.mem.can.Total != All {
		s.challenge()
	}
}

// worthAsking is how many sessions a part should have, at least.
const worthAsking = 4

// search asks the set that is expected to tell most, again and again.
func (s *scrape) search() {
	believing := len(s.mem.places) > 0
	for s.worthListing() {
		s.explain()
		qs := s.best(min(s.asker.Width(), s.left()-s.reserve()), func(*set) bool { return true })
		if len(qs) == 0 && believing {
			// The last list has no more to say: what is hidden may be anywhere.
			believing = false
			s.epoch++
			for _, x := range s.order {
				x.belief = 0
			}
			continue
		}
		if len(qs) == 0 {
			if len(s.again()) == 0 {
				break
			}
			continue
		}
		s.ask(qs...)
	}
}

// worthListing reports whether listing should go on. Sessions that have ended
// since t0 can't be found: where many queries in a row brought nothing, what is
// hidden is taken for such.
func (s *scrape) worthListing() bool {
	return s.listed < s.total && !s.whole() && s.left() > s.reserve() && s.asked-s.fruitful <= patience+s.asked/10
}

// patience is how many queries may bring nothing before listing ends.
const patience = 40

// reserve is what the counts need where the list stays short of whole.
func (s *scrape) reserve() int {
	others := 8 // idle and expired, the last look
	if s.limits.Addresses > maxAddresses {
		others *= 2 // all are counted, and some more
	}
	if s.mem.can.ExactIP != Exact {
		return others
	}
	n := 0
	for _, x := range s.order {
		if x.q.Field() == fieldIP && !strings.HasSuffix(x.q.IP, "*") {
			if x.asked == 0 {
				n++
			}
		}
	}
	return min(n, s.limits.Addresses) + others
}

// challenge asks for more where all seems to be listed, but nothing has shown
// that the total counts all.
func (s *scrape) challenge() {
	var qs []Query
	for _, f := range []field{fieldIP, fieldUser, fieldStore} {
		var pick *set
		for _, x := range s.order {
			if x.q.Field() == f && x.asked == 0 && (pick == nil || x.seen > pick.seen) {
				pick = x
			}
		}
		if pick != nil {
			qs = append(qs, pick.q)
		}
	}
	for _, q := range qs {
		if s.left() > 1 {
			s.one(q)
		}
	}
}
