// Package probe finds out what a server's filters mean. Oracle's documentation
// doesn't say it, so each meaning is shown by answers: filters by a table of
// questions (filters.go), the ways to say that nothing matches (nomatch.go), whether
// the same search lists the same rows (rows.go), and whether times are exact to the
// second (times.go). It asks nothing itself: whoever ranges over the questions
// fills in the answers.
package probe

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
)

const (
	Most     = 12            // queries of a probe
	every    = 4 * 60 * 60   // seconds from one to the next
	nobody   = "no-such-one" // a value that no session has
	nowhere  = "192.0.2.255" // an address of documentation
	farPast  = 946684800     // the year 2000
	FarAhead = 32503680000   // the year 3000
)

// Ask is a question: who is given one fills in the answer.
type Ask struct {
	filter.Query
	filter.Answer
	Answered bool
}

// Past is what earlier refreshes have found out, other than capabilities.
type Past struct {
	Probed      int64                        // when, by the server's clock; 0: never
	Unproven    int                          // probes in a row that left open what values or combinations mean
	Forms       map[filter.Field]filter.Form // of no match, by what was asked for
	Unclear     bool                         // the last refresh left open whether rows are sampled
	TimesTried  bool                         // to show that filters on times are exact
	TimesFailed int                          // refreshes that could not
}

// Due reports whether filters must be probed: the first time and every few hours.
func (p *Past) Due(t0 int64) bool { return p.Probed == 0 || t0 < p.Probed || t0-p.Probed >= every }

// AfterProbe has the next refresh probe again if this one left open what the rest
// builds on: one answer at an odd moment should not cost hours. What the base of all
// queries has can't be probed.
func (p *Past) AfterProbe(can filter.Capabilities, base filter.Query) {
	const tries = 3
	known := (can.ExactIP != filter.Unknown || base.IP != "") && (can.ExactStore != filter.Unknown || base.Store != "") && can.Combine != filter.Unknown
	// Within a base, what does not combine is of no use, and one field alone can't show it.
	useless := base != (filter.Query{}) && (can.Combine == filter.No || len(free(base.Kinds())) < 2)
	if known || useless {
		p.Unproven = 0
	} else if p.Unproven++; p.Unproven%tries != 0 {
		p.Probed = 0
	}
}

// Filters probes what filters mean.
type Filters struct {
	Can   filter.Capabilities // as found so far
	Found bool                // there was a session to probe with
	Lost  bool                // a search got no answer
	Zero  bool                // one had a total of 0

	log   evidence.View
	base  filter.Query // that all queries are within
	row   filter.Row   // an example
	asked int
	yield func(*Ask) bool

	pairs []int // totals of pairs of values of which one exists
}

// NewFilters prepares a probe within a base. Capabilities other than those of
// filters are kept.
func NewFilters(log evidence.View, base filter.Query) *Filters { return &Filters{log: log, base: base} }

// question is asked of an example; what its answer proves is taken in. The ones
// that a server rejects prove nothing, unless said otherwise.
type question struct {
	about string
	query func(p *Filters) (filter.Query, bool) // false: it need not be asked
	learn func(p *Filters, q filter.Query, a *filter.Answer)
}

