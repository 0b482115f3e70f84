package detection

func breakGlass() Detection {
	return Detection{
		Key:     "break_glass",
		Alert:   "IAMUserBreakGlass",
		Summary: "An account that is for emergencies is in use",
		Keys: []Key{
			{"users", KindUsers, "accounts that are for emergencies", func(t *Tuning) any { return &t.Users }},
			{"roles", KindRoles, "roles that are for emergencies", func(t *Tuning) any { return &t.Roles }},
		},
		General:        Values{"severity": Critical},
		Sees:           "a session, active, idle or new, of such a user or role",
		Blind:          "sessions that begin and end between two snapshots",
		FalsePositives: "a drill; an emergency that is known",
		Technique:      "T1078 Valid Accounts",
		Control:        "NIST SP 800-53 AC-2, AC-6(9)",
		looks:          lookAliveOrRecent,
		services:       true,
		given:          func(t *Tuning) bool { return len(t.Users)+len(t.Roles) > 0 },
		find: func(v *view) {
			named := v.named.match(&v.users[v.user].person)
			v.fires(v.which(func(n int32) bool {
				role := v.session(n).Role
				return named || role != "" && v.roles[role]
			}))
		},
		tells: func(f *facts) string { return "uses an account or role that is for emergencies" },
	}
}
