package plan

import (
	"cmp"
	"iam_session_exporter/internal/oam/filter"
	"net/netip"
	"strings"
)

const (
	probeMost  = 12            // queries
	probeEvery = 4 * 60 * 60   // seconds
	nobody     = "no-such-one" // a value that no session has
	nowhere    = "192.0.2.255" // an address of documentation
	farPast    = 946684800     // the year 2000
	farAhead   = 32503680000   // the year 3000
)

// probe finds out what the filters mean, the first time and every few hours.
func (s *scrape) probe(first Answer) {
	if s.mem.probed != 0 && s.t0 >= s.mem.probed && s.t0-s.mem.probed < probeEvery {
		return
	}
	if s.left() <= probeMost {
		return
	}
	p := prober{s: s, can: &s.mem.can}
	before := *p.can
	*p.can = Capabilities{Rows: before.Rows, Total: before.Total}
	if s.mem.probed != 0 {
		p.can.NoMatch = before.NoMatch // each scrape proves it again
	} else {
		clear(s.mem.forms)
	}
	found := p.run(first)
	if p.none {
		p.can.NoMatch = cmp.Or(p.can.NoMatch, FormTotal)
	}
	if s.over || p.lost {
		// What has no answer is no news: what was proven hours ago still holds,
		// unless it was contradicted, and the next scrape probes again.
		if s.mem.probed == 0 {
			before = Capabilities{}
		}
		*p.can = p.can.Or(before)
		found = false
	}
	if found {
		s.mem.probed, s.mem.fresh = s.t0, true
		s.note("probed what the filters mean")
	}
	s.mem.times, s.mem.timesIdle, s.mem.timesTried, s.mem.agesRefused = false, false, false, false
	s.rebuild()
}

type prober struct {
	s     *scrape
	can   *Capabilities
	asked int
	lost  bool // a search got no answer
	none  bool // one had a total of 0
}

func (p *prober) ask(q Query) (Answer, bool) {
	if p.asked >= probeMost || p.s.over {
		return Answer{}, false
	}
	p.asked++
	a, ok := p.s.one(q)
	if !ok {
		p.lost = true
		return a, false
	}
	p.none = p.none || a.Outcome == Found && a.Total == 0
	return a, true
}

// example picks a row whose values can be cut, bent and combined.
func example(rows []Row) (Row, bool) {
	best, most := Row{}, -1
	for _, r := range rows {
		if !filter.Askable(r.IP) || !filter.Askable(r.Store) || !filter.Askable(r.User) {
			continue
		}
		score := 0
		if a, err := netip.ParseAddr(r.IP); err == nil {
			score++
			if a.Is4() {
				score += 2
			}
		}
		if swapCase(r.Store) != r.Store {
			score++
		}
		if score > most {
			best, most = r, score
		}
	}
	return best, most >= 0
}

// run reports whether there was a session to probe with.
func (p *prober) run(first Answer) bool {
	p.ask(Query{}) // tells drawn from fixed
	r, ok := example(first.Rows)
	if !ok { // the first ones may have no address: others have
		p.ask(Query{Flag: Impersonating})
		p.ask(Query{Flag: Plain})
		if r, ok = example(p.s.rows); !ok {
			return false
		}
	}
	p.can.ExactIP = p.cut(Query{IP: cutAddress(r.IP)}, func(x *Row) (string, string) { return x.IP, cutAddress(r.IP) })
	if n := len(r.Store); n > 1 {
		short := strings.ToValidUTF8(r.Store[:n-1], "")
		p.can.ExactStore = p.cut(Query{Store: short}, func(x *Row) (string, string) { return x.Store, short })
	}
	p.caseOf(r)
	p.combine(r)
	p.wildcards(r)
	p.can.Expiry = p.time(func(t int64) Query { return Query{Expires: t} }, r.Expires)
	p.can.Access = p.time(func(t int64) Query { return Query{Used: t} }, r.Used)
	return true
}

