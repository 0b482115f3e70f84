package collector

import (
	"time"

	"iam_session_exporter/internal/session"
)

// logins counts the failed logins that sessions report. The figure belongs to a
// login, and every session of that login repeats it; so for each login what
// exceeds the highest figure seen is new.
type logins struct {
	seen   map[session.Key]figure
	fields uint64 // of the last snapshot
}

type figure struct {
	highest int64
	listed  int64 // API's clock, Unix nanoseconds, when a session last carried it
}

// keepLogin is how long a login is remembered after its last session.
const keepLogin = 24 * time.Hour

func newLogins() *logins { return &logins{seen: map[session.Key]figure{}} }

// observe takes the next snapshot and returns the failed logins that are new,
// and the logins first seen that came after at least one. What sessions carry
// that are not fresh may have happened before we looked, and so may what appears
// because the API tells other fields than before: it is only remembered.
func (l *logins) observe(snap *session.Snapshot, fresh func(session.Key) bool) (failed, after float64) {
	now := nanos(snap.Taken)
	same := snap.Fields == l.fields
	l.fields = snap.Fields
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if s.FailedLogins < 0 || s.Login == 0 {
			continue
		}
		f, known := l.seen[s.Login]
		if same && fresh(s.ID) {
			failed += max(float64(s.FailedLogins)-float64(f.highest), 0)
			if !known && s.FailedLogins > 0 {
				after++
			}
		}
		f.highest, f.listed = max(f.highest, s.FailedLogins), now
		l.seen[s.Login] = f
	}
	for k, f := range l.seen {
		if time.Duration(now-f.listed) > keepLogin {
			delete(l.seen, k)
		}
	}
	return failed, after
}
