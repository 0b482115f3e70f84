package evidence

import (
	"testing"

	"iam_session_exporter/internal/oam/filter"
)

// A list longer than the total shows a limit, whatever else is known of it.
func TestAListLongerThanTheTotal(t *testing.T) {
	l := New(Setup{})
	l.total, l.last, l.listed, l.aged = 100, 100, 101, 101
	if l.listedExceedsTotal(); l.Untrusted() != "" {
		t.Errorf("one more, as long as the total was not looked at again: got untrusted %q, want none as it is movement", l.Untrusted())
	}
	if l.LookedAgain(); l.Untrusted() != "listed_exceeds_total" || l.past.Limit != 100 {
		t.Errorf("got untrusted %q, limit %d; want listed_exceeds_total, 100", l.Untrusted(), l.past.Limit)
	}
	l = New(Setup{})
	l.total, l.last, l.listed, l.aged, l.lookedAgain = 100, 100, 103, 100, true
	if l.listedExceedsTotal(); l.Untrusted() != "" {
		t.Errorf("three that may have just begun, instead of others: got untrusted %q, want none as it is movement", l.Untrusted())
	}
	l.listed = 104
	if l.listedExceedsTotal(); l.Untrusted() != "listed_exceeds_total" || l.past.Limit != 0 {
		t.Errorf("four too many: got untrusted %q, limit %d, want listed_exceeds_total, 0", l.Untrusted(), l.past.Limit)
	}
}

// Each reason for answers not to be trusted, by what shows it.
func TestReasons(t *testing.T) {
	everything := filter.Query{}
	count := func(n int) filter.Answer { return filter.Answer{At: 2000, Total: n} }
	exact := filter.Capabilities{ExactIP: filter.Exact, ExactStore: filter.Exact}
	type step struct {
		q filter.Query
		n int
	}
	for _, c := range []struct {
		name  string
		past  Past
		steps []step
		check func(*Log)
		want  string
	}{
		{"nothing", Past{Can: exact}, []step{{everything, 300}}, nil, ""},
		{"the total is a limit found before", Past{Limit: 300}, []step{{everything, 300}}, func(l *Log) { l.TotalCapped() }, "total_capped"},
		{"stores add up to more", Past{Can: exact}, []step{{everything, 300}, {filter.Query{Store: "a"}, 200}, {filter.Query{Store: "b"}, 200}, {everything, 300}},
			func(l *Log) { l.PartsExceedTotal(filter.ByStore, true) }, "parts_exceed_total"},
		{"stores add up to more, and so does the total by now", Past{Can: exact}, []step{{everything, 300}, {filter.Query{Store: "a"}, 200}, {filter.Query{Store: "b"}, 200}, {everything, 400}},
			func(l *Log) { l.PartsExceedTotal(filter.ByStore, true) }, ""},
		{"stores that may contain each other", Past{Can: filter.Capabilities{ExactStore: filter.Loose}}, []step{{everything, 300}, {filter.Query{Store: "a"}, 200}, {filter.Query{Store: "ab"}, 200}},
			func(l *Log) { l.PartsExceedTotal(filter.ByStore, true) }, ""},
		{"a usual limit, and nothing disproves it", Past{}, []step{{everything, 200}, {everything, 200}}, nil, "total_looks_capped"},
		{"a usual limit, of which all were listed once", Past{Complete: 200}, []step{{everything, 200}, {everything, 200}}, nil, ""},
		{"a window, and parts that are larger", Past{Can: exact}, []step{{everything, 28}, {filter.Query{Store: "a"}, 31}, {everything, 28}},
			func(l *Log) {
				if l.ExceedsWindow() {
					l.WindowExceeded(true)
				}
			}, "total_capped"},
		{"a window that moves", Past{Can: exact}, []step{{everything, 28}, {filter.Query{Store: "a"}, 31}, {everything, 31}},
			func(l *Log) {
				if l.ExceedsWindow() {
					l.WindowExceeded(true)
				}
			}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := New(Setup{Past: c.past})
			for _, x := range c.steps {
				l.Add(x.q, count(x.n))
			}
			if c.check != nil {
				c.check(l)
			}
			if got := l.Result().Untrusted; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