// cut asks for a value cut short. Where it finds sessions whose value is longer,
// or any others, the value is not matched as a whole.
func (p *prober) cut(q Query, of func(*Row) (have, cut string)) filter.Match {
	a, ok := p.ask(q)
	if !ok || a.Outcome == Rejected {
		return Unknown
	}
	if a.Total == 0 {
		return Exact
	}
	longer := false
	for i := range a.Rows {
		have, cut := of(&a.Rows[i])
		if !strings.Contains(strings.ToLower(have), strings.ToLower(cut)) {
			return Unknown // the field seems to be ignored
		}
		longer = longer || !strings.EqualFold(have, cut)
	}
	if longer {
		return Loose
	}
	if a.Total == len(a.Rows) {
		return Exact // the cut value happens to be another one, and only it was found
	}
	return Unknown
}

// cutAddress leaves out the end of an address so that what is left is none.
func cutAddress(ip string) string {
	if i := strings.LastIndexAny(ip, ".:"); i > 0 {
		ip = ip[:i]
		if strings.HasSuffix(ip, ":") {
			return ip
		}
		if _, err := netip.ParseAddr(ip); err != nil {
			return ip
		}
	}
	return ip[:max(len(ip)-1, 1)]
}

func (p *prober) caseOf(r Row) {
	bent := swapCase(r.Store)
	if bent == r.Store {
		return
	}
	a, ok := p.ask(Query{Store: bent})
	if !ok || a.Outcome == Rejected {
		return
	}
	if a.Total == 0 {
		p.can.Case = Sensitive
		return
	}
	spelt := false
	for i := range a.Rows {
		switch have := a.Rows[i].Store; {
		case have == r.Store:
			spelt = true
		case !strings.EqualFold(have, bent):
			return
		}
	}
	switch {
	case spelt:
		p.can.Case = Insensitive
	case a.Total == len(a.Rows):
		p.can.Case = Sensitive
	}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

// combine asks for a value that exists with one that does not, both ways round.
func (p *prober) combine(r Row) {
	a, ok := p.ask(Query{IP: r.IP, Store: nobody})
	b, ok2 := p.ask(Query{IP: nowhere, Store: r.Store})
	switch {
	case !ok || !ok2 || a.Outcome == Rejected || b.Outcome == Rejected:
	case a.Total == 0 && b.Total == 0:
		p.can.Combine = Yes
	default:
		p.can.Combine = No
	}
}

func (p *prober) wildcards(r Row) {
	p.can.WildcardUser = p.wildcard(Query{User: half(r.User) + "*"})
	if p.can.WildcardUser == Yes {
		p.can.WildcardIP = p.wildcard(Query{IP: half(r.IP) + "*"})
	} else {
		p.can.WildcardIP = p.can.WildcardUser
	}
}

func half(s string) string { return strings.ToValidUTF8(s[:(len(s)+1)/2], "") }

func (p *prober) wildcard(q Query) Tri {
	a, ok := p.ask(q)
	switch {
	case !ok || a.Outcome == Rejected:
		return Unknown
	case a.Total == 0:
		return No
	case len(a.Rows) > 0 && p.s.fits(q, &a):
		return Yes
	}
	return Unknown
}

// time asks with a time that all are after, one that all are before, and, where
// neither finds any, the one that a session has.
func (p *prober) time(of func(int64) Query, known int64) Time {
	past, ok := p.ask(of(farPast))
	if !ok {
		return TimeUnknown
	}
	if past.Outcome == Rejected {
		return TimeRejected
	}
	ahead, ok := p.ask(of(farAhead))
	near := func(n int) bool { return n >= p.s.total-tolerance(p.s.total) }
	switch {
	case !ok || ahead.Outcome == Rejected:
		return TimeUnknown
	case past.Total == 0 && ahead.Total > 0:
		return TimeBefore
	case past.Total > 0 && ahead.Total == 0:
		return TimeAfter
	case past.Total > 0 && near(past.Total) && near(ahead.Total):
		return TimeIgnored
	case past.Total == 0 && ahead.Total == 0 && known > 0:
		if same, ok := p.ask(of(known)); ok && same.Total > 0 {
			return TimeEqual
		}
	}
	return TimeUnknown
}
