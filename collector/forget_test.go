package collector

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"iam_session_exporter/internal/session"
)

func TestDropOldest(t *testing.T) {
	stamps := []int{5, 1, 3, 3, 3, 9, 1, 7}
	for n, want := range [][]int{
		{1, 1, 3, 3, 3, 5, 7, 9}, {1, 3, 3, 3, 5, 7, 9}, {3, 3, 3, 5, 7, 9}, {3, 3, 5, 7, 9}, {3, 5, 7, 9}, {5, 7, 9}, {7, 9}, {9}, nil, nil,
	} {
		var m table[int]
		for i, s := range stamps {
			*m.put(session.Key(i + 1)) = s
		}
		gone := 0
		dropOldest(&m, n, func(s *int) int64 { return int64(*s) }, func(*int) { gone++ })
		var got []int
		for s := range m.all() {
			got = append(got, *s)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || gone != len(stamps)-len(want) {
			t.Errorf("%d dropped: %v left, %d reported; want %v", n, got, gone, want)
		}
	}
}

func TestHorizon(t *testing.T) {
	var h horizon
	now := nanos(noon)
	hour := int64(time.Hour)
	for _, created := range []int64{0, now, now + 100*hour, -now, math.MaxInt64, math.MinInt64} {
		if h.covers(created, now) {
			t.Errorf("nothing was forgotten, but it may have been %d", created)
		}
	}
	h.extend(now-5*hour, now)
	h.extend(now-7*hour, now)
	for created, want := range map[int64]bool{now: false, now - 5*hour: true, now - 6*hour: true, now - 9*hour: true, -now: true, math.MinInt64: true, 0: false, now + 100*hour: false} {
		if h.covers(created, now) != want {
			t.Errorf("%d: %v, want %v", created, !want, want)
		}
	}
	h.extend(math.MaxInt64, now)
	for created, want := range map[int64]bool{now: false, now + 100*hour: true, math.MaxInt64: true, now - 5*hour: true} {
		if h.covers(created, now) != want {
			t.Errorf("after one from the future, %d: %v, want %v", created, !want, want)
		}
	}
	h.extend(0, now)
	if !h.covers(0, now) {
		t.Error("an undated one is not covered, want it covered")
	}
}

// What is forgotten for want of room is not counted as started or ended again.
func TestFewSessionsAreRemembered(t *testing.T) {
	list := func(minute int, partial bool, all ...session.Session) *session.Snapshot {
		s := complete(at(minute), all...)
		s.Complete = !partial
		return s
	}
	some := func(from, to, created int) (all []session.Session) {
		for id := from; id < to; id++ {
			all = append(all, session.Session{ID: session.Key(id), Login: session.Key(id), FailedLogins: 1, Status: session.Active, Created: at(created)})
		}
		return all
	}
	undated := func(all []session.Session) []session.Session {
		for i := range all {
			all[i].Created = time.Time{}
		}
		return all
	}
	over := func(all []session.Session) []session.Session {
		for i := range all {
			all[i].Status = session.Expired
		}
		return all
	}
	for _, c := range []struct {
		name           string
		snaps          []*session.Snapshot
		started, ended int
		failed         float64
	}{
		{"ids that are new each time", []*session.Snapshot{list(0, false), list(1, false, some(100, 108, 1)...), list(2, false, some(200, 208, 2)...), list(3, false, some(300, 308, 3)...), list(4, false)}, 24, 24, 24},
		{"of those that ended, some are listed again", []*session.Snapshot{list(0, false), list(1, false, some(100, 108, 1)...), list(2, false, some(200, 208, 2)...), list(3, false, some(300, 308, 3)...),
			list(4, false, some(100, 108, 1)...), list(5, false)}, 24, 24, 24},
		{"drawn by turns, without an end", []*session.Snapshot{list(0, true), list(1, true, some(100, 108, 1)...), list(2, true, some(200, 208, 1)...), list(3, true, some(100, 108, 1)...), list(4, true, some(200, 208, 1)...)}, 16, 0, 16},
		{"shown as over again", []*session.Snapshot{list(0, true), list(1, true, over(some(100, 108, 1))...), list(2, true, some(200, 210, 2)...), list(3, true, over(some(100, 108, 1))...), list(4, true, some(100, 108, 1)...), list(5, false)}, 18, 10, 18},
		{"more at once than are remembered", []*session.Snapshot{list(0, false), list(1, false, some(100, 130, 1)...), list(2, false, some(100, 130, 1)...), list(3, false, some(100, 130, 1)...), list(4, false)}, 30, 10, 10},
		{"more at once, in the order of others", []*session.Snapshot{list(0, false), list(1, false, some(100, 130, 1)...), list(2, false, slices.Concat(some(120, 130, 1), some(100, 120, 1))...)}, 30, 0, 10},
		{"without creation times", []*session.Snapshot{list(0, false), list(1, false, undated(some(100, 108, 1))...), list(2, false, undated(some(200, 208, 1))...), list(3, false, undated(some(100, 108, 1))...), list(4, false, undated(some(200, 208, 1))...)}, 16, 16, 16},
		{"those that go on are known as ever", []*session.Snapshot{list(0, false, some(1, 4, -9)...), list(1, false, slices.Concat(some(1, 4, -9), some(100, 107, 1))...), list(2, false, slices.Concat(some(1, 4, -9), some(200, 207, 2))...),
			list(3, false, slices.Concat(some(1, 4, -9), some(300, 307, 3))...), list(4, false)}, 21, 24, 21},
	} {
		h := newHistory(10)
		started, ended, failed := 0, 0, 0.0
		for _, s := range c.snaps {
			ch := h.learn(s, s.Taken.Sub(noon))
			started, failed = started+ch.started, failed+ch.failed
			for _, n := range ch.ended {
				ended += n
			}
			if h.life.known.len > 10 || h.logins.seen.len > 10 {
				t.Errorf("%s: %d sessions and %d logins are remembered; want at most 10, at most 10", c.name, h.life.known.len, h.logins.seen.len)
			}
		}
		if started != c.started || ended != c.ended || failed != c.failed {
			t.Errorf("%s: started %d, ended %d, %v failed logins; want %d, %d, %v", c.name, started, ended, failed, c.started, c.ended, c.failed)
		}
	}
}

// A login that is forgotten for want of room is not counted again with a session
// that is known.
func TestFewLoginsAreRemembered(t *testing.T) {
	l := newLogins(4)
	carry := func(logins ...session.Key) *session.Snapshot {
		s := complete(noon)
		for i, k := range logins {
			s.Sessions = append(s.Sessions, session.Session{ID: session.Key(i + 1), Login: k, FailedLogins: 3})
		}
		return s
	}
	known := func(session.Key) (isNew, old bool) { return false, false }
	isNew := func(session.Key) (isNew, old bool) { return true, false }
	for i, c := range []struct {
		snap   *session.Snapshot
		sight  func(session.Key) (bool, bool)
		ours   time.Duration
		failed float64
	}{
		{carry(1, 2, 3, 4), known, 0, 12},
		{carry(5, 6), isNew, time.Hour, 6},
		{carry(1, 2, 3, 4, 5, 6), known, 2 * time.Hour, 0},
		{carry(7), isNew, 3 * time.Hour, 3},
		{carry(8, 9, 7), isNew, 4 * time.Hour, 6}, // what is listed, wherever, is not forgotten
		{carry(8, 9, 7), known, 5 * time.Hour, 0},
		{carry(10), known, 30 * time.Hour, 3}, // a day after the last one was forgotten
	} {
		if failed, _ := l.observe(c.snap, c.sight, c.ours); failed != c.failed || l.seen.len > 4 {
			t.Errorf("step %d: %v, want %v; %d known", i, failed, c.failed, l.seen.len)
		}
	}
}

// Sessions that are new at every scrape, without end, take bounded memory.
func TestMemoryOfRotatingSessions(t *testing.T) {
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	for _, c := range []struct {
		limit, each, scrapes int
		most                 float64 // MiB
	}{{10_000, 1_000, 400, 1.8}, {maxRemembered, 25_000, 24, 32}} {
		snap := complete(noon)
		snap.Sessions, snap.Total, snap.Reported = make([]session.Session, c.each), c.each, c.each
		o := options(session.Intersight)
		o.Timeout = 5 * time.Minute
		now := noon
		o.Now = func() time.Time { return now }
		before := heap()
		s := newSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(snap)}}, o)
		s.memory.history = newHistory(c.limit)
		var peak float64
		next := 0
		for i := range c.scrapes {
			now = at(i)
			snap.Taken, snap.Complete = now, i%3 > 0
			for j := range snap.Sessions {
				next++
				snap.Sessions[j] = session.Session{ID: session.Key(next), User: session.Key(next), Login: session.Key(next), FailedLogins: 1, Status: session.Active,
					Role: fmt.Sprint(j), ClientIP: fmt.Sprint("10.0.0.", j%200), Created: now, Expires: at(i + 60), IdlesAt: at(i + 30)}
			}
			s.scrape(t.Context(), 0)
			if i%(c.scrapes/4) == c.scrapes/4-1 {
				snap.Sessions = make([]session.Session, c.each)
				peak = max(peak, heap()-before)
			}
		}
		h := s.memory.history
		t.Logf("%.1f MiB, %d sessions, %d logins, %d users", peak, h.life.known.len, h.logins.seen.len, h.users.seen.len)
		if peak > c.most || h.life.known.len > c.limit || h.logins.seen.len > c.limit || h.users.seen.len > c.limit {
			t.Errorf("%.1f MiB kept, %d sessions, %d logins, %d users; want at most %v, at most %d of each", peak, h.life.known.len, h.logins.seen.len, h.users.seen.len, c.most, c.limit)
		}
		want := float64((c.scrapes - 1) * c.each)
		if n := testutil.ToFloat64(s.count.started); n != want {
			t.Errorf("%v started, want %v", n, want)
		}
		if n := testutil.ToFloat64(s.count.failedLogins); n != want {
			t.Errorf("%v failed logins, want %v", n, want)
		}
		runtime.KeepAlive(s)
	}
}
