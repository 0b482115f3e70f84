package collector

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"iam_session_exporter/internal/session"
)

const day = 24 * time.Hour

func TestClock(t *testing.T) {
	const b, d, a = believed, doubted, anew
	min := time.Minute
	for _, c := range []struct {
		name  string
		skews []time.Duration // one reading a minute
		want  []belief
		set   time.Duration // in all
	}{
		{"steady", []time.Duration{0, 0, 0}, []belief{b, b, b}, 0},
		{"always ahead", []time.Duration{day, day, day}, []belief{b, b, b}, 0},
		{"two minutes are no jump", []time.Duration{0, 2 * min, 0, -2 * min}, []belief{b, b, b, b}, 0},
		{"more are", []time.Duration{0, 0, 2*min + time.Second, 0, 0}, []belief{b, b, d, d, b}, 0},
		{"back", []time.Duration{0, 0, -2*min - time.Second, 0, 0}, []belief{b, b, d, d, b}, 0},
		{"wrong once", []time.Duration{0, 0, 400 * day, 0, 0}, []belief{b, b, d, d, b}, 0},
		{"wrong in two ways", []time.Duration{0, 0, 400 * day, -20 * day, 0, 0}, []belief{b, b, d, d, d, b}, 0},
		{"set", []time.Duration{0, 0, day, day, day}, []belief{b, b, d, b, b}, day},
		{"set back", []time.Duration{0, 0, -day, -day, -day}, []belief{b, b, d, b, b}, -day},
		{"wrong at first", []time.Duration{400 * day, 0, 0}, []belief{b, a, b}, 0},
		{"wrong at first and second", []time.Duration{400 * day, -20 * day, 0, 0}, []belief{b, a, a, b}, 0},
		{"wrong at second", []time.Duration{0, 400 * day, 0, 0}, []belief{b, a, a, b}, 0},
		{"two nodes in turn", []time.Duration{0, 0, 5 * min, 0, 5 * min, 0, 0}, []belief{b, b, d, d, d, d, b}, 0},
		{"two nodes in turn from the start", []time.Duration{0, 5 * min, 0, 5 * min}, []belief{b, a, a, a}, 0},
		{"drifts", []time.Duration{0, min, 2 * min, 3 * min, 4 * min}, []belief{b, b, b, b, b}, 0},
		{"centuries", []time.Duration{0, 0, 1 << 62, -1 << 62, 0, 0}, []belief{b, b, d, d, d, b}, 0},
	} {
		var k clock
		var got []belief
		var set time.Duration
		for i, skew := range c.skews {
			ours := time.Duration(i) * min
			x, by := k.read(reading{noon.Add(ours).Add(skew), ours})
			got, set = append(got, x), set+by
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || set != c.set {
			t.Errorf("%s: %v, set by %v; want %v, %v", c.name, got, set, c.want, c.set)
		}
	}
	// A year without a scrape is no jump, nor is a clock that goes on meanwhile.
	var k clock
	k.read(reading{noon, 0})
	k.read(reading{noon.Add(time.Minute), time.Minute})
	if x, _ := k.read(reading{noon.Add(365*day + time.Minute), 365 * day}); x != believed {
		t.Errorf("after a pause: %v; want %v", x, believed)
	}
}

// look is one refresh, at a minute after noon, of an API whose Date is skewed
// against the time that its sessions bear.
type look struct {
	minute  int
	skew    time.Duration
	partial bool
	ids     []int
}

// snapshot lists sessions, each created at the minute that its id says and with
// 16 hours to live, as the skewed clock judges them.
func (k look) snapshot() *session.Snapshot {
	taken := at(k.minute).Add(k.skew)
	s := complete(taken)
	for _, id := range k.ids {
		x := session.Session{ID: session.Key(id + 1_000_000), Login: session.Key(id + 1_000_000), FailedLogins: 1, Status: session.Active, Created: at(id), Expires: at(id + 16*60)}
		if !taken.Before(x.Expires) {
			x.Status = session.Expired
		}
		s.Sessions = append(s.Sessions, x)
	}
	s.Total, s.Reported, s.Complete = len(k.ids), len(k.ids), !k.partial
	return s
}

func ids(from, to int, more ...int) (all []int) {
	for id := from; id < to; id++ {
		all = append(all, id)
	}
	return append(all, more...)
}

// What a wrong clock says is not learnt; what happened meanwhile is, later.
func TestCountersUnderWrongClocks(t *testing.T) {
	old := ids(-700, 0)
	gone := func(n int) map[EndReason]int { return map[EndReason]int{EndGone: n} }
	for _, c := range []struct {
		name    string
		looks   []look
		started int
		ended   map[EndReason]int
		failed  float64
	}{
		{"a day ahead once, nothing moved, then all end", []look{{0, 0, false, old}, {1, 0, false, old}, {2, day, false, old}, {3, 0, false, old}, {4, 0, false, old}, {5, 0, false, nil}}, 0, gone(700), 0},
		{"400 days ahead once", []look{{0, 0, false, old}, {1, 0, false, old}, {2, 400 * day, false, old}, {3, 0, false, old}, {4, 0, false, old}, {5, 0, false, nil}}, 0, gone(700), 0},
		{"20 days back once, of a listing that is never complete", []look{{0, 0, true, ids(-700, -400)}, {1, 0, true, ids(-600, -300)}, {2, -20 * day, true, old}, {3, 0, true, old}, {4, 0, true, old}}, 0, nil, 0},
		{"20 days back at first", []look{{0, -20 * day, true, ids(-700, -400)}, {1, 0, true, ids(-600, -300)}, {2, 0, true, old}, {3, 0, true, old}}, 0, nil, 0},
		{"20 days back at first, complete", []look{{0, -20 * day, false, old}, {1, 0, false, old}, {2, 0, false, append(old, 1)}, {3, 0, false, nil}}, 1, gone(701), 1},
		{"400 days ahead at first: real ends and starts are counted", []look{{0, 400 * day, false, old}, {1, 0, false, old}, {2, 0, false, append(old, 1)}, {3, 0, false, nil}}, 1, gone(701), 1},
		{"400 days ahead at the first two, then right", []look{{0, 400 * day, false, old}, {1, 400 * day, false, old}, {2, 0, false, old}, {3, 0, false, old}, {4, 0, false, append(old, 3)}, {5, 0, false, nil}}, 1, gone(701), 1},
		{"wrong at the second", []look{{0, 0, false, old}, {1, 400 * day, false, old}, {2, 0, false, old}, {3, 0, false, append(old, 2)}, {4, 0, false, nil}}, 1, gone(701), 1},
		{"what begins and ends meanwhile is counted later", []look{{0, 0, false, old}, {1, 0, false, old}, {2, -20 * day, false, ids(-690, 0, 1)}, {3, 0, false, ids(-690, 0, 1, 2)}, {4, 0, false, ids(-690, 0, 1, 2, 3)}}, 3, gone(10), 3},
		{"set an hour ahead", []look{{0, 0, false, old}, {1, 0, false, old}, {2, time.Hour, false, old}, {3, time.Hour, false, append(old, 62)}, {4, time.Hour, false, ids(-690, 0, 62, 63)}}, 2, gone(10), 2},
		{"set an hour back", []look{{0, 0, false, ids(-700, -600)}, {1, 0, false, ids(-700, -600)}, {2, -time.Hour, false, ids(-700, -600, -59)}, {3, -time.Hour, false, ids(-700, -600, -59, -57)}, {4, -time.Hour, false, ids(-690, -600, -59, -56)}}, 3, gone(11), 3},
		{"set an hour back, while sessions of the old clock turn up that were not listed yet",
			[]look{{60, 0, true, ids(0, 40)}, {61, 0, true, ids(20, 61)}, {62, -time.Hour, true, ids(0, 59)}, {63, -time.Hour, true, ids(10, 59)}, {64, -time.Hour, true, ids(40, 60)}, {130, -time.Hour, true, ids(64, 68)}}, 4, nil, 4},
		{"400 days ahead for long, and back: what begins is counted", []look{{0, 400 * day, true, ids(-700, -400)}, {1, 400 * day, true, ids(-600, -300)}, {2, 0, true, ids(-600, -100)}, {3, 0, true, old}, {4, 0, true, ids(-5, 4)}}, 3, nil, 3},
		{"nodes in turn count nothing", []look{{0, 0, false, old}, {1, 5 * time.Minute, false, ids(-10, 1)}, {2, 0, false, old}, {3, 5 * time.Minute, false, ids(-10, 2)}}, 0, nil, 0},
		{"a long pause", []look{{0, 0, false, old}, {1, 0, false, old}, {200, 0, false, ids(-700, 0, 100)}}, 1, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHistory(maxRemembered)
			started, ended, failed := 0, map[EndReason]int{}, 0.0
			for _, k := range c.looks {
				ch := h.learn(k.snapshot(), time.Duration(k.minute)*time.Minute)
				started, failed = started+ch.started, failed+ch.failed
				for r, n := range ch.ended {
					ended[r] += n
				}
			}
			if c.ended == nil {
				c.ended = map[EndReason]int{}
			}
			if started != c.started || !maps.Equal(ended, c.ended) || failed != c.failed {
				t.Errorf("started %d, ended %v, %v failed logins; want %d, %v, %v", started, ended, failed, c.started, c.ended, c.failed)
			}
		})
	}
}

