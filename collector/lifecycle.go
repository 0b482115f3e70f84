package collector

import (
	"math"
	"slices"
	"time"

	"iam_session_exporter/internal/session"
)

// EndReason says how a session ended. Its values are those of the metric label
// "reason" of iam_sessions_ended_total.
type EndReason string

const (
	EndEnded      EndReason = "ended"
	EndTerminated EndReason = "terminated"
	EndExpired    EndReason = "expired"
	EndIdle       EndReason = "idle"
	EndGone       EndReason = "gone" // before any limit that was seen: a logout, for most
)

func endReasons() []EndReason {
	return []EndReason{EndEnded, EndTerminated, EndExpired, EndIdle, EndGone}
}

// lifecycle follows sessions from snapshot to snapshot and counts only what
// these prove: a session has started when it is listed for the first time and
// was created after we began to look; it has ended when a snapshot shows it so,
// or when a complete one, or a set fully listed that must hold it, lacks it.
//
// What is past a limit is judged by the API's clock, how long a session is
// remembered by ours.
type lifecycle struct {
	known    table[tracked]
	limit    int // of known
	coverage *coverage

	began    time.Time // API's clock at the first snapshot; zero before it
	complete bool      // there was a complete snapshot
	turn     uint32    // number of the current snapshot

	// Sessions forgotten that may be listed again, and those of them whose end
	// has been counted.
	lost, spent horizon

	set   time.Time // when the API's clock was last set; zero: never
	other []period  // of other clocks: what was created in one proves nothing
}

// period is a time in Unix nanoseconds, both ends included.
type period struct{ from, to int64 }

// maxOther bounds how many periods of other clocks are remembered.
const maxOther = 8

// tracked is what is remembered of a session. It is kept small: there may be two
// hundred thousand. Times are Unix nanoseconds; 0 means not told.
type tracked struct {
	created, expires, idles int64
	seen                    time.Duration // our clock when it was last listed
	turn                    uint32        // snapshot in which it was last listed
	flags                   flags

	// Where it was last listed: in which sets it must be.
	store         uint8 // by coverage.store
	address, user session.Key
}

type flags uint8

const (
	over    flags = 1 << iota // it has ended
	counted                   // its end has been counted, or may have been; not so if it was over before we looked
	gone                      // a complete snapshot, or a fully listed set, lacked it
	begun                     // first listed in snapshot turn, and proven to be new
	blind                     // first listed in snapshot turn, and perhaps older than our first look
)

func (t *tracked) is(f flags) bool { return t.flags&f != 0 }

// What a session leaves behind once it is over is kept a while, so that one
// that is listed again by mistake does not start and end twice.
const keepOver = time.Hour

// A session that is never again seen in a listing, and never proven gone, is
// forgotten after its expiry, or after this time at the latest.
const keepUnseen = 7 * 24 * time.Hour

// changes is what a snapshot proved.
type changes struct {
	started int
	ended   map[EndReason]int
	lengths []time.Duration // of those ended whose createTime is known

	failed, after float64 // failed logins, and logins after at least one
}

func newLifecycle(limit int) *lifecycle {
	return &lifecycle{limit: limit, coverage: newCoverage()}
}

// nanos returns Unix nanoseconds, bounded: a session that "never" expires may
// say so with the year 9999, which does not fit.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Year() > 2200:
		return math.MaxInt64
	case t.Year() < 1700:
		return math.MinInt64
	}
	return t.UnixNano()
}

