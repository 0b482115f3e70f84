package detection

import (
	"fmt"
	"time"

	"iam_session_exporter/internal/session"
)

func impersonationLong() Detection {
	return Detection{
		Key:     "impersonation_long",
		Alert:   "IAMUserImpersonatedLong",
		Summary: "Somebody has acted as another user for long",
		Needs:   session.FactImpersonation,
		Keys: []Key{
			{"max", KindDuration, "an older impersonating session is too old", func(t *Tuning) any { return &t.MaxAge }},
		},
		General:        Values{"max": time.Hour},
		Sees:           "an active or idle session that impersonates and is at least so old",
		Blind:          "who impersonates, which OAM does not report; sessions without a createTime",
		FalsePositives: "support that takes its time; a session that was left open",
		Technique:      "T1078.004 Cloud Accounts, T1550 Use Alternate Authentication Material",
		Control:        "NIST SP 800-53 AC-6(9), AC-12",
		looks:          lookAlive,
		find: func(v *view) {
			sessions := v.which(func(n int32) bool {
				return v.session(n).Impersonating && v.dated(n) && v.age[n] >= v.MaxAge
			})
			if len(sessions) > 0 {
				v.add(hit{sessions: sessions, starts: later(v.first(sessions), v.MaxAge), limit: seconds(v.MaxAge)})
			}
		},
		tells: func(f *facts) string { return fmt.Sprintf("has been impersonated for at least %s", age(f.limit)) },
		apart: listsImpersonating,
	}
}
