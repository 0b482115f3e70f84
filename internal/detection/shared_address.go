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
	for _, sessions := range j.atAddresses(a, min(a.general.Max, a.privileged.Max)) {
		v := &a.general
		for _, n := range sessions {
			if j.flags[n]&isPrivileged != 0 || j.users[j.of[n]].privileged {
				v = &a.privileged
			}
		}
		if !v.on || len(sessions) <= v.Max {
			continue
		}
		j.byCreation(sessions)
		seen := make(map[int32]bool)
		for _, n := range sessions {
			seen[j.of[n]] = true
			if len(seen) > v.Max {
				add(v, hit{sessions: sessions, starts: j.snapshot.Sessions[n].Created, limit: int64(v.Max), address: j.place(n).Address})
				break
			}
		}
	}
}

// atAddresses returns the sessions that are looked at, by address, of addresses
// that have more than least.
func (j *judge) atAddresses(a *active, least int) [][]int32 {
	counts := make([]int32, 1, len(j.table.all)+1) // of each place
	looked := make([]bool, len(j.flags))
	for i := range j.flags {
		n := int32(i)
		if j.of[i] < 0 || j.flags[i]&isActive == 0 || j.users[j.of[i]].service || j.hides(n, a.index) {
			continue
		}
		if p := j.place(n); p.ok && !(p.Network != "" && j.cfg.shared[p.Network]) {
			for len(counts) <= int(p.address) {
				counts = append(room(counts), 0)
			}
			counts[p.address]++
			looked[i] = true
		}
	}
	var all [][]int32
	number := make(map[int32]int) // in all, of an address
	for i := range looked {
		n := int32(i)
		if !looked[i] || int(counts[j.place(n).address]) <= least {
			continue
		}
		address := j.place(n).address
		k, ok := number[address]
		if !ok {
			k = len(all)
			number[address], all = k, append(all, nil)
		}
		all[k] = append(all[k], n)
	}
	return all
}
