package plan

// The total may be limited, as the rows are. What shows it is more sessions, or
// larger parts, than a total that stays the same has room for. It is remembered:
// not each scrape finds enough to show it again.

// limited remembers the total as the limit of the search.
func (s *scrape) limited() {
	s.mem.capped, s.mem.capAt, s.mem.can.Total = s.total, s.t0, Capped
}

// above forgets a limit that a total disproves.
func (m *Memory) above(total int) {
	if m.capped > 0 && total > m.capped {
		m.unlimited()
	}
}

func (m *Memory) unlimited() {
	m.capped, m.capAt = 0, 0
	if m.can.Total == Capped {
		m.can.Total = Unknown
	}
}

// exceeds checks that the list is no longer than what it is a part of. A few more
// are taken for sessions that began later and are stamped by another clock, unless
// they are too old for that and the total turns out not to have moved.
func (s *scrape) exceeds() {
	if s.listed > s.total+tolerance(s.total) || s.looked && s.aged > s.total && s.last == s.total {
		if s.aged > s.total {
			s.limited()
		}
		s.fail("listed_exceeds_total")
	}
}

// began reports whether a session was listed that may have begun since t0.
func (s *scrape) began() bool { return s.moved || s.instant > 0 }

// tolerance is how far parts that are asked one after the other may exceed
// their whole because it moves.
func tolerance(total int) int { return total/100 + 2 }

// doubt looks at a total of just one window, from a server that never counted
// further: it may not be able to. Subsets tell, if they tell more.
func (s *scrape) doubt() {
	const most = 24
	var qs []Query
	for _, x := range s.order {
		if x.q != (Query{}) && x.q.Fields() == 1 && len(qs) < most {
			qs = append(qs, x.q)
		}
	}
	sum := map[field]int{}
	for len(qs) > 0 && s.left() > 0 {
		n := min(s.asker.Width(), len(qs))
		for i, a := range s.ask(qs[:n]...) {
			q := qs[i]
			if a.Outcome == Found && s.fits(q, &a) {
				sum[q.Field()] += a.Total
			}
			// At the window a server may move by a session or two, as any other.
			larger := a.Total > s.total+2 || sum[q.Field()] > s.total+2 && q.Field() != fieldNone
			switch {
			case s.aged > s.total:
				s.limited()
				s.fail("total_capped")
				return
			case larger:
				if again, ok := s.one(Query{}); !ok || again.Total != s.total {
					s.unsure = true
					s.note("a total of just one window, which moves: not taken for whole")
					return
				}
				if !s.began() {
					s.limited()
				}
				s.fail("total_capped")
				return
			}
		}
		qs = qs[n:]
	}
	s.note("a total of just one window, and none above it was ever seen: not taken for whole")
}
