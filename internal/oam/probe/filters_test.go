package probe

import (
	"strings"
	"testing"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
)

// server says what a query finds, by what each of its fields is taken to mean.
type server struct {
	text    func(want, have string) bool
	or      bool // fields are alternatives
	time    func(want, have int64) bool
	refuses func(filter.Query) bool
	silent  func(filter.Query) bool
}

var rows = []filter.Row{
	{Ref: 0, User: "annabel", IP: "10.20.30.40", Store: "oud", Created: 1.7e9, Expires: 1.7e9 + 5001, Used: 1.7e9 + 501},
	{Ref: 1, User: "bob", IP: "172.16.0.9", Store: "ad", Created: 1.7e9, Expires: 1.7e9 + 6001, Used: 1.7e9 + 601},
}

func (s *server) answer(a *Ask) {
	if s.silent != nil && s.silent(a.Query) {
		return
	}
	a.Answered, a.At = true, 2000
	if s.refuses != nil && s.refuses(a.Query) {
		a.Outcome = filter.Rejected
		return
	}
	for _, r := range rows {
		fits, asked := 0, 0
		for _, p := range [][2]string{{a.User, r.User}, {a.IP, r.IP}, {a.Store, r.Store}} {
			if p[0] != "" {
				asked++
				if s.text(p[0], p[1]) {
					fits++
				}
			}
		}
		for _, p := range [][2]int64{{a.Expires, r.Expires}, {a.Used, r.Used}} {
			if p[0] != 0 {
				asked++
				if s.time(p[0], p[1]) {
					fits++
				}
			}
		}
		if fits == asked || s.or && fits > 0 {
			a.Total, a.Rows = a.Total+1, append(a.Rows, r)
		}
	}
}

func TestWhatFiltersMean(t *testing.T) {
	exact := func(want, have string) bool { return want == have }
	contains := func(want, have string) bool { return strings.Contains(have, want) }
	prefix := func(want, have string) bool {
		p, star := strings.CutSuffix(want, "*")
		return want == have || star && strings.HasPrefix(have, p)
	}
	before := func(want, have int64) bool { return have <= want }
	for _, c := range []struct {
		name string
		server
		want filter.Capabilities
		lost bool
	}{
		{"equality", server{text: exact, time: before}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive,
			WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"any case", server{text: strings.EqualFold, time: before}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Insensitive,
			WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"texts that contain the value", server{text: contains, time: before}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Loose, ExactStore: filter.Loose, Case: filter.Sensitive,
			WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"fields that are ignored", server{text: func(string, string) bool { return true }, time: before}, filter.Capabilities{Combine: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"fields that are alternatives", server{text: exact, time: before, or: true}, filter.Capabilities{Combine: filter.No, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive,
			WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"prefixes", server{text: prefix, time: before}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive,
			WildcardUser: filter.Yes, WildcardIP: filter.Yes, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"times after", server{text: exact, time: func(want, have int64) bool { return have >= want }}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive,
			WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeAfter, Access: filter.TimeAfter}, false},
		{"times that are rejected", server{text: exact, refuses: func(q filter.Query) bool { return q.Expires != 0 || q.Used != 0 }}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact,
			ExactStore: filter.Exact, Case: filter.Sensitive, WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeRejected, Access: filter.TimeRejected}, false},
		{"stores that are rejected", server{text: exact, time: before, refuses: func(q filter.Query) bool { return q.Store != "" }}, filter.Capabilities{ExactIP: filter.Exact,
			WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, false},
		{"one of two that combine gets no answer", server{text: exact, time: before, silent: func(q filter.Query) bool { return q.Store == nobody }}, filter.Capabilities{ExactIP: filter.Exact,
			ExactStore: filter.Exact, Case: filter.Sensitive, WildcardUser: filter.No, WildcardIP: filter.No, Expiry: filter.TimeBefore, Access: filter.TimeBefore}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := evidence.New(evidence.Setup{})
			first := filter.Answer{At: 2000, Total: 2, Rows: rows}
			log.Add(filter.Query{}, first)
			p := NewFilters(log, filter.Query{})
			asked := 0
			for a := range p.Asks(first) {
				asked++
				c.answer(a)
			}
			if p.Can != c.want || !p.Found || p.Lost != c.lost || asked > Most {
				t.Errorf("got %+v, found %v, lost %v, after %d questions\nwant %+v, lost %v", p.Can, p.Found, p.Lost, asked, c.want, c.lost)
			}
		})
	}
}

