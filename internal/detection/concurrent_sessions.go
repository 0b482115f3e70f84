package detection

import (
	"fmt"
	"time"
)

func concurrentSessions() Detection {
	return Detection{
		Key:     "concurrent_sessions",
		Alert:   "IAMUserConcurrentSessions",
		Summary: "A user has more sessions at the same time than expected",
		Keys: []Key{
			{"max", KindCount, "more active sessions are too many", func(t *Tuning) any { return &t.Max }},
			{"for", KindDuration, "sessions count from this age on", func(t *Tuning) any { return &t.For }},
		},
		General:        Values{"max": 5, "for": 5 * time.Minute},
		Privileged:     Values{"max": 3},
		Sees:           "more than max active sessions of one user that are at least so old",
		Blind:          "sessions that begin and end between two snapshots",
		FalsePositives: "several devices and browsers; sessions that nobody uses any more, until they are idle",
		Technique:      "T1550.004 Web Session Cookie, T1078 Valid Accounts",
		Control:        "NIST SP 800-53 AC-10; OWASP ASVS 7.1.2",
		looks:          lookSettled,
		find:           findConcurrentSessions,
		tells: func(f *facts) string {
			return fmt.Sprintf("has %s, more than %d", count(f.sessions, "active session"), f.limit)
		},
	}
}

func findConcurrentSessions(v *view) {
	if len(v.sessions) <= v.Max {
		return
	}
	sessions := v.keep(v.sessions)
	v.byCreation(sessions)
	tooMany := v.session(sessions[v.Max])
	v.add(hit{sessions: sessions, starts: later(tooMany.Created, v.For), limit: int64(v.Max)})
}
