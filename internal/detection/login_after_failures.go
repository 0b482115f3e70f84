package detection

import (
	"fmt"

	"iam_session_exporter/internal/session"
)

func loginAfterFailures() Detection {
	return Detection{
		Key:     "login_after_failures",
		Alert:   "IAMUserLoginAfterFailures",
		Summary: "A login succeeded after many that failed",
		Needs:   session.FactFailedLogins,
		Keys: []Key{
			{"warning", KindLevel, "failed logins from which the severity is warning; 0: none", func(t *Tuning) any { return &t.Warning }},
			{"critical", KindLevel, "failed logins from which the severity is critical; 0: none", func(t *Tuning) any { return &t.Critical }},
		},
		General:        Values{"warning": 5, "critical": 10},
		Privileged:     Values{"warning": 3, "critical": 5},
		Sees:           "a session, active, idle or new, to which Intersight attaches at least so many failed logins. Each level that is reached is an alert",
		Blind:          "failures that no login follows, and, as Cisco says, those of users of single sign-on",
		FalsePositives: "a forgotten password; a password manager or script with an old one",
		Technique:      "T1110.001 Password Guessing, T1078 Valid Accounts",
		Control:        "NIST SP 800-53 AC-7, AC-9(1); PCI DSS 8.3.4",
		looks:          lookAliveOrRecent,
		services:       true,
		levels:         true,
		find:           findLoginAfterFailures,
		tells:          func(f *facts) string { return fmt.Sprintf("logged in after %s", count(f.failed, "failed login")) },
	}
}

func findLoginAfterFailures(v *view) {
	levels := []level{{v.Critical, Critical}, {v.Warning, Warning}}
	if v.Severity != "" {
		levels = []level{{lowest(v.Critical, v.Warning), v.Severity}}
	}
	for _, l := range levels {
		if l.least <= 0 {
			continue
		}
		var most int64
		sessions := v.which(func(n int32) bool {
			failed := v.session(n).FailedLogins
			if failed < int64(l.least) {
				return false
			}
			most = max(most, failed)
			return true
		})
		if len(sessions) > 0 {
			v.add(hit{severity: l.severity, sessions: sessions, starts: v.first(sessions), limit: int64(l.least), failed: most})
		}
	}
}

type level struct {
	least    int
	severity string
}

// lowest is the lower of two levels that are not 0.
func lowest(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
