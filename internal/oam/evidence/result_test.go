package evidence

import (
	"fmt"
	"maps"
	"testing"

	"iam_session_exporter/internal/oam/filter"
)

// Which searches have found sessions outlives a refresh, for a day.
func TestPast(t *testing.T) {
	const day = foundFor
	ip, store, old := filter.Query{IP: "10.0.0.1"}, filter.Query{Store: "hr"}, filter.Query{Store: "it"}
	row := filter.Row{IP: ip.IP, Store: store.Store, Created: 1}
	answer := func(q filter.Query, rows ...filter.Row) step {
		return step{q, filter.Answer{At: 2 * day, Total: len(rows), Rows: rows}}
	}
	for _, c := range []struct {
		name  string
		past  Past
		steps []step
		want  map[filter.Query]int64
	}{
		{"nothing", Past{}, nil, nil},
		{"found by address and by store", Past{}, []step{answer(ip, row), answer(store, row)}, map[filter.Query]int64{ip: 2 * day, store: 2 * day}},
		{"neither by both, nor by a prefix", Past{}, []step{answer(filter.Query{IP: ip.IP, Store: store.Store}, row), answer(filter.Query{IP: "10.*"}, row)}, nil},
		{"a row with another value", Past{}, []step{answer(old, row)}, nil},
		{"nothing now, found lately", Past{Found: map[filter.Query]int64{ip: day + 1}}, []step{answer(ip)}, map[filter.Query]int64{ip: day + 1}},
		{"found a day ago", Past{Found: map[filter.Query]int64{ip: day}}, nil, nil},
		{"doubts, and nothing found", Past{Doubted: map[filter.Field]int64{filter.ByIP: 1}}, []step{answer(ip, row)}, map[filter.Query]int64{ip: 2 * day}},
		{"found, and no doubts", Past{Found: map[filter.Query]int64{store: 2*day - 1}}, []step{answer(ip, row)}, map[filter.Query]int64{ip: 2 * day, store: 2*day - 1}},
	} {
		l := New(Setup{Past: c.past, Width: 1})
		l.Add(filter.Query{}, filter.Answer{At: 2 * day, Total: 100})
		for _, s := range c.steps {
			l.Add(s.q, s.a)
		}
		for _, doubted := range []filter.Kinds{0, filter.OfUser} {
			got := l.Past(&Result{Doubted: doubted})
			if !maps.Equal(got.Found, c.want) {
				t.Errorf("%s: got found %v, want %v", c.name, got.Found, c.want)
			}
			if at, ok := got.Doubted[filter.ByUser]; ok != (doubted != 0) || ok && at != 2*day {
				t.Errorf("%s: doubted %b: got %v, want the user at %v if doubted", c.name, doubted, got.Doubted, 2*day)
			}
		}
	}
}

// What is found is bounded: what this refresh found goes before what others did.
func TestPastIsBounded(t *testing.T) {
	for _, c := range []struct{ before, now, want int }{{10, 10, 20}, {maxFound, 10, 10}, {0, maxFound, maxFound}, {0, maxFound + 1, 0}} {
		past := Past{Found: map[filter.Query]int64{}}
		for i := range c.before {
			past.Found[filter.Query{Store: fmt.Sprint("s", i)}] = 90_000
		}
		l := New(Setup{Past: past, Width: 1})
		l.Add(filter.Query{}, filter.Answer{At: 100_000, Total: 100})
		for i := range c.now {
			l.listings.found[filter.Query{IP: fmt.Sprint(i)}] = true
		}
		if got := len(l.Past(&Result{}).Found); got != c.want {
			t.Errorf("%d before, %d now: got %d, want %d", c.before, c.now, got, c.want)
		}
	}
}
