package plan

import (
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// times counts the sessions past their expiry, and those not used for too long,
// where filters on times are proven: to the second, together with others, and on
// sessions all of which have such a time.
func (s *scrape) times() {
	can := &s.mem.can
	if can.Expiry != TimeBefore || can.Combine != Yes || s.whole() {
		return
	}
	idle := s.limits.Idle > 0 && can.Access == TimeBefore
	if !s.proven(idle) {
		return
	}
	expired := s.before(Query{Expires: s.date})
	if expired < 0 {
		return
	}
	s.expired = expired
	if !idle {
		return
	}
	cut := s.date - s.limits.Idle
	both := 0
	if expired > 0 {
		both = s.before(Query{Used: cut, Expires: s.date}) // first: what is purged meanwhile makes the difference less, not more
	}
	unused := s.before(Query{Used: cut})
	if unused < 0 || both < 0 || both > min(unused, expired) {
		return
	}
	s.unused = unused - both
}

// before returns the total of a filter on times; -1 where it does not fit what
// was listed, or may be cut off.
func (s *scrape) before(q Query) int {
	a, ok := s.twice(q)
	if !ok || a.Outcome == Rejected || a.Total > s.total || a.Total > max(Window-1, s.partition()) {
		return -1
	}
	for i := range a.Rows {
		if !q.Past(&a.Rows[i]) {
			return -1
		}
	}
	listed := 0
	for i := range s.rows {
		if r := &s.rows[i]; s.old(r) && q.Past(r) {
			listed++
		}
	}
	if listed > a.Total {
		return -1
	}
	return a.Total
}

// proven finds out, once in a while, whether filters on times can be counted by:
// one session is found with its own times, and not a second earlier; all sessions
// are found before the year 3000. Where a session that moved meanwhile may be why
// it is not proven, the next scrape tries again.
func (s *scrape) proven(idle bool) bool {
	m := s.mem
	for i := range s.rows {
		if r := &s.rows[i]; r.Expires == 0 || idle && r.Used == 0 {
			m.times, m.timesIdle = false, false // some have none
			return false
		}
	}
	if m.times && (m.timesIdle || !idle) {
		return true
	}
	if m.timesTried && m.timesFailed >= maxTimesFailed {
		return false
	}
	r, ok := s.example1()
	if !ok || s.left() < 8 {
		return false
	}
	at := Query{User: r.User, IP: r.IP, Expires: r.Expires}
	ahead := []Query{{Expires: farAhead}, {}}
	if idle {
		at.Used = r.Used
		ahead = []Query{{Expires: farAhead}, {}, {Used: farAhead}}
	}
	if !m.timesTried {
		m.timesTried, m.timesFailed = true, 0
	}
	tried := m.timesFailed
	m.timesFailed = maxTimesFailed // not again before the next probe, unless it may be movement
	tests := []Query{at, at}
	tests[1].Expires--
	if idle {
		tests = append(tests, at)
		tests[2].Used--
	}
	for i, q := range tests {
		a, ok := s.one(q)
		if !ok {
			m.timesFailed = tried // a search without an answer proves nothing
			return false
		}
		if a.Outcome == Rejected || a.Total != len(a.Rows) || a.Total >= Window {
			return false
		}
		found := false
		for k := range a.Rows {
			if x := &a.Rows[k]; !q.Past(x) || !q.Holds(x, m.can.Case == Insensitive) {
				return false
			} else if x.Ref == r.Ref {
				found = true
			}
		}
		if found && i > 0 {
			return false
		}
		if !found && i == 0 {
			m.timesFailed = tried + 1 // it may have ended, or been used
			return false
		}
	}
	answers := s.certain(ahead...)
	if len(answers) < len(ahead) || slices.ContainsFunc(answers, func(a Answer) bool { return a.Outcome == Unanswered }) {
		m.timesFailed = tried // a search without an answer proves nothing
		return false
	}
	for _, a := range answers {
		if off := distance(a.Total, answers[1].Total); a.Outcome != Found || off > 0 {
			if a.Outcome == Found && off <= tolerance(s.total) {
				m.timesFailed = tried + 1
			}
			return false
		}
	}
	m.times, m.timesIdle = true, idle
	return true
}

// maxTimesFailed is how many scrapes try to prove filters on times.
const maxTimesFailed = 3

// example1 picks a session of a user with few.
func (s *scrape) example1() (Row, bool) {
	var best *Row
	least := 0
	for i := range s.rows {
		r := &s.rows[i]
		if !filter.Askable(r.User) || !filter.Askable(r.IP) || r.Expires%60 == 0 || r.Used%60 == 0 && r.Used != 0 {
			continue // a server that cuts times to the minute must show it
		}
		if x := s.sets[Query{User: r.User}]; x != nil && (best == nil || x.seen < least) {
			best, least = r, x.seen
		}
	}
	if best == nil {
		return Row{}, false
	}
	return *best, true
}