// observe takes the next snapshot. ours is our clock then.
func (l *lifecycle) observe(snap *session.Snapshot, ours time.Duration) (c changes) {
	c.ended = map[EndReason]int{}
	seeding := l.began.IsZero()
	if seeding {
		l.began = snap.Taken
	}
	looked := l.complete
	l.turn++
	now := nanos(snap.Taken)
	var first []int // sessions not known
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if s.ID == 0 {
			continue
		}
		t := l.known.get(s.ID)
		if t == nil {
			first = append(first, i)
			continue
		}
		t.flags &^= begun | blind
		if t.is(over) && !t.is(counted) && !s.Status.Over() {
			t.flags &^= over // it was taken for over when it was first listed
		}
		l.list(t, s, snap.Taken, ours, &c)
	}
	for _, k := range snap.ListedLater {
		if t := l.known.get(k); t != nil {
			t.seen, t.turn = ours, l.turn
			t.flags &^= gone | begun | blind
		}
	}
	l.endAll(snap, ours, &c)
	// Ends first, as what has ended makes room. What is forgotten now is none of
	// those listed.
	lost, spent := l.lost, l.spent
	l.forget(now, ours)
	l.makeRoom(len(first), now)
	for _, i := range first {
		s := &snap.Sessions[i]
		if l.known.get(s.ID) != nil { // listed twice
			continue
		}
		created := nanos(s.Created)
		t := l.meet(s, seeding, looked, l.forgotten(lost, created, now), spent.covers(created, now))
		if t.is(begun) {
			c.started++
		}
		l.list(&t, s, snap.Taken, ours, &c)
		if l.known.len < l.limit {
			*l.known.put(s.ID) = t
		} else {
			l.lose(&t, now)
		}
	}
	return c
}

// meet judges a session that is listed for the first time. looked reports
// whether an earlier snapshot was complete, lost whether the session may have
// been forgotten, spent whether its end may have been counted before.
func (l *lifecycle) meet(s *session.Session, seeding, looked, lost, spent bool) (t tracked) {
	if !seeding && !lost && l.provenNew(s, looked) {
		t.flags = begun
		return t
	}
	if !looked { // else an earlier snapshot would have listed it
		t.flags |= blind
	}
	switch {
	case spent:
		t.flags |= over | counted
	case s.Status.Over() && (seeding || lost || !l.endedSince(s)):
		t.flags |= over
	}
	return t
}

// list takes in how a session is listed now.
func (l *lifecycle) list(t *tracked, s *session.Session, now time.Time, ours time.Duration, c *changes) {
	t.created, t.expires, t.idles = nanos(s.Created), nanos(s.Expires), nanos(s.IdlesAt)
	t.seen, t.turn = ours, l.turn
	t.flags &^= gone
	here := l.coverage.of(s)
	l.coverage.compare(t.place(), here, ours)
	t.address, t.user, t.store = here.address, here.user, here.store
	if s.Status.Over() && !t.is(over) {
		t.flags |= over | counted
		c.end(reasonOf(s.Status), t, endOf(s, now))
	}
}

// sight reports what the current snapshot says of a session that it lists:
// whether it is proven to be new, and whether what it carries may have happened
// before we looked.
func (l *lifecycle) sight(k session.Key) (isNew, old bool) {
	t := l.known.get(k)
	return t != nil && t.is(begun), t == nil || t.is(blind)
}

// clockSet takes in that the API's clock, which is now again, was set.
func (l *lifecycle) clockSet(now time.Time, by time.Duration) {
	since := l.began // of the old clock
	if !l.set.IsZero() {
		since = l.set
	}
	l.began, l.set = l.began.Add(by), now
	if l.complete {
		return // what began since was not listed then
	}
	// Where sessions bear times of the old clock, there may be more of them that
	// were not listed yet: such a time proves nothing once the new clock gets
	// there. Few are older than a day when we begin to look.
	p := period{max(nanos(now.Add(clockStep))+1, nanos(since.Add(-24*time.Hour))), nanos(now.Add(-by))}
	for t := range l.known.all() {
		if p.holds(t.created) {
			l.other = append(l.other, p)
			break
		}
	}
	l.other = slices.DeleteFunc(l.other, func(p period) bool { return time.Duration(nanos(now)-p.to) > keepUnseen })
	l.other = l.other[max(len(l.other)-maxOther, 0):]
}

func (p period) holds(created int64) bool { return created >= p.from && created <= p.to }

// forgotten reports whether a session that is listed for the first time may be
// older than that.
func (l *lifecycle) forgotten(lost horizon, created, now int64) bool {
	return lost.covers(created, now) || slices.ContainsFunc(l.other, func(p period) bool { return p.holds(created) })
}

