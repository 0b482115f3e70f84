package detection

import (
	"fmt"
	"time"
)

// lifetimeGrace is how long a session may outlive the policy before it is noted.
const lifetimeGrace = 15 * time.Minute

func sessionAge() Detection {
	return Detection{
		Key:     "session_age",
		Alert:   "IAMUserSessionTooOld",
		Summary: "A session has lasted for too long",
		Keys: []Key{
			{"max", KindDuration, "an older active session is too old, unless the policy allows longer ones; given for privileged users it holds whatever the policy allows", func(t *Tuning) any { return &t.MaxAge }},
		},
		General:        Values{"max": 24 * time.Hour},
		Sees:           "an active session that is older than max, and, if the policy limits lifetimes, older than that limit by more than 15m",
		Blind:          "sessions without a createTime",
		FalsePositives: "wallboards and kiosks",
		Technique:      "T1550.004 Web Session Cookie",
		Control:        "NIST SP 800-53 AC-12; OWASP ASVS 7.3.2",
		looks:          lookActive,
		find:           findSessionAge,
		tells: func(f *facts) string {
			return fmt.Sprintf("has %s older than %s", count(f.sessions, "active session"), age(f.limit))
		},
	}
}

func findSessionAge(v *view) {
	limit := v.MaxAge
	if l := v.snapshot.Limits.Lifetime; l != nil && *l > 0 && !v.Alone {
		limit = max(limit, *l+lifetimeGrace)
	}
	sessions := v.which(func(n int32) bool { return v.dated(n) && v.age[n] > limit })
	if len(sessions) > 0 {
		v.add(hit{sessions: sessions, starts: later(v.first(sessions), limit), limit: seconds(limit)})
	}
}
