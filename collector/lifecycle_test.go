package collector

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// see has a lifecycle observe a snapshot, on a clock of ours that agrees with the
// API's.
func see(l *lifecycle, s *session.Snapshot) changes { return l.observe(s, s.Taken.Sub(noon)) }

func TestLifecycle(t *testing.T) {
	active := func(id session.Key, created int) session.Session {
		return session.Session{ID: id, Status: session.Active, Created: at(created)}
	}
	with := func(s session.Session, f func(*session.Session)) session.Session { f(&s); return s }
	status := func(s session.Session, st session.Status) session.Session { s.Status = st; return s }
	for _, c := range []struct {
		name    string
		snaps   []*session.Snapshot
		started int
		ended   map[EndReason]int
		lengths []time.Duration
	}{
		{name: "the first snapshot only seeds",
			snaps: []*session.Snapshot{complete(at(0), active(1, -5), status(active(2, -5), session.Ended))}},
		{name: "started and gone",
			snaps:   []*session.Snapshot{complete(at(0)), complete(at(5), active(1, 2)), complete(at(9))},
			started: 1, ended: map[EndReason]int{EndGone: 1}, lengths: []time.Duration{7 * time.Minute}},
		{name: "seeded ones end too",
			snaps: []*session.Snapshot{complete(at(0), active(1, -5)), complete(at(5))},
			ended: map[EndReason]int{EndGone: 1}, lengths: []time.Duration{10 * time.Minute}},
		{name: "a partial snapshot proves no end, and no start of what is older than our first look",
			snaps: []*session.Snapshot{partly(complete(at(0), active(1, -5))), partly(complete(at(1), active(2, -5))), partly(complete(at(2)))}},
		{name: "a partial snapshot proves a start",
			snaps: []*session.Snapshot{partly(complete(at(0))), partly(complete(at(5), active(1, 3)))}, started: 1},
		{name: "no createTime: new where a complete snapshot lacked it",
			snaps:   []*session.Snapshot{complete(at(0)), complete(at(1), session.Session{ID: 1, Status: session.Active}), complete(at(2))},
			started: 1, ended: map[EndReason]int{EndGone: 1}},
		{name: "no createTime: not new where none did",
			snaps: []*session.Snapshot{partly(complete(at(0))), complete(at(1), session.Session{ID: 1, Status: session.Active})}},
		{name: "missing past its expiry",
			snaps: []*session.Snapshot{complete(at(0), with(active(1, -5), func(s *session.Session) { s.Expires, s.IdlesAt = at(3), at(2) })), complete(at(4))},
			ended: map[EndReason]int{EndExpired: 1}, lengths: []time.Duration{8 * time.Minute}},
		{name: "missing past its idle limit",
			snaps: []*session.Snapshot{complete(at(0), with(active(1, -5), func(s *session.Session) { s.Expires, s.IdlesAt = at(30), at(4) })), complete(at(4))},
			ended: map[EndReason]int{EndIdle: 1}, lengths: []time.Duration{9 * time.Minute}},
		{name: "an expiry in the year 9999 is not past",
			snaps: []*session.Snapshot{complete(at(0), with(active(1, -5), func(s *session.Session) { s.Expires = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) })), complete(at(4))},
			ended: map[EndReason]int{EndGone: 1}, lengths: []time.Duration{9 * time.Minute}},
		{name: "shown as terminated, with and without EndTime, counted once",
			snaps: []*session.Snapshot{complete(at(0), active(1, -5), active(2, -5)),
				complete(at(5), status(active(1, -5), session.Terminated), with(active(2, -5), func(s *session.Session) { s.Status, s.Ended = session.Ended, at(1) })),
				complete(at(6), status(active(1, -5), session.Terminated)), complete(at(7))},
			ended: map[EndReason]int{EndTerminated: 1, EndEnded: 1}, lengths: []time.Duration{10 * time.Minute, 6 * time.Minute}},
		{name: "listed as expired ends at its expiry",
			snaps: []*session.Snapshot{complete(at(0), active(1, -5)), complete(at(5), with(active(1, -5), func(s *session.Session) { s.Status, s.Expires = session.Expired, at(2) })), complete(at(6))},
			ended: map[EndReason]int{EndExpired: 1}, lengths: []time.Duration{7 * time.Minute}},
		{name: "idle and listed has not ended",
			snaps: []*session.Snapshot{complete(at(0), active(1, -5)), complete(at(5), status(active(1, -5), session.Idle)), complete(at(6), active(1, -5))}},
		{name: "first seen when already ended: started and ended",
			snaps:   []*session.Snapshot{complete(at(0)), complete(at(5), status(active(1, 2), session.Ended))},
			started: 1, ended: map[EndReason]int{EndEnded: 1}, lengths: []time.Duration{3 * time.Minute}},
		{name: "first seen when already ended, before we looked: nothing",
			snaps: []*session.Snapshot{partly(complete(at(0))), complete(at(5), with(active(1, -9), func(s *session.Session) { s.Status, s.Ended = session.Ended, at(-1) })), complete(at(6))}},
		{name: "older than our first look, not listed then, ended since: ended",
			snaps: []*session.Snapshot{partly(complete(at(0))), complete(at(5), with(active(1, -9), func(s *session.Session) { s.Status, s.Ended = session.Ended, at(1) }))},
			ended: map[EndReason]int{EndEnded: 1}, lengths: []time.Duration{10 * time.Minute}},
		{name: "listed again by mistake: not started twice, not ended twice",
			snaps:   []*session.Snapshot{complete(at(0)), complete(at(1), active(1, 1)), complete(at(2)), complete(at(3), active(1, 1)), complete(at(4))},
			started: 1, ended: map[EndReason]int{EndGone: 1}, lengths: []time.Duration{time.Minute}},
		{name: "created at the very second of our first look, but after it",
			snaps: []*session.Snapshot{complete(at(0)), complete(at(1), active(1, 0))}, started: 1},
		{name: "created within the second of our first look, which was partial: not proven",
			snaps: []*session.Snapshot{partly(complete(at(0))), complete(at(1), active(1, 0))}},
		{name: "a clock that runs backwards gives no negative length",
			snaps: []*session.Snapshot{complete(at(0), active(1, 50)), complete(at(1))},
			ended: map[EndReason]int{EndGone: 1}, lengths: []time.Duration{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLifecycle(maxRemembered)
			started, ended, lengths := 0, map[EndReason]int{}, []time.Duration(nil)
			for _, s := range c.snaps {
				ch := see(l, s)
				started += ch.started
				for r, n := range ch.ended {
					ended[r] += n
				}
				lengths = append(lengths, ch.lengths...)
			}
			if c.ended == nil {
				c.ended = map[EndReason]int{}
			}
			if started != c.started || !maps.Equal(ended, c.ended) || !slices.Equal(lengths, c.lengths) {
				t.Errorf("started %d, ended %v, lengths %v; want %d, %v, %v", started, ended, lengths, c.started, c.ended, c.lengths)
			}
		})
	}
}

