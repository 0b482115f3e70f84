package detection

import "iam_session_exporter/internal/session"

func impersonation() Detection {
	return Detection{
		Key:            "impersonation",
		Alert:          "IAMUserImpersonated",
		Summary:        "Somebody acts as another user",
		Needs:          session.FactImpersonation,
		General:        Values{"severity": Info},
		Sees:           "an active or idle session that impersonates; its user is the one who is impersonated",
		Blind:          "who impersonates, which OAM does not report; and sessions that begin and end between two snapshots",
		FalsePositives: "support that is agreed",
		Technique:      "T1078.004 Cloud Accounts, T1550 Use Alternate Authentication Material",
		Control:        "NIST SP 800-53 AC-6(9), AU-2",
		looks:          lookAlive,
		find: func(v *view) {
			v.fires(v.which(func(n int32) bool { return v.session(n).Impersonating }))
		},
		tells: func(f *facts) string { return "is impersonated in " + count(f.sessions, "session") },
		apart: listsImpersonating,
	}
}

// listsImpersonating reports whether a snapshot has all impersonating sessions.
func listsImpersonating(snap *session.Snapshot) bool {
	if snap.Impersonating == nil {
		return false
	}
	listed := 0
	for i := range snap.Sessions {
		if snap.Sessions[i].Impersonating {
			listed++
		}
	}
	return listed >= *snap.Impersonating
}
