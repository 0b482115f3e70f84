package detection

func unexpectedIdentityStore() Detection {
	return Detection{
		Key:     "unexpected_identity_store",
		Alert:   "IAMUserUnexpectedIdentityStore",
		Summary: "A user has a session of an identity store that is not expected",
		Keys: []Key{
			{"expect", KindStores, "the identity stores (Intersight: identity providers) that are expected", func(t *Tuning) any { return &t.Stores }},
		},
		Sees:           "an active or idle session whose identity store (Intersight: identity provider) is known, and not in expect",
		Blind:          "sessions whose identity store is not known",
		FalsePositives: "a new or renamed identity store",
		Technique:      "T1078 Valid Accounts, T1556 Modify Authentication Process",
		Control:        "NIST SP 800-53 IA-2, AC-2",
		looks:          lookAlive,
		services:       true,
		given:          func(t *Tuning) bool { return len(t.Stores) > 0 },
		find: func(v *view) {
			v.fires(v.which(func(n int32) bool {
				s := v.session(n)
				return s.IdentityStore != "" && !s.StoreUnknown && !v.stores[s.IdentityStore]
			}))
		},
		tells: func(f *facts) string {
			return "has " + count(f.sessions, "session") + " of an identity store that is not expected"
		},
	}
}