// questions are asked in this order.
var questions = [...]question{
	{"an address, cut short", func(p *Filters) (filter.Query, bool) {
		return filter.Query{IP: cutAddress(p.row.IP)}, p.row.IP != ""
	}, func(p *Filters, q filter.Query, a *filter.Answer) {
		p.Can.ExactIP = cut(a, q.IP, func(r *filter.Row) string { return r.IP })
	}},
	{"a store, cut short", func(p *Filters) (filter.Query, bool) {
		n := len(p.row.Store)
		return filter.Query{Store: strings.ToValidUTF8(p.row.Store[:max(n-1, 0)], "")}, n > 1
	}, func(p *Filters, q filter.Query, a *filter.Answer) {
		p.Can.ExactStore = cut(a, q.Store, func(r *filter.Row) string { return r.Store })
	}},
	{"a store, or else a user, in another case", func(p *Filters) (filter.Query, bool) {
		f := p.worded()
		bent := swapCase(p.row.Value(f))
		return filter.Of(f, bent), bent != p.row.Value(f)
	}, func(p *Filters, q filter.Query, a *filter.Answer) { p.Can.Case = caseOf(a, p.row.Value(q.Field()), q) }},
	{"an address that exists, and a store that doesn't; or another two", func(p *Filters) (filter.Query, bool) {
		return p.pair(0, 1)
	}, func(p *Filters, _ filter.Query, a *filter.Answer) { p.combine(a) }},
	{"the other way round", func(p *Filters) (filter.Query, bool) {
		return p.pair(1, 0)
	}, func(p *Filters, _ filter.Query, a *filter.Answer) { p.combine(a) }},
	{"users that begin so", func(p *Filters) (filter.Query, bool) {
		return filter.Query{User: half(p.row.User) + "*"}, p.row.User != ""
	}, func(p *Filters, q filter.Query, a *filter.Answer) { p.Can.WildcardUser = p.wildcard(q, a) }},
	{"addresses that begin so", func(p *Filters) (filter.Query, bool) {
		if p.Can.WildcardUser != filter.Yes {
			p.Can.WildcardIP = p.Can.WildcardUser // who reads none in users reads none in addresses
		}
		return filter.Query{IP: half(p.row.IP) + "*"}, p.Can.WildcardUser == filter.Yes && p.row.IP != ""
	}, func(p *Filters, q filter.Query, a *filter.Answer) { p.Can.WildcardIP = p.wildcard(q, a) }},
}

// Asks asks the questions, as far as a probe may: first everything once more, which
// shows whether rows are sampled.
func (p *Filters) Asks(first filter.Answer) iter.Seq[*Ask] {
	return func(yield func(*Ask) bool) {
		p.yield = yield
		p.ask(filter.Query{})
		var ok bool
		if p.row, ok = p.example(first.Rows); !ok { // the first ones may have no address: others have
			if p.base.Flag == filter.AnyFlag {
				p.ask(filter.Query{Flag: filter.Impersonating})
				p.ask(filter.Query{Flag: filter.Plain})
			}
			if p.row, ok = p.example(p.log.Rows()); !ok {
				return
			}
		}
		for _, x := range questions {
			q, needed := x.query(p)
			if !needed {
				continue
			}
			if a := p.ask(q); a != nil && a.Outcome != filter.Rejected {
				x.learn(p, q, a)
			}
		}
		p.Can.Expiry = p.time(func(t int64) filter.Query { return filter.Query{Expires: t} }, p.row.Expires)
		p.Can.Access = p.time(func(t int64) filter.Query { return filter.Query{Used: t} }, p.row.Used)
		p.Found = true
	}
}

// ask returns nil if there was no answer, or the probe has asked all that it may.
func (p *Filters) ask(q filter.Query) *filter.Answer {
	if p.asked >= Most || p.yield == nil {
		return nil
	}
	p.asked++
	a := &Ask{Query: q}
	if !p.yield(a) {
		p.yield = nil
	}
	if !a.Answered {
		p.Lost = true
		return nil
	}
	p.Zero = p.Zero || a.Outcome == filter.Found && a.Total == 0
	return &a.Answer
}

