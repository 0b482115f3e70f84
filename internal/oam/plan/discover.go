package plan

// discover lists up to n windows of sessions whatever their address.
func (s *scrape) discover(n int) {
	for n > 0 && s.left() > 1 {
		s.explain()
		qs := s.best(min(s.asker.Width(), n, s.left()-1), func(x *set) bool { return x.q.IP == "" })
		if len(qs) == 0 {
			return
		}
		s.ask(qs...)
		n -= len(qs)
	}
}
