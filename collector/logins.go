package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// logins counts the failed logins that sessions report. The figure belongs to a
// login, and every session of that login repeats it; so for each login what
// exceeds the highest figure seen is new.
type logins struct {
	seen   table[figure]
	limit  int    // of seen
	fields uint64 // of the last snapshot

	// While logins that are forgotten for want of room may still be listed, one
	// that is not known counts only with a session that is new.
	forgot   bool
	forgotAt time.Duration // our clock
}

type figure struct {
	highest int64
	listed  time.Duration // our clock when a session last carried it
}

// keepLogin is how long a login is remembered after its last session.
const keepLogin = 24 * time.Hour

func newLogins(limit int) *logins { return &logins{limit: limit} }

// observe takes the next snapshot and returns the failed logins that are new,
// and the logins first seen that came after at least one. What old sessions
// carry may have happened before we looked, and so may what appears because the
// API tells other fields than before: it is only remembered.
func (l *logins) observe(snap *session.Snapshot, sight func(session.Key) (isNew, old bool), ours time.Duration) (failed, after float64) {
	same := snap.Fields == l.fields
	l.fields = snap.Fields
	l.forgot = l.forgot && ours-l.forgotAt <= keepLogin
	full := false
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if s.FailedLogins < 0 || s.Login == 0 {
			continue
		}
		f := l.seen.get(s.Login)
		known := f != nil
		var highest int64
		if known {
			highest = f.highest
		}
		if same && s.FailedLogins > highest {
			isNew, old := sight(s.ID)
			if !old && (known || isNew || !l.forgot) {
				failed += float64(s.FailedLogins) - float64(highest)
				if !known {
					after++
				}
			}
		}
		if !known {
			if full = full || !l.room(ours); full {
				continue
			}
			f = l.seen.put(s.Login)
		}
		f.highest, f.listed = max(highest, s.FailedLogins), ours
	}
	l.seen.deleteFunc(func(f *figure) bool { return ours-f.listed > keepLogin })
	return failed, after
}

// room makes room for one more login, where it must by forgetting some of those
// that were not listed for longest.
func (l *logins) room(ours time.Duration) bool {
	if l.seen.len < l.limit {
		return true
	}
	old := 0
	for f := range l.seen.all() {
		if f.listed != ours {
			old++
		}
	}
	l.forgot, l.forgotAt = true, ours
	dropOldest(&l.seen, min(old, 1+l.limit/16), func(f *figure) int64 { return int64(f.listed) }, func(*figure) {})
	return l.seen.len < l.limit
}
