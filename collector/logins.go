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
	schema uint64 // of the last snapshot

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
	same := snap.Schema == l.schema
	l.schema = snap.Schema
	l.forgot = l.forgot && ours-l.forgotAt <= keepLogin
	var first []*session.Session // whose login is not known
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		if s.FailedLogins < 0 || s.Login == 0 {
			continue
		}
		f := l.seen.get(s.Login)
		if f == nil {
			first = append(first, s)
			continue
		}
		_, old := sight(s.ID)
		failed += f.raise(s.FailedLogins, same && !old)
		f.listed = ours
	}
	// What is forgotten now is none of those listed.
	forgot := l.forgot
	l.makeRoom(len(first), ours)
	for _, s := range first {
		isNew, old := sight(s.ID)
		more, met := l.meet(s, ours, same && !old && (isNew || !forgot))
		failed += more
		if met && more > 0 {
			after++
		}
	}
	l.seen.deleteFunc(func(f *figure) bool { return ours-f.listed > keepLogin })
	return failed, after
}

// meet takes in the figure of a login that an earlier snapshot did not know, and
// returns by how much it is new, if that counts, and whether no session before this
// one carried it.
func (l *logins) meet(s *session.Session, ours time.Duration, counts bool) (more float64, met bool) {
	f := l.seen.get(s.Login)
	if f == nil {
		met = true
		if l.seen.len >= l.limit {
			l.forgot, l.forgotAt = true, ours
			f = new(figure)
		} else {
			f = l.seen.put(s.Login)
		}
	}
	f.listed = ours
	return f.raise(s.FailedLogins, counts), met
}

// raise takes in a figure, and returns by how much it exceeds the highest one so
// far, if that counts.
func (f *figure) raise(n int64, counts bool) (more float64) {
	if n > f.highest && counts {
		more = float64(n) - float64(f.highest)
	}
	f.highest = max(f.highest, n)
	return more
}

// makeRoom forgets, for n logins more, those that were not listed for longest.
func (l *logins) makeRoom(n int, ours time.Duration) {
	if makeRoom(&l.seen, n, l.limit, int64(ours), func(f *figure) int64 { return int64(f.listed) }, func(*figure) {}) {
		l.forgot, l.forgotAt = true, ours
	}
}
