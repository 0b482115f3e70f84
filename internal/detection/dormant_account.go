package detection

import (
	"fmt"
	"time"

	"iam_session_exporter/internal/session"
)

func dormantAccount() Detection {
	const day = 24 * time.Hour
	return Detection{
		Key:     "dormant_account",
		Alert:   "IAMUserDormantReturned",
		Summary: "A user has logged in after a long absence",
		Needs:   session.FactLastLogin,
		Keys: []Key{
			{"after", KindDuration, "a longer time since the login before is a long one", func(t *Tuning) any { return &t.After }},
		},
		General:        Values{"after": 90 * day},
		Privileged:     Values{"after": 45 * day},
		Sees:           "a session, active, idle or new, that was created so long after its user's LastLoginTime",
		Blind:          "all of it, if LastLoginTime is the login of the session itself; users who have never logged in before",
		FalsePositives: "seasonal staff; leave; a drill with an account for emergencies",
		Technique:      "T1078 Valid Accounts",
		Control:        "NIST SP 800-53 AC-2(3); PCI DSS 8.2.6",
		looks:          lookAliveOrRecent,
		find: func(v *view) {
			sessions := v.which(func(n int32) bool { return v.away[n] > v.After })
			if len(sessions) > 0 {
				v.add(hit{sessions: sessions, starts: v.first(sessions), limit: seconds(v.After)})
			}
		},
		tells: func(f *facts) string {
			return fmt.Sprintf("logged in after more than %s without a login", age(f.limit))
		},
	}
}
