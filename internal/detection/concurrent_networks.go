package detection

import (
	"fmt"
	"slices"
	"time"
)

func concurrentNetworks() Detection {
	return Detection{
		Key:     "concurrent_networks",
		Alert:   "IAMUserConcurrentNetworks",
		Summary: "A user has sessions from more networks at the same time than expected",
		Keys: []Key{
			{"max", KindCount, "more networks are too many", func(t *Tuning) any { return &t.Max }},
			{"for", KindDuration, "sessions count from this age on", func(t *Tuning) any { return &t.For }},
		},
		General:        Values{"max": 2, "for": 5 * time.Minute},
		Privileged:     Values{"max": 1},
		Sees:           "active sessions of one user, at least so old, from more than max networks: named ones, else /24 of IPv4 or /48 of IPv6. The larger of both families counts; shared networks don't",
		Blind:          "a stolen session that is used from elsewhere: the address is that of the login; and sessions that begin and end between two snapshots",
		FalsePositives: "a VPN that was turned on or off; a mobile network; a proxy in front of the API, whose address then is everybody's",
		Technique:      "T1550.004 Web Session Cookie, T1078 Valid Accounts",
		Control:        "NIST SP 800-53 AC-2(12), AC-10",
		looks:          lookSettled,
		find:           findConcurrentNetworks,
		tells: func(f *facts) string {
			return fmt.Sprintf("has active sessions from %s, more than %d in one family of addresses", count(f.networks.count, "network"), f.limit)
		},
	}
}

func findConcurrentNetworks(v *view) {
	if len(v.sessions) <= v.Max {
		return
	}
	sessions := v.scratch[:0]
	for _, n := range v.sessions {
		if p := v.place(n); p.ok && !(p.Network != "" && v.cfg.shared[p.Network]) {
			sessions = append(sessions, n)
		}
	}
	v.scratch = sessions
	if _, ok := v.tooManyAreas(sessions); !ok {
		return
	}
	sessions = v.keep(sessions)
	v.byCreation(sessions)
	n, _ := v.tooManyAreas(sessions)
	v.add(hit{sessions: sessions, starts: later(v.session(n).Created, v.For), limit: int64(v.Max)})
}

// tooManyAreas finds the session that adds an area too many in its family of addresses.
func (v *view) tooManyAreas(sessions []int32) (n int32, ok bool) {
	if len(sessions) <= v.Max {
		return 0, false
	}
	v.areas[0], v.areas[1] = v.areas[0][:0], v.areas[1][:0] // IPv4, IPv6
	for _, n := range sessions {
		p := v.place(n)
		family := &v.areas[btoi(p.IPv6)]
		if slices.Contains(*family, p.area()) {
			continue
		}
		*family = append(*family, p.area())
		if len(*family) > v.Max {
			return n, true
		}
	}
	return 0, false
}
