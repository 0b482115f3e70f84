package collector

import (
	"math"
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
// or when a complete one, or a set listed whole that must hold it, lacks it.
type lifecycle struct {
	known  map[session.Key]trail
	places *places

	began    time.Time // API's clock at the first snapshot; zero before it
	complete bool      // there was a complete snapshot
	turn     uint32    // number of the current snapshot

	// What was forgotten without having been proven gone may be listed again:
	// what is not younger is not new.
	horizon int64 // latest createTime of those forgotten
	undated bool  // one of them had none
}

// trail is what is remembered of a session. It is kept small: there may be a
// hundred thousand. Times are Unix nanoseconds; 0 means not told.
type trail struct {
	created, expires, idles int64
	seen                    int64  // API's clock when it was last listed
	turn                    uint32 // snapshot in which it was last listed
	over                    bool   // its end has been counted, or came before we looked
	gone                    bool   // a complete snapshot, or a whole set, lacked it

	// Where it was last listed: in which sets it must be.
	store         uint8 // by places.store
	address, user session.Key
}

// What a session leaves behind once it is over is kept a while, so that one
// that is listed again by mistake does not start and end twice.
const keepOver = time.Hour

// A session that is never again seen in a listing, and never proven gone, is
// forgotten after its expiry, or after this time at the latest.
const keepUnseen = 7 * 24 * time.Hour

// clockStep is how far the API's clock must fall behind our first look before we
// take that look's clock for wrong.
const clockStep = 2 * time.Minute

// changes is what a snapshot proved.
type changes struct {
	started int
	ended   map[EndReason]int
	lengths []time.Duration // of those ended whose createTime is known
}

func newLifecycle() *lifecycle {
	return &lifecycle{known: map[session.Key]trail{}, places: newPlaces()}
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

// observe takes the next snapshot. fresh reports, for each session, whether it
// was proven to be new or known before: whether what it carries happened under
// our eyes.
func (l *lifecycle) observe(snap *session.Snapshot) (c changes, fresh func(session.Key) bool) {
	c.ended = map[EndReason]int{}
	// A clock that was far ahead when we began would make nothing new for ever.
	seeding := l.began.IsZero() || snap.Taken.Before(l.began.Add(-clockStep))
	if seeding {
		l.began = snap.Taken
	}
	l.turn++
	var blind map[session.Key]bool // first listed now, but perhaps older than our first look
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if s.ID == 0 {
			continue
		}
		t, ok := l.known[s.ID]
		if !ok {
			proven := !seeding && l.provenNew(s)
			if proven {
				c.started++
			} else {
				if !l.complete { // else an earlier snapshot would have listed it
					if blind == nil {
						blind = map[session.Key]bool{}
					}
					blind[s.ID] = true
				}
				t.over = s.Status.Over() && !l.endedSince(s, seeding)
			}
		}
		t.created, t.expires, t.idles = nanos(s.Created), nanos(s.Expires), nanos(s.IdlesAt)
		t.seen, t.turn, t.gone = nanos(snap.Taken), l.turn, false
		here := l.places.of(s)
		l.places.compare(t.place(), here, snap.Taken)
		t.address, t.user, t.store = here.address, here.user, here.store
		if s.Status.Over() && !t.over {
			t.over = true
			c.end(reasonOf(s.Status), t, endOf(s, snap.Taken))
		}
		l.known[s.ID] = t
	}
	for _, k := range snap.Besides {
		if t, ok := l.known[k]; ok {
			t.seen, t.turn, t.gone = nanos(snap.Taken), l.turn, false
			l.known[k] = t
		}
	}
	switch {
	case snap.Complete:
		l.complete = true
		l.endMissing(snap.Taken, func(trail) bool { return true }, &c)
	case len(snap.Whole) > 0:
		l.endMissing(snap.Taken, l.places.covered(snap.Whole, snap.Taken), &c)
	}
	l.forget(snap.Taken)
	return c, func(k session.Key) bool { return !blind[k] }
}

// provenNew: created after our first snapshot began, or, where it tells no
// createTime, missing in an earlier complete snapshot. The API's clock tells
// whole seconds: within the first one, only a complete snapshot decides.
func (l *lifecycle) provenNew(s *session.Session) bool {
	switch {
	case s.Created.IsZero():
		return l.complete && !l.undated
	case l.horizon != 0 && nanos(s.Created) <= l.horizon:
		return false
	case l.complete:
		return !s.Created.Before(l.began)
	}
	return !s.Created.Before(l.began.Add(time.Second))
}

// endedSince reports whether a session first listed when already over is known
// to have ended after our first snapshot began.
func (l *lifecycle) endedSince(s *session.Session, seeding bool) bool {
	if seeding {
		return false
	}
	end := s.Ended
	if end.IsZero() && s.Status == session.Expired {
		end = s.Expires
	}
	if s.Created.IsZero() && l.undated || !s.Created.IsZero() && l.horizon != 0 && nanos(s.Created) <= l.horizon {
		return false // perhaps counted, and forgotten
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

// endMissing counts the end of each session that the snapshot lacks, and would
// hold if it were still there.
func (l *lifecycle) endMissing(now time.Time, wouldHold func(trail) bool, c *changes) {
	n := nanos(now)
	for k, t := range l.known {
		if t.turn == l.turn || t.gone || !wouldHold(t) {
			continue
		}
		t.gone = true
		if t.over {
			l.known[k] = t
			continue
		}
		reason, at := EndGone, n
		switch {
		case t.expires != 0 && n >= t.expires:
			reason, at = EndExpired, t.expires
		case t.idles != 0 && n >= t.idles:
			reason, at = EndIdle, t.idles
		}
		t.over = true
		l.known[k] = t
		c.end(reason, t, at)
	}
}

func (c *changes) end(r EndReason, t trail, at int64) {
	c.ended[r]++
	if t.created != 0 {
		c.lengths = append(c.lengths, time.Duration(max(at-t.created, 0)))
	}
}

func (l *lifecycle) forget(now time.Time) {
	n := nanos(now)
	for k, t := range l.known {
		if t.turn == l.turn {
			continue
		}
		unseen := time.Duration(n - t.seen)
		expired := t.expires != 0 && n > t.expires && time.Duration(n-t.expires) > keepOver
		if unseen <= keepOver || !t.over && !expired && unseen <= keepUnseen {
			continue
		}
		delete(l.known, k)
		if t.gone {
			continue
		}
		if t.created == 0 {
			l.undated = true
		}
		l.horizon = max(l.horizon, t.created)
	}
}