func TestLifecycleForgets(t *testing.T) {
	l := newLifecycle(maxRemembered)
	var first []session.Session
	for i := range 1000 {
		s := session.Session{ID: session.Key(i + 1), Status: session.Active, Created: noon}
		if i%2 == 0 {
			s.Expires = noon.Add(24 * time.Hour)
		}
		first = append(first, s)
	}
	see(l, partly(complete(noon, first...)))
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{24 * time.Hour, 1000}, {26 * time.Hour, 500}, {6 * 24 * time.Hour, 500}, {8 * 24 * time.Hour, 0}, {9 * 24 * time.Hour, 0}} {
		see(l, partly(complete(noon.Add(c.after))))
		if l.known.len != c.want {
			t.Errorf("after %v: %d known, want %d", c.after, l.known.len, c.want)
		}
	}
	l = newLifecycle(maxRemembered)
	see(l, complete(noon, first...))
	see(l, complete(noon.Add(time.Minute)))
	see(l, complete(noon.Add(2*time.Hour)))
	if l.known.len != 0 {
		t.Errorf("%d ended sessions remembered; want 0", l.known.len)
	}
}

// A session that is drawn, forgotten and drawn again is counted once; and one
// that expires in the year 9999 is forgotten too.
func TestWhatIsForgottenIsNotNewAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		s    session.Session
	}{
		{"over", session.Session{ID: 1, Status: session.Expired, Created: at(1), Expires: at(2)}},
		{"past its expiry", session.Session{ID: 1, Status: session.Active, Created: at(1), Expires: at(60)}},
		{"expires never", session.Session{ID: 1, Status: session.Active, Created: at(1), Expires: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"tells nothing", session.Session{ID: 1, Status: session.Active}},
	} {
		l := newLifecycle(maxRemembered)
		see(l, partly(complete(at(0))))
		started, ended := 0, 0
		for i := range 3 {
			ch := see(l, partly(complete(at(3+i*30*24*60), c.s)))
			started, ended = started+ch.started, ended+len(ch.ended)
			see(l, partly(complete(at(4+i*30*24*60+8*24*60))))
			if l.known.len != 0 {
				t.Errorf("%s: remembered; l.known.len = %v, want 0", c.name, l.known.len)
			}
		}
		want := 1
		if c.s.Created.IsZero() {
			want = 0
		}
		if started != want || ended > 1 {
			t.Errorf("%s: started %d times, ended %d times; want %d, at most 1", c.name, started, ended, want)
		}
	}
}