// provenNew: created after our first snapshot began, or, where it tells no
// createTime, missing in an earlier complete snapshot. The API's clock tells
// whole seconds: within the first one, only a complete snapshot decides.
func (l *lifecycle) provenNew(s *session.Session, looked bool) bool {
	switch {
	case s.Created.IsZero():
		return looked
	case looked:
		return !s.Created.Before(l.began)
	}
	return !s.Created.Before(l.began.Add(time.Second))
}

// endedSince reports whether a session first listed when already over is known
// to have ended after our first snapshot began.
func (l *lifecycle) endedSince(s *session.Session) bool {
	end := s.Ended
	if end.IsZero() && s.Status == session.Expired {
		end = s.Expires
	}
	return !end.IsZero() && !end.Before(l.began)
}

func reasonOf(s session.Status) EndReason {
	switch s {
	case session.Ended:
		return EndEnded
	case session.Terminated:
		return EndTerminated
	}
	return EndExpired
}

// endOf returns when a session that is listed as over ended: as the API says,
// else at the limit that was passed, else now at the latest.
func endOf(s *session.Session, now time.Time) int64 {
	if !s.Ended.IsZero() {
		return nanos(s.Ended)
	}
	for _, limit := range []time.Time{s.Expires, s.IdlesAt} {
		if !limit.IsZero() && !now.Before(limit) {
			return nanos(limit)
		}
	}
	return nanos(now)
}

// endAll counts the ends that the snapshot's lists prove.
func (l *lifecycle) endAll(snap *session.Snapshot, ours time.Duration, c *changes) {
	switch {
	case snap.Complete:
		l.complete = true
		l.endMissing(snap.Taken, func(*tracked) bool { return true }, c)
	case len(snap.FullyListed) > 0:
		l.endMissing(snap.Taken, l.coverage.covered(snap.FullyListed, ours), c)
	}
}

// endMissing counts the end of each session that the snapshot lacks, and would
// hold if it were still there.
func (l *lifecycle) endMissing(now time.Time, wouldHold func(*tracked) bool, c *changes) {
	n := nanos(now)
	for t := range l.known.all() {
		if t.turn == l.turn || t.is(gone) || !wouldHold(t) {
			continue
		}
		t.flags |= gone
		if t.is(over) {
			continue
		}
		reason, at := EndGone, n
		switch {
		case t.expires != 0 && n >= t.expires:
			reason, at = EndExpired, t.expires
		case t.idles != 0 && n >= t.idles:
			reason, at = EndIdle, t.idles
		}
		t.flags |= over | counted
		c.end(reason, t, at)
	}
}

func (c *changes) end(r EndReason, t *tracked, at int64) {
	c.ended[r]++
	if t.created != 0 {
		c.lengths = append(c.lengths, time.Duration(max(at-t.created, 0)))
	}
}

// forget drops what is not worth remembering. now is the API's clock.
func (l *lifecycle) forget(now int64, ours time.Duration) {
	l.known.deleteFunc(func(t *tracked) bool {
		if t.turn == l.turn {
			return false
		}
		unseen := ours - t.seen
		expired := t.expires != 0 && now > t.expires && time.Duration(now-t.expires) > keepOver
		if unseen <= keepOver || !t.is(over) && !expired && unseen <= keepUnseen {
			return false
		}
		if !t.is(gone) {
			l.lost.extend(t.created, now)
		}
		return true
	})
}

// makeRoom forgets, for n sessions more, those that were not listed for longest.
// An end of theirs is then not counted, and if they are listed again they are
// not new.
func (l *lifecycle) makeRoom(n int, now int64) {
	makeRoom(&l.known, n, l.limit, int64(l.turn), func(t *tracked) int64 { return int64(t.turn) }, func(t *tracked) { l.lose(t, now) })
}

// lose takes in that a session is forgotten that may be listed again.
func (l *lifecycle) lose(t *tracked, now int64) {
	l.lost.extend(t.created, now)
	if t.is(counted) {
		l.spent.extend(t.created, now)
	}
}
