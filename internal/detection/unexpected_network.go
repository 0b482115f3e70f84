package detection

import "slices"

func unexpectedNetwork() Detection {
	return Detection{
		Key:     "unexpected_network",
		Alert:   "IAMUserUnexpectedNetwork",
		Summary: "A user has a session from a network that is not expected",
		Keys: []Key{
			{"expect", KindExpect, "which users and roles are expected to log in from which networks", func(t *Tuning) any { return &t.Expect }},
		},
		Privileged:     Values{"severity": Critical},
		Sees:           "an active or idle session whose address is in none of the networks of the first entry of expect that fits its user or role",
		Blind:          "users whom no entry fits; sessions without a client address",
		FalsePositives: "a new office or VPN that networks lacks; an administrator who travels",
		Technique:      "T1078 Valid Accounts, T1133 External Remote Services",
		Control:        "NIST SP 800-53 AC-2(12), AC-17; PCI DSS 8.2.7",
		looks:          lookAlive,
		services:       true,
		given:          func(t *Tuning) bool { return len(t.Expect) > 0 },
		find:           findUnexpectedNetwork,
		tells: func(f *facts) string {
			return "has " + count(f.sessions, "session") + " from a network that is not expected"
		},
	}
}

func findUnexpectedNetwork(v *view) {
	named := v.firstNamed()
	v.fires(v.which(func(n int32) bool {
		e := v.expectation(v.session(n).Role, named)
		if e == nil {
			return false
		}
		p := v.place(n)
		return p.ok && !(p.Network != "" && e.networks[p.Network])
	}))
}

// firstNamed is the number of the first expectation that fits the user by name; -1:
// none does.
func (v *view) firstNamed() int {
	who := &v.users[v.user].person
	return slices.IndexFunc(v.expect, func(e expectation) bool { return e.users.match(who) })
}

// expectation is the first that fits the user or the role.
func (v *view) expectation(role string, named int) *expectation {
	for i := range v.expect {
		if e := &v.expect[i]; i == named || role != "" && e.roles[role] {
			return e
		}
	}
	return nil
}