// example picks a row whose values can be cut, bent and combined. Those that the
// base has are not needed.
func (p *Filters) example(rows []filter.Row) (filter.Row, bool) {
	best, most := filter.Row{}, -1
	for _, r := range rows {
		if slices.ContainsFunc(free(p.base.Kinds()), func(f filter.Field) bool { return !filter.Askable(r.Value(f)) }) {
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

// cut says how a value is matched that was asked for cut short. If it finds
// sessions whose value is longer, or any others, it is not matched as a whole.
func cut(a *filter.Answer, cut string, of func(*filter.Row) string) filter.Match {
	if a.Total == 0 {
		return filter.Exact
	}
	longer := false
	for i := range a.Rows {
		have := of(&a.Rows[i])
		if !strings.Contains(strings.ToLower(have), strings.ToLower(cut)) {
			return filter.Unknown // the field seems to be ignored
		}
		longer = longer || !strings.EqualFold(have, cut)
	}
	switch {
	case longer:
		return filter.Loose
	case a.Total == len(a.Rows):
		return filter.Exact // the cut value happens to be another one, and only it was found
	}
	return filter.Unknown
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
	return ip[:min(max(len(ip)-1, 1), len(ip))]
}

// worded is the field whose values are words that has the probe's: the store, or the
// user if the base has a store.
func (p *Filters) worded() filter.Field {
	if p.base.Store == "" {
		return filter.ByStore
	}
	return filter.ByUser
}

// pair is a query for a value that exists in one of two fields, and for one that
// doesn't in the other. If the base leaves one only, its fields are those with
// values that exist. It reports false if there is nothing to ask.
func (p *Filters) pair(exists, lacks int) (filter.Query, bool) {
	fields := free(p.base.Kinds())
	switch {
	case len(fields) == 1 && lacks > 0:
		return nobodyIn(fields[0]), true
	case len(fields) < 2:
		return filter.Query{}, false
	}
	return filter.Of(fields[exists], p.row.Value(fields[exists])).Within(nobodyIn(fields[lacks]))
}

// caseOf says whether case matters, by what a value in another case finds.
func caseOf(a *filter.Answer, value string, bent filter.Query) filter.Case {
	if a.Total == 0 {
		return filter.Sensitive
	}
	found := false
	for i := range a.Rows {
		switch have := a.Rows[i].Value(bent.Field()); {
		case have == value:
			found = true
		case !strings.EqualFold(have, bent.Value()):
			return filter.Unknown
		}
	}
	switch {
	case found:
		return filter.Insensitive
	case a.Total == len(a.Rows):
		return filter.Sensitive
	}
	return filter.Unknown
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

// combine takes in what a value that exists finds with one that does not. Both ways
// round must be answered. One field within a base can only refute it.
func (p *Filters) combine(a *filter.Answer) {
	if a.Total > 0 && len(free(p.base.Kinds())) == 1 {
		p.Can.Combine = filter.No
	}
	if p.pairs = append(p.pairs, a.Total); len(p.pairs) < 2 {
		return
	}
	p.Can.Combine = filter.No
	if p.pairs[0] == 0 && p.pairs[1] == 0 {
		p.Can.Combine = filter.Yes
	}
}

func half(s string) string { return strings.ToValidUTF8(s[:(len(s)+1)/2], "") }

func (p *Filters) wildcard(q filter.Query, a *filter.Answer) filter.Tri {
	if a.Total == 0 {
		return filter.No
	}
	for i := range a.Rows {
		if !q.Holds(&a.Rows[i], p.Can.Case == filter.Insensitive) {
			return filter.Unknown
		}
	}
	if len(a.Rows) > 0 {
		return filter.Yes
	}
	return filter.Unknown
}

// time asks with a time that all are after, one that all are before, and, if
// neither finds any, the one that a session has.
func (p *Filters) time(of func(int64) filter.Query, known int64) filter.Time {
	past := p.ask(of(farPast))
	switch {
	case past == nil:
		return filter.TimeUnknown
	case past.Outcome == filter.Rejected:
		return filter.TimeRejected
	}
	ahead := p.ask(of(FarAhead))
	if ahead == nil || ahead.Outcome == filter.Rejected {
		return filter.TimeUnknown
	}
	if past.Total == 0 && ahead.Total == 0 && known > 0 {
		if same := p.ask(of(known)); same != nil && same.Total > 0 {
			return filter.TimeEqual
		}
		return filter.TimeUnknown
	}
	return timeOf(past.Total, ahead.Total, p.log.Total()-p.log.Tolerance())
}

// timeOf says what a filter on times means that finds so many with a time long past,
// and with one far ahead. almost is what all sessions are, at least.
func timeOf(past, ahead, almost int) filter.Time {
	switch {
	case past == 0 && ahead > 0:
		return filter.TimeBefore
	case past > 0 && ahead == 0:
		return filter.TimeAfter
	case past > 0 && past >= almost && ahead >= almost:
		return filter.TimeIgnored
	}
	return filter.TimeUnknown
}
