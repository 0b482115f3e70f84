package detection

import "fmt"

func sharedAddress() Detection {
	return Detection{
		Key:     "shared_address",
		Alert:   "IAMAddressShared",
		Summary: "Many users have sessions from one address",
		Keys: []Key{
			{"max", KindCount, "more users are too many", func(t *Tuning) any { return &t.Max }},
		},
		General:        Values{"enabled": false, "max": 4},
		Sees:           "active sessions of more than max users from one address that is in no shared network. The settings for privileged users hold if one of them is",
		Blind:          "addresses behind a shared network, and sessions without one",
		FalsePositives: "an office, proxy, jump host or kiosk behind one address",
		Technique:      "T1078 Valid Accounts, T1110.003 Password Spraying",
		Control:        "NIST SP 800-53 AC-2(12)",
		looks:          lookActive,
		places:         findSharedAddress,
		tells: func(f *facts) string {
			return fmt.Sprintf("has sessions of %s, more than %d", count(f.users, "user"), f.limit)
		},
	}
}

func findSharedAddress(j *judge, a *active, add func(*variant, hit)) {
	sessions := j.byAddress(func(n int32, p *placed) bool {
		return j.flags[n]&isActive != 0 && !j.users[j.of[n]].service && !j.hides(n, a.index) && !(p.Network != "" && j.cfg.shared[p.Network])
	})
	j.been.clear(len(j.table.all))
	for _, address := range sessions.address {
		if address != 0 && j.been.first(address) {
			findSharing(j, a, sessions.at(address), add)
		}
	}
}

// findSharing judges the sessions of one address.
func findSharing(j *judge, a *active, sessions []int32, add func(*variant, hit)) {
	if len(sessions) <= min(a.general.Max, a.privileged.Max) {
		return
	}
	v, users := &a.general, 0
	j.met.clear(len(j.users))
	for _, n := range sessions {
		if j.flags[n]&isPrivileged != 0 || j.users[j.of[n]].privileged {
			v = &a.privileged
		}
		if j.met.first(j.of[n]) {
			users++
		}
	}
	if !v.on || users <= v.Max {
		return
	}
	j.byCreation(sessions)
	j.met.clear(len(j.users))
	users = 0
	for _, n := range sessions {
		if j.met.first(j.of[n]) {
			users++
		}
		if users > v.Max {
			add(v, hit{sessions: sessions, starts: j.snapshot.Sessions[n].Created, limit: int64(v.Max), address: j.place(n).Address})
			return
		}
	}
}
