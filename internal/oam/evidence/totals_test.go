package evidence

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"iam_session_exporter/internal/oam/filter"
)

type step struct {
	q filter.Query
	a filter.Answer
}

func found(total int, rows ...filter.Row) filter.Answer {
	return filter.Answer{At: 2000, Total: total, Rows: rows}
}

var (
	flag, plain = filter.Query{Flag: filter.Impersonating}, filter.Query{Flag: filter.Plain}
	ip1, ip2    = filter.Query{IP: "10.0.0.1"}, filter.Query{IP: "10.0.0.2"}

	ann = filter.Row{Ref: 0, User: "ann", IP: "10.0.0.1", Store: "oud", Created: 1000, Expires: 5000, Used: 1500}
	bob = filter.Row{Ref: 1, User: "bob", IP: "10.0.0.1", Store: "oud", Created: 1000, Expires: 6000, Used: 1600}
	eve = filter.Row{Ref: 2, User: "eve", IP: "10.0.0.2", Store: "ad", Created: 1000, Expires: 7000, Used: 1700}
)

// What is published of a total of 90, by what was answered.
func TestWhatIsCounted(t *testing.T) {
	exact := filter.Capabilities{Combine: filter.Yes, ExactIP: filter.Exact, ExactStore: filter.Exact, Case: filter.Sensitive}
	everything := step{filter.Query{}, found(90, ann, bob)}
	parts := []step{everything, {flag, found(4)}, {plain, found(86)}}
	with := func(more ...step) []step { return slices.Concat(parts, more) }
	for _, c := range []struct {
		name          string
		can           filter.Capabilities
		steps         []step
		addresses     map[string]int
		impersonating int
	}{
		{"nothing but the total", exact, []step{everything}, nil, -1},
		{"a count below a window needs no more", exact, []step{everything, {ip1, found(20, ann, bob)}}, map[string]int{"10.0.0.1": 20}, -1},
		{"a larger one may be cut off", exact, []step{everything, {ip1, found(40, ann, bob)}}, nil, -1},
		{"unless two parts prove that larger ones are not", exact, with(step{ip1, found(40, ann, bob)}), map[string]int{"10.0.0.1": 40}, 4},
		{"parts that don't add up prove nothing", exact, []step{everything, {flag, found(4)}, {plain, found(60)}, {ip1, found(40, ann, bob)}}, nil, -1},
		{"a filter that is not exact", filter.Capabilities{ExactIP: filter.Loose}, with(step{ip1, found(20, ann, bob)}), nil, 4},
		{"a row that doesn't fit spoils the field", exact, with(step{ip1, found(20, ann, eve)}, step{ip2, found(5)}), nil, 4},
		{"no room for what exceeds the total: the smallest goes", exact, with(step{ip1, found(80, ann, bob)}, step{ip2, found(12, eve)}), map[string]int{"10.0.0.1": 80}, 4},
		{"fewer than are listed: it has shrunk", exact, with(step{ip1, found(2, ann, bob)}, step{ip1, found(1, ann)}), map[string]int{"10.0.0.1": 2}, 4},
		{"two that differ by case, which may not matter", filter.Capabilities{ExactIP: filter.Exact}, with(step{filter.Query{IP: "fe80::A"}, found(3)}, step{filter.Query{IP: "fe80::a"}, found(3)}), nil, 4},
		{"nobody impersonates, by one answer without a total", exact, []step{everything, {plain, found(90)}, {flag, filter.Answer{Outcome: filter.NoMatch}}}, nil, -1},
		{"all impersonate, by one answer without a total", exact, []step{everything, {flag, found(90)}, {plain, filter.Answer{Outcome: filter.NoMatch}}, everything}, nil, -1},
		{"all impersonate, by two", exact, []step{everything, {flag, found(90)}, {plain, filter.Answer{Outcome: filter.NoMatch}}, {plain, filter.Answer{Outcome: filter.NoMatch}}, everything}, nil, 90},
		{"nobody impersonates, by two", exact, []step{everything, {plain, found(90)}, {flag, filter.Answer{Outcome: filter.NoMatch}}, {flag, filter.Answer{Outcome: filter.NoMatch}}, everything}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := New(Setup{Past: Past{Can: c.can, Beyond: true}, Width: 2})
			for _, x := range c.steps {
				l.Add(x.q, x.a)
			}
			l.TakeBack()
			before := l.Result()
			if !maps.Equal(before.Addresses, c.addresses) || before.Impersonating != c.impersonating || before.Untrusted != "" {
				t.Errorf("got %v, impersonating %d, untrusted %q; want %v, impersonating %d", before.Addresses, before.Impersonating, before.Untrusted, c.addresses, c.impersonating)
			}
			if again := l.Result(); !reflect.DeepEqual(again, before) {
				t.Errorf("the result changes by being asked for: got %+v, want %+v", again, before)
			}
		})
	}
}

