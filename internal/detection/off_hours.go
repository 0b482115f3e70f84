package detection

func offHours() Detection {
	return Detection{
		Key:     "off_hours",
		Alert:   "IAMUserOffHours",
		Summary: "A privileged user has logged in outside working hours",
		Keys: []Key{
			{"hours", KindHours, "the working hours", func(t *Tuning) any { return &t.Hours }},
		},
		Sees:           "a session, active, idle or new, of a privileged user that was created outside hours",
		Blind:          "holidays; users who are not privileged; sessions without a createTime",
		FalsePositives: "being on call; colleagues in other time zones",
		Technique:      "T1078 Valid Accounts",
		Control:        "NIST SP 800-53 AC-2(12)",
		looks:          lookAliveOrRecent,
		given:          func(t *Tuning) bool { return t.Hours != nil },
		find: func(v *view) {
			if !v.privileged {
				return
			}
			v.fires(v.which(func(n int32) bool {
				created := v.session(n).Created
				return !created.IsZero() && !v.Hours.Contains(created)
			}))
		},
		tells: func(f *facts) string { return "is privileged and logged in outside working hours" },
	}
}