// How long something is remembered does not hang on the API's clock.
func TestAWrongClockForgetsNothing(t *testing.T) {
	h := newHistory(maxRemembered)
	s := func(minute int, skew time.Duration, ids ...int) *session.Snapshot {
		return look{minute, skew, true, ids}.snapshot()
	}
	h.learn(s(0, 0), 0)
	h.learn(s(5, 0, 1, 2), 5*time.Minute)
	for i := range 10 {
		h.learn(s(6+i, 6*day), time.Duration(6+i)*time.Minute)
	}
	if h.life.known.len != 2 || h.logins.seen.len != 2 {
		t.Errorf("known: %d sessions, %d logins; want 2, 2", h.life.known.len, h.logins.seen.len)
	}
}

// clocked answers with snapshots whose request carried the Date that is their
// Taken, or none.
func clocked(s *session.Snapshot, date bool) func(context.Context) (*session.Snapshot, error) {
	return func(ctx context.Context) (*session.Snapshot, error) {
		r := session.Request{What: "GET", Code: 200, Sent: s.Taken, Duration: time.Second}
		if date {
			r.Sent, r.RoundTrip, r.Date = noon, 2*time.Second, s.Taken
		}
		session.TraceOf(ctx).Sent(r)
		return s, nil
	}
}

// A scrape under a wrong clock publishes gauges; the log reports the jump once, and
// its end once.
func TestAJumpOfTheClockIsLogged(t *testing.T) {
	var out bytes.Buffer
	o := options(session.Intersight)
	now := noon
	o.Now, o.Logger = func() time.Time { return now }, log.NewLogfmtLogger(&out)
	alive := func(n int) []session.Session {
		var all []session.Session
		for i := range n {
			all = append(all, session.Session{ID: session.Key(i + 1), Status: session.Active, Created: noon.Add(time.Duration(i) * time.Second), FailedLogins: -1})
		}
		return all
	}
	var f fakeSource
	s := newSource(&f, o)
	for i, skew := range []time.Duration{0, 0, -20 * day, 5 * day, 0, 0, 0} {
		now = noon.Add(time.Duration(i) * time.Minute)
		taken := now.Add(skew)
		f.answer = []func(context.Context) (*session.Snapshot, error){func(ctx context.Context) (*session.Snapshot, error) {
			session.TraceOf(ctx).Sent(session.Request{What: "POST token", Code: 200, Sent: now, Date: now})
			session.TraceOf(ctx).Sent(session.Request{What: "GET", Code: 200, Sent: now, Date: taken})
			return complete(taken, alive(10+i)...), nil
		}}
		families := gather(t, s)
		if got := sums(families)["iam_sessions"]; got != float64(10+i) {
			t.Errorf("refresh %d: %v sessions; want %v", i, got, float64(10+i))
		}
		if got := gauge(families, "iam_source_clock_skew_seconds"); got != skew.Seconds() {
			t.Errorf("refresh %d: skew %v, want %v", i, got, skew)
		}
		want := []float64{0, 1, 1, 1, 1, 5, 6}[i]
		if got := testutil.ToFloat64(s.count.started); got != want {
			t.Errorf("refresh %d: %v started, want %v", i, got, want)
		}
	}
	got := out.String()
	if strings.Count(got, "jumped") != 1 || strings.Count(got, "steady again") != 1 || strings.Count(got, "\n") != 2 {
		t.Errorf(`%v; strings.Count(got, "jumped") = %v, want 1; strings.Count(got, "steady again") = %v, want 1; strings.Count(got, "\n") = %v, want 2`, got, strings.Count(got, "jumped"), strings.Count(got, "steady again"), strings.Count(got, "\n"))
	}
}

// An answer without a Date is judged by our clock: where the API's differs, that
// is a jump as well.
func TestDatesThatAreMissingAtTimes(t *testing.T) {
	for _, c := range []struct {
		skew time.Duration
		want float64
	}{{time.Minute, 3}, {10 * time.Minute, 0}} {
		one := func(id session.Key) session.Session {
			return session.Session{ID: id, Status: session.Active, Created: noon.Add(time.Hour), FailedLogins: -1}
		}
		s := newSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){
			clocked(complete(noon.Add(c.skew)), true),
			clocked(complete(noon.Add(c.skew)), true),
			clocked(complete(noon, one(1)), false),
			clocked(complete(noon.Add(c.skew), one(1), one(2), one(3)), true),
		}}, options(session.Intersight))
		for range 4 {
			s.scrape(t.Context(), 0)
		}
		if got := testutil.ToFloat64(s.count.started); got != c.want {
			t.Errorf("skew %v: %v started, want %v", c.skew, got, c.want)
		}
		if s.scrape(t.Context(), 0); testutil.ToFloat64(s.count.started) != 3 {
			t.Errorf("skew %v: %v started in the end; want 3", c.skew, testutil.ToFloat64(s.count.started))
		}
	}
}