func TestLogins(t *testing.T) {
	carry := func(id, login session.Key, failed int64, created int) session.Session {
		return session.Session{ID: id, Login: login, FailedLogins: failed, Created: at(created), Status: session.Active}
	}
	for _, c := range []struct {
		name          string
		snaps         []*session.Snapshot
		failed, after float64
	}{
		{"figures that appear because the API tells more fields are not news",
			[]*session.Snapshot{complete(at(0), carry(1, 0, -1, -9)), withFields(complete(at(1), carry(1, 1, 7, -9)), 5), withFields(complete(at(2), carry(1, 1, 8, -9)), 5)}, 1, 0},
		{"a figure beyond all reason", []*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, math.MaxInt64, 1), carry(2, 2, math.MaxInt64, 1))}, 2 * math.MaxInt64, 2},
		{"the first snapshot only seeds", []*session.Snapshot{complete(at(0), carry(1, 1, 5, -9))}, 0, 0},
		{"a seeded figure that grows", []*session.Snapshot{complete(at(0), carry(1, 1, 5, -9)), complete(at(1), carry(1, 1, 7, -9))}, 2, 0},
		{"one login on several sessions is one figure",
			[]*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, 3, 1), carry(2, 1, 3, 1)), complete(at(2), carry(3, 1, 3, 2))}, 3, 1},
		{"first seen at 0, then growing: no login after failures",
			[]*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, 0, 1)), complete(at(2), carry(1, 1, 4, 1))}, 4, 0},
		{"a new login of an old session", []*session.Snapshot{complete(at(0), carry(1, 1, 0, -9)), complete(at(1), carry(1, 2, 6, -9))}, 6, 1},
		{"a figure that falls and rises again", []*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, 5, 1)), complete(at(2), carry(1, 1, 2, 1)), complete(at(3), carry(1, 1, 6, 1))}, 6, 1},
		{"a partial first listing: older sessions it missed are not news",
			[]*session.Snapshot{partly(complete(at(0))), complete(at(1), carry(1, 1, 5, -9), carry(2, 2, 4, 1))}, 4, 1},
		{"a session that a complete listing lacked is news, whatever its createTime says",
			[]*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, 5, -60))}, 5, 1},
		{"no figure", []*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, -1, 1))}, 0, 0},
		{"forgotten a day after its last session", []*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, 5, 1)), complete(at(2)), complete(at(2 + 24*60)), complete(at(3+24*60), carry(2, 1, 5, 3+24*60))}, 10, 2},
		{"remembered a day", []*session.Snapshot{complete(at(0)), complete(at(1), carry(1, 1, 5, 1)), complete(at(2)), complete(at(24*60), carry(2, 1, 5, 24*60))}, 5, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHistory(maxRemembered)
			var failed, after float64
			for _, s := range c.snaps {
				ch := h.learn(s, s.Taken.Sub(noon))
				failed, after = failed+ch.failed, after+ch.after
			}
			if failed != c.failed || after != c.after {
				t.Errorf("failed %v, after %v; want %v, %v", failed, after, c.failed, c.after)
			}
		})
	}
}

func withFields(s *session.Snapshot, fields uint64) *session.Snapshot {
	s.Schema = fields
	return s
}

func BenchmarkLifecycle(b *testing.B) {
	for _, n := range []int{5000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var all []session.Session
			for i := range n {
				all = append(all, session.Session{ID: session.Key(i + 1), Login: session.Key(i + 1), Created: noon, Status: session.Active})
			}
			snap := complete(noon, all...)
			h := newHistory(maxRemembered)
			b.ReportAllocs()
			for b.Loop() {
				h.learn(snap, 0)
			}
		})
	}
}