// Expired and idle sessions are counted by filters on times that are exact.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		name                  string
		times, idle           bool
		expired, unused, both int
		want                  [2]int
	}{
		{"not exact", false, false, 5, 9, 2, [2]int{-1, -1}},
		{"expiry only", true, false, 5, 9, 2, [2]int{5, -1}},
		{"both", true, true, 5, 9, 2, [2]int{5, 7}},
		{"none expired", true, true, 0, 9, 99, [2]int{0, 9}},
		{"more are both than are one", true, true, 5, 9, 6, [2]int{5, -1}},
		{"more than a window, which may be cut off", true, true, 40, 9, 2, [2]int{-1, -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := New(Setup{Past: Past{Times: c.times, Idle: c.idle, Beyond: true}, IdleAfter: 900})
			l.Add(filter.Query{}, found(90))
			expired, unused, both := l.TimeFilters()
			l.Add(expired, found(c.expired))
			l.Add(both, found(c.both))
			l.Add(unused, found(c.unused))
			if e, i := l.Statuses(); [2]int{e, i} != c.want {
				t.Errorf("got %d expired, %d idle; want %v", e, i, c.want)
			}
		})
	}
}

// Sessions of the very second of t0 are taken for older only if nothing has moved
// and every count agrees with them.
func TestTheSecondOfT0(t *testing.T) {
	born := filter.Row{Ref: 3, User: "kim", IP: "10.0.0.3", Store: "ad", Created: 2000}
	many := make([]filter.Row, 28)
	for i := range many {
		many[i] = filter.Row{Ref: 10 + i, User: "u", IP: "10.0.0.9", Store: "oud", Created: 1000}
	}
	for _, c := range []struct {
		name  string
		steps []step
		look  int
		want  bool
	}{
		{"all agree", []step{{filter.Query{Store: "ad"}, found(1, born)}}, 29, true},
		{"a store has more", []step{{filter.Query{Store: "ad"}, found(2, born)}}, 29, false},
		{"the total has moved", []step{{filter.Query{Store: "ad"}, found(1, born)}}, 30, false},
		{"another began later", []step{{filter.Query{Store: "ad"}, found(2, born, filter.Row{Ref: 4, Store: "ad", Created: 2001})}}, 29, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := New(Setup{Past: Past{Can: filter.Capabilities{ExactStore: filter.Exact, Total: filter.All}, Beyond: true}})
			l.Add(filter.Query{}, found(29, many...))
			for _, x := range c.steps {
				l.Add(x.q, x.a)
			}
			l.Add(filter.Query{}, found(c.look))
			l.LookedAgain()
			if r := l.Result(); r.Complete != c.want {
				t.Errorf("got complete %v with %d listed, want %v", r.Complete, len(r.Listed), c.want)
			}
		})
	}
}

// An address that was asked for is not published if another one is remembered that
// may be the same.
func TestARememberedSpelling(t *testing.T) {
	for _, c := range []struct {
		can  filter.Case
		want int
	}{{filter.Unknown, 0}, {filter.Sensitive, 1}, {filter.Insensitive, 1}} {
		l := New(Setup{Past: Past{Can: filter.Capabilities{ExactIP: filter.Exact, Case: c.can}, Beyond: true}})
		l.Add(filter.Query{}, found(90, filter.Row{IP: "fe80::a", Created: 1000}))
		l.Add(filter.Query{IP: "fe80::a"}, found(5))
		l.Heard(l.Canonical(filter.Query{IP: "FE80::A"}))
		if got := l.Result().Addresses; len(got) != c.want {
			t.Errorf("case %d: got %v, want %d", c.can, got, c.want)
		}
	}
}