// Within a base, a probe asks for none of the fields that the base has.
func TestProbeWithinABase(t *testing.T) {
	exact := func(want, have string) bool { return want == have }
	for _, c := range []struct {
		base filter.Query
		want filter.Capabilities // apart from times
	}{
		{filter.Query{Store: "oud"}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, Case: filter.Sensitive, WildcardUser: filter.No, WildcardIP: filter.No}},
		{filter.Query{IP: "10.20.30.40"}, filter.Capabilities{Combine: filter.Yes, ExactStore: filter.Exact, Case: filter.Sensitive, WildcardUser: filter.No, WildcardIP: filter.No}},
		{filter.Query{User: "annabel", Flag: filter.Plain}, filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive}},
		{filter.Query{User: "annabel", Store: "oud"}, filter.Capabilities{ExactIP: filter.Exact}},
		{filter.Query{User: "annabel", Store: "oud", IP: "10.20.30.40"}, filter.Capabilities{}},
	} {
		server := server{text: exact, time: func(want, have int64) bool { return have <= want }}
		log := evidence.New(evidence.Setup{Filtered: true})
		first := filter.Answer{At: 2000, Total: 1, Rows: []filter.Row{rows[0].Without(c.base)}}
		log.Add(filter.Query{}, first)
		p := NewFilters(log, c.base)
		for a := range p.Asks(first) {
			within, ok := a.Query.Within(c.base)
			if !ok || c.base.Flag != filter.AnyFlag && a.Flag != filter.AnyFlag {
				t.Errorf("got a search for %+v, want one within %+v", a.Query, c.base)
			}
			sent := Ask{Query: within}
			server.answer(&sent)
			for i := range sent.Rows {
				sent.Rows[i] = sent.Rows[i].Without(c.base)
			}
			a.Answer, a.Answered = sent.Answer, true
		}
		c.want.Expiry, c.want.Access = filter.TimeBefore, filter.TimeBefore
		if p.Can != c.want || !p.Found {
			t.Errorf("within %+v: got %+v, found %v, want %+v", c.base, p.Can, p.Found, c.want)
		}
	}
}

// Without a session that has all values there is nothing to probe with.
func TestNothingToProbeWith(t *testing.T) {
	log := evidence.New(evidence.Setup{})
	first := filter.Answer{At: 2000, Total: 1, Rows: []filter.Row{{User: "ann"}}}
	log.Add(filter.Query{}, first)
	p := NewFilters(log, filter.Query{})
	for a := range p.Asks(first) {
		a.Answered = true
	}
	if p.Found || p.Can != (filter.Capabilities{}) {
		t.Errorf("got %+v, found %v; want nothing", p.Can, p.Found)
	}
}

// An answer without a total is believed once two agree, or one agrees with an
// earlier refresh; not the second of two forms, and none once {} is answered so.
func TestWhichAnswersSayNoMatch(t *testing.T) {
	ip := filter.Query{IP: "10.0.0.1"}
	for _, c := range []struct {
		name    string
		known   filter.Form
		answers []filter.Form // to values that nobody has
		before  func(*NoMatch)
		want    bool
	}{
		{"two agree", filter.FormUnknown, []filter.Form{filter.Form404, filter.Form404}, nil, true},
		{"one agrees with an earlier refresh", filter.Form404, []filter.Form{filter.Form404}, nil, true},
		{"none agrees", filter.FormUnknown, []filter.Form{filter.Form404, filter.Form204, filter.FormOther}, nil, false},
		{"a total of 0", filter.FormUnknown, []filter.Form{filter.FormTotal}, nil, false},
		{"no answer", filter.FormUnknown, nil, nil, false},
		{"everything is answered so", filter.Form404, []filter.Form{filter.Form404}, func(n *NoMatch) { n.Everything(filter.Form404) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := NewNoMatch(c.known, map[filter.Field]filter.Form{filter.ByIP: c.known}, filter.Query{})
			if c.before != nil {
				c.before(n)
			}
			answers := c.answers
			for a := range n.Settle(ip, filter.Form404, func() int { return 9 }) {
				if len(answers) == 0 {
					continue
				}
				if a.Answered = true; answers[0] > filter.FormTotal {
					a.Outcome, a.Form = filter.NoMatch, answers[0]
				}
				answers = answers[1:]
			}
			if got := n.Believes(ip, filter.Form404); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
