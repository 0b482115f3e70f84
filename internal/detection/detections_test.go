package detection

import (
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

const hour, day = time.Hour, 24 * time.Hour

type detectionCase struct {
	name   string
	src    Source
	set    *Settings
	logins []login
	want   []string
}

func TestDetections(t *testing.T) {
	all := [][]detectionCase{loginCases(), concurrentCases(), networkCases(), expectCases(), oamCases(), ageCases(), hoursCases(), addressCases(), commonCases()}
	for _, cases := range all {
		for _, c := range cases {
			if c.set == nil {
				c.set = base()
			}
			if c.src.Name == "" {
				c.src = cloud
			}
			same(t, c.name, found(judged(c.src, c.set, snap(c.logins...))), c.want)
		}
	}
}

func loginCases() []detectionCase {
	warn := "login_after_failures warning alice 1h0m0s"
	crit := "login_after_failures critical alice 1h0m0s"
	one := func(l login) []login {
		l.user = "alice"
		if l.age == 0 {
			l.age = hour
		}
		return []login{l}
	}
	return []detectionCase{
		{name: "4 failures", logins: one(login{failed: 4})},
		{name: "5 failures", logins: one(login{failed: 5}), want: []string{warn}},
		{name: "9 failures", logins: one(login{failed: 9}), want: []string{warn}},
		{name: "10 failures", logins: one(login{failed: 10}), want: []string{crit, warn}},
		{name: "2 failures, privileged", logins: one(login{failed: 2, role: privileged})},
		{name: "3 failures, privileged", logins: one(login{failed: 3, role: privileged}), want: []string{warn}},
		{name: "5 failures, privileged", logins: one(login{failed: 5, role: privileged}), want: []string{crit, warn}},
		{name: "idle", logins: one(login{failed: 5, status: session.Idle}), want: []string{warn}},
		{name: "ended, not recent", logins: one(login{failed: 5, status: session.Ended})},
		{name: "ended, recent", logins: one(login{failed: 5, status: session.Ended, age: 30 * time.Minute}), want: []string{"login_after_failures warning alice 30m0s"}},
		{name: "ended, hardly not recent", logins: one(login{failed: 5, status: session.Ended, age: 30*time.Minute + time.Second})},
		{name: "ended, undated", logins: one(login{failed: 5, status: session.Ended, undated: true})},
		{name: "active, undated", logins: one(login{failed: 5, undated: true}), want: []string{"login_after_failures warning alice ?"}},
		{name: "created in the future", logins: one(login{failed: 5, status: session.Ended, age: -hour}), want: []string{"login_after_failures warning alice -1h0m0s"}},
		{name: "no warning level", set: base().with("login_after_failures", Values{"warning": 0}, nil), logins: one(login{failed: 10}), want: []string{crit}},
		{name: "no level", set: base().with("login_after_failures", Values{"warning": 0, "critical": 0}, nil), logins: one(login{failed: 10})},
		{name: "one severity", set: base().with("login_after_failures", Values{"severity": Info}, nil), logins: one(login{failed: 10}), want: []string{"login_after_failures info alice 1h0m0s"}},
		{name: "not told", logins: one(login{failed: -1})},
		{name: "an API without the fact", src: sso, logins: one(login{failed: 12})},
		{name: "a service account", set: func() *Settings { s := base(); s.ServiceAccounts = []string{"ali*"}; return s }(), logins: one(login{failed: 5}), want: []string{warn}},
		{name: "two sessions, the first counts", logins: []login{{user: "alice", failed: 5, age: 2 * hour}, {user: "Alice", failed: 7, age: hour}},
			want: []string{"login_after_failures warning alice 2h0m0s"}},
	}
}

func concurrentCases() []detectionCase {
	some := func(n int, l login) []login {
		l.user, l.age = "alice", max(l.age, hour)
		return times(n, l)
	}
	with := func(all []login, more ...login) []login { return append(all, more...) }
	return []detectionCase{
		{name: "5 sessions", logins: some(5, login{})},
		{name: "6 sessions", logins: some(6, login{}), want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "6, one of them idle", logins: with(some(5, login{}), login{user: "alice", age: hour, status: session.Idle})},
		{name: "6, one of them young", logins: with(some(5, login{}), login{user: "alice", age: 5*time.Minute - time.Second})},
		{name: "6, one of them old enough", logins: with(some(5, login{}), login{user: "alice", age: 5 * time.Minute}), want: []string{"concurrent_sessions warning alice 0s"}},
		{name: "6, one of them undated", logins: with(some(5, login{}), login{user: "alice", undated: true}), want: []string{"concurrent_sessions warning alice ?"}},
		{name: "7, one of them undated", logins: with(some(6, login{}), login{user: "alice", undated: true}), want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "6, one of them in the future", logins: with(some(5, login{}), login{user: "alice", age: -hour})},
		{name: "3 of a privileged user", logins: some(3, login{role: privileged})},
		{name: "4 of a privileged user", logins: some(4, login{role: privileged}), want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "4, one of them privileged", logins: with(some(3, login{}), login{user: "alice", role: privileged, age: hour}), want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "4, the privileged one is idle", logins: with(some(4, login{}), login{user: "alice", role: privileged, age: hour, status: session.Idle})},
		{name: "4, the privileged one is young", logins: with(some(4, login{}), login{user: "alice", role: privileged, age: time.Minute})},
		{name: "4 of one privileged by name", set: func() *Settings { s := base(); s.Privileged.Users = []string{"ALICE"}; return s }(), logins: some(4, login{}),
			want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "a service account", set: func() *Settings { s := base(); s.ServiceAccounts = []string{"*ce"}; return s }(), logins: some(6, login{})},
		{name: "a shorter time for privileged users", set: base().with("concurrent_sessions", nil, Values{"for": time.Minute}),
			logins: with(some(3, login{role: privileged}), login{user: "alice", age: 2 * time.Minute}), want: []string{"concurrent_sessions warning alice 1m0s"}},
		{name: "a longer time for privileged users", set: base().with("concurrent_sessions", nil, Values{"for": 2 * hour}), logins: some(4, login{role: privileged})},
		{name: "off", set: base().with("concurrent_sessions", Values{"enabled": false}, nil), logins: some(6, login{})},
		{name: "off for privileged users", set: base().with("concurrent_sessions", nil, Values{"enabled": false}), logins: some(6, login{role: privileged})},
		{name: "on for privileged users only", set: base().with("concurrent_sessions", Values{"enabled": false}, Values{"enabled": true}), logins: some(4, login{role: privileged}),
			want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "case of a user of OAM", src: sso, logins: with(times(3, login{user: "alice", store: "ldap", age: hour}), times(3, login{user: "Alice", store: "ldap", age: hour})...)},
		{name: "stores of a user of OAM", src: sso, logins: with(times(3, login{user: "alice", store: "ldap", age: hour}), times(3, login{user: "alice", store: "ad", age: hour})...)},
		{name: "case of a user of Intersight", logins: with(some(3, login{}), times(3, login{user: "ALICE", age: hour})...), want: []string{"concurrent_sessions warning alice 55m0s"}},
		{name: "nobody", logins: times(9, login{age: hour})},
	}
}

func networkCases() []detectionCase {
	from := func(ips ...string) []login {
		var out []login
		for i, ip := range ips {
			out = append(out, login{user: "alice", ip: ip, age: hour - time.Duration(i)*time.Minute})
		}
		return out
	}
	admin := func(all []login) []login {
		for i := range all {
			all[i].role = privileged
		}
		return all
	}
	shared := base()
	shared.SharedNetworks = []string{"vpn"}
	return []detectionCase{
		{name: "2 networks", logins: from("192.0.2.1", "198.51.100.1")},
		{name: "3 networks", logins: from("192.0.2.1", "198.51.100.1", "203.0.113.1"), want: []string{"concurrent_networks warning alice 53m0s"}},
		{name: "3 addresses of 2 networks", logins: from("192.0.2.1", "198.51.100.1", "198.51.100.9")},
		{name: "3 addresses of one named network", logins: from("10.1.0.1", "10.2.0.1", "10.3.0.1")},
		{name: "the longest prefix", logins: from("10.1.0.1", "10.9.0.1", "192.0.2.1"), want: []string{"concurrent_networks warning alice 53m0s"}},
		{name: "3 networks of IPv6", logins: from("2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"), want: []string{"concurrent_networks warning alice 53m0s"}},
		{name: "one /48 of IPv6", logins: from("2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:3::1")},
		{name: "2 networks of each family", logins: from("2001:db8:1::1", "192.0.2.1", "2001:db8:2::1", "198.51.100.1")},
		{name: "a name in both families", logins: from("100.64.0.1", "2001:db8:ffff::1", "192.0.2.1", "2001:db8:2::1")},
		{name: "2 networks of a privileged user", logins: admin(from("192.0.2.1", "198.51.100.1")), want: []string{"concurrent_networks warning alice 54m0s"}},
		{name: "IPv4 and IPv6 of a privileged user", logins: admin(from("192.0.2.1", "2001:db8:2::1"))},
		{name: "a shared network", set: shared, logins: from("192.0.2.1", "198.51.100.1", "100.64.0.1")},
		{name: "beside a shared network", set: shared, logins: from("192.0.2.1", "100.64.0.1", "198.51.100.1", "203.0.113.1"), want: []string{"concurrent_networks warning alice 52m0s"}},
		{name: "absent and invalid", logins: from("192.0.2.1", "198.51.100.1", "", "host")},
	}
}

func expectCases() []detectionCase {
	expect := func() *Settings {
		return base().with("unexpected_network", Values{"expect": []Expect{
			{Users: []string{"svc-*"}, Networks: []string{"lab"}},
			{Roles: []string{"Operator"}, Networks: []string{"hq", "vpn"}},
		}}, nil)
	}
	stores := func() *Settings {
		return base().with("unexpected_identity_store", Values{"expect": []string{"ldap"}}, nil)
	}
	glass := func(severity Values) *Settings {
		v := Values{"users": []string{"*glass"}, "roles": []string{"Emergency"}}
		return base().with("break_glass", merged(v, severity), nil)
	}
	service := func(s *Settings, who string) *Settings { s.ServiceAccounts = []string{who}; return s }
	return []detectionCase{
		{name: "where it is expected", set: expect(), logins: []login{{user: "svc-a", ip: "10.9.1.1", age: hour}, {user: "bob", role: "Operator", ip: "10.1.1.1", age: hour}}},
		{name: "elsewhere", set: expect(), logins: []login{{user: "svc-a", ip: "10.1.1.1", age: hour}, {user: "bob", role: "Operator", ip: "10.9.1.1", age: hour}},
			want: []string{"unexpected_network warning bob 1h0m0s", "unexpected_network warning svc-a 1h0m0s"}},
		{name: "the first that fits counts", set: expect(), logins: []login{{user: "svc-a", role: "Operator", ip: "10.9.1.1", age: hour}}},
		{name: "in no network", set: expect(), logins: []login{{user: "bob", role: "Operator", ip: "192.0.2.1", undated: true}}, want: []string{"unexpected_network warning bob ?"}},
		{name: "not told where", set: expect(), logins: []login{{user: "bob", role: "Operator", age: hour}, {user: "bob", role: "Operator", ip: "host", age: hour}}},
		{name: "nobody expects him anywhere", set: expect(), logins: []login{{user: "carol", ip: "192.0.2.1", age: hour}}},
		{name: "not alive", set: expect(), logins: []login{{user: "svc-a", ip: "192.0.2.1", age: time.Minute, status: session.Ended}}},
		{name: "idle", set: expect(), logins: []login{{user: "svc-a", ip: "192.0.2.1", age: hour, status: session.Idle}}, want: []string{"unexpected_network warning svc-a 1h0m0s"}},
		{name: "elsewhere, privileged", set: expect(), logins: []login{{user: "svc-a", role: privileged, ip: "192.0.2.1", age: hour}}, want: []string{"unexpected_network critical svc-a 1h0m0s"}},
		{name: "elsewhere, a service account", set: service(expect(), "svc-*"), logins: []login{{user: "svc-a", ip: "192.0.2.1", age: hour}}, want: []string{"unexpected_network warning svc-a 1h0m0s"}},
		{name: "a case of OAM", src: sso, set: expect(), logins: []login{{user: "SVC-a", store: "ldap", ip: "192.0.2.1", age: hour}}},
		{name: "enabled, but with nothing expected", set: base().with("unexpected_network", Values{"enabled": true}, nil), logins: []login{{user: "svc-a", ip: "192.0.2.1", age: hour}}},
		{name: "disabled", set: base().with("unexpected_network", Values{"enabled": false, "expect": []Expect{{Users: []string{"*"}, Networks: []string{"lab"}}}}, nil), logins: []login{{user: "svc-a", ip: "192.0.2.1", age: hour}}},

		{name: "the store that is expected", set: stores(), logins: []login{{user: "a", place: "ldap", age: hour}}},
		{name: "another store", set: stores(), logins: []login{{user: "a", place: "ad", age: hour}}, want: []string{"unexpected_identity_store warning a 1h0m0s"}},
		{name: "no store", set: stores(), logins: []login{{user: "a", age: hour}}},
		{name: "another store, a service account", set: service(stores(), "a"), logins: []login{{user: "a", place: "ad", age: hour}}, want: []string{"unexpected_identity_store warning a 1h0m0s"}},

		{name: "an account for emergencies", set: glass(nil), logins: []login{{user: "breakglass", age: hour}}, want: []string{"break_glass critical breakglass 1h0m0s"}},
		{name: "a role for emergencies", set: glass(nil), logins: []login{{user: "a", role: "Emergency", age: hour}, {user: "a", role: "Operator", age: 2 * hour}}, want: []string{"break_glass critical a 1h0m0s"}},
		{name: "for emergencies, just over", set: glass(nil), logins: []login{{user: "breakglass", age: time.Minute, status: session.Terminated}}, want: []string{"break_glass critical breakglass 1m0s"}},
		{name: "for emergencies, a service account", set: service(glass(Values{"severity": Warning}), "breakglass"), logins: []login{{user: "breakglass", age: hour}}, want: []string{"break_glass warning breakglass 1h0m0s"}},
		{name: "roles match exactly", set: glass(nil), logins: []login{{user: "a", role: "emergency", age: hour}}},
	}
}

func oamCases() []detectionCase {
	as := func(age time.Duration, l login) []login {
		l.user, l.store, l.age, l.impersonating = "bob", "ldap", age, true
		return []login{l}
	}
	return []detectionCase{
		{name: "impersonated", src: sso, logins: as(hour-time.Second, login{}), want: []string{"impersonation info bob 59m59s"}},
		{name: "impersonated for an hour", src: sso, logins: as(hour, login{}), want: []string{"impersonation info bob 1h0m0s", "impersonation_long warning bob 0s"}},
		{name: "impersonated, undated", src: sso, logins: as(0, login{undated: true}), want: []string{"impersonation info bob ?"}},
		{name: "impersonated, idle", src: sso, logins: as(2*hour, login{status: session.Idle}), want: []string{"impersonation info bob 2h0m0s", "impersonation_long warning bob 1h0m0s"}},
		{name: "impersonated, expired", src: sso, logins: as(time.Minute, login{status: session.Expired})},
		{name: "an API that does not know it", logins: as(hour, login{})},
	}
}

func ageCases() []detectionCase {
	old := func(age time.Duration, l login) []login { l.user, l.age = "alice", age; return []login{l} }
	return []detectionCase{
		{name: "a day old", logins: old(day, login{})},
		{name: "older than a day", logins: old(day+time.Second, login{}), want: []string{"session_age warning alice 1s"}},
		{name: "old and idle", logins: old(2*day, login{status: session.Idle})},
		{name: "old and undated", logins: old(0, login{undated: true})},
		{name: "old, privileged", set: base().with("session_age", nil, Values{"max": 12 * hour}), logins: old(13*hour, login{role: privileged}), want: []string{"session_age warning alice 1h0m0s"}},
		{name: "back after 90 days", logins: old(hour, login{away: 90 * day})},
		{name: "back after more than 90 days", logins: old(hour, login{away: 90*day + time.Second}), want: []string{"dormant_account warning alice 1h0m0s"}},
		{name: "back after 46 days, privileged", logins: old(hour, login{away: 46 * day, role: privileged}), want: []string{"dormant_account warning alice 1h0m0s"}},
		{name: "back, and gone again", logins: old(hour, login{away: 100 * day, status: session.Ended})},
		{name: "back, gone a moment ago", logins: old(time.Minute, login{away: 100 * day, status: session.Ended}), want: []string{"dormant_account warning alice 1m0s"}},
		{name: "never been here", logins: old(hour, login{})},
	}
}

// The policy's lifetime.
func TestSessionAgeKnowsPolicy(t *testing.T) {
	for _, c := range []struct {
		name     string
		lifetime time.Duration
		age      time.Duration
		role     string
		set      *Settings
		want     []string
	}{
		{name: "within the policy and its grace", lifetime: 30 * hour, age: 30*hour + 15*time.Minute},
		{name: "past it", lifetime: 30 * hour, age: 30*hour + 15*time.Minute + time.Second, want: []string{"session_age warning alice 1s"}},
		{name: "a shorter policy", lifetime: hour, age: 23 * hour},
		{name: "a shorter policy, older than a day", lifetime: hour, age: 25 * hour, want: []string{"session_age warning alice 1h0m0s"}},
		{name: "no limit", lifetime: 0, age: 25 * hour, want: []string{"session_age warning alice 1h0m0s"}},
		{name: "privileged, nothing given", lifetime: 30 * hour, age: 25 * hour, role: privileged},
		{name: "privileged, given", lifetime: 30 * hour, age: 25 * hour, role: privileged, set: base().with("session_age", nil, Values{"max": 24 * hour}), want: []string{"session_age warning alice 1h0m0s"}},
	} {
		if c.set == nil {
			c.set = base()
		}
		s := snap(login{user: "alice", age: c.age, role: c.role})
		s.Limits.Lifetime = &c.lifetime
		same(t, c.name, found(judged(cloud, c.set, s)), c.want)
	}
}

func hoursCases() []detectionCase {
	work := &Hours{Days: []time.Weekday{time.Monday, time.Tuesday}, From: 9 * hour, To: 11 * hour, Zone: time.UTC}
	set := func() *Settings { return base().with("off_hours", Values{"hours": work}, nil) }
	at := func(age time.Duration, l login) []login {
		l.user, l.age, l.role = "alice", age, privileged
		return []login{l}
	}
	return []detectionCase{
		{name: "when work begins", set: set(), logins: at(3*hour, login{})},
		{name: "before work", set: set(), logins: at(3*hour+time.Second, login{}), want: []string{"off_hours warning alice 3h0m1s"}},
		{name: "when work ends", set: set(), logins: at(hour, login{}), want: []string{"off_hours warning alice 1h0m0s"}},
		{name: "after work, not privileged", set: set(), logins: []login{{user: "alice", age: hour}}},
		{name: "after work, undated", set: set(), logins: at(0, login{undated: true})},
		{name: "after work, a moment ago, gone", set: set(), logins: at(time.Minute, login{status: session.Ended}), want: []string{"off_hours warning alice 1m0s"}},
		{name: "no hours", logins: at(hour, login{})},
	}
}

func addressCases() []detectionCase {
	on := func() *Settings { return base().with("shared_address", Values{"enabled": true}, nil) }
	at := func(ip string, n int) []login {
		var out []login
		for i := range n {
			out = append(out, login{user: string(rune('a' + i)), ip: ip, age: hour - time.Duration(i)*time.Minute})
		}
		return out
	}
	shared := on()
	shared.SharedNetworks = []string{"vpn"}
	service := on()
	service.ServiceAccounts = []string{"a"}
	idle := at("192.0.2.1", 5)
	idle[0].status = session.Idle
	admin := at("192.0.2.1", 3)
	admin[1].role = privileged
	return []detectionCase{
		{name: "off by default", logins: at("192.0.2.1", 9)},
		{name: "4 users", set: on(), logins: at("192.0.2.1", 4)},
		{name: "5 users", set: on(), logins: at("192.0.2.1", 5), want: []string{"shared_address warning 192.0.2.1 56m0s"}},
		{name: "5 users of IPv6", set: on(), logins: at("2001:db8::1", 5), want: []string{"shared_address warning 2001:db8::1 56m0s"}},
		{name: "an address within IPv6", set: on(), logins: append(at("::ffff:192.0.2.1", 4), login{user: "z", ip: "192.0.2.1", age: time.Minute}), want: []string{"shared_address warning 192.0.2.1 1m0s"}},
		{name: "5 sessions of 4 users", set: on(), logins: append(at("192.0.2.1", 4), at("192.0.2.1", 1)...)},
		{name: "5 users, one is idle", set: on(), logins: idle},
		{name: "a shared network", set: shared, logins: at("100.64.0.1", 9)},
		{name: "a service account", set: service, logins: at("192.0.2.1", 5)},
		{name: "no addresses", set: on(), logins: append(at("", 9), at("host", 9)...)},
		{name: "a privileged user", set: on().with("shared_address", Values{"enabled": true}, Values{"max": 2, "severity": Critical}), logins: admin, want: []string{"shared_address critical 192.0.2.1 58m0s"}},
	}
}

func commonCases() []detectionCase {
	except := func(x Exception) *Settings {
		s := base()
		if x.Until.IsZero() {
			x.Until = noon.Add(time.Second)
		}
		s.Exceptions = []Exception{x}
		return s
	}
	many := times(6, login{user: "alice", role: "Operator", ip: "100.64.0.1", place: "ldap", age: hour})
	fires := []string{"concurrent_sessions warning alice 55m0s"}
	return []detectionCase{
		{name: "excepted by user", set: except(Exception{Users: []string{"ALI*"}}), logins: many},
		{name: "another user is excepted", set: except(Exception{Users: []string{"bob"}}), logins: many, want: fires},
		{name: "excepted by role", set: except(Exception{Roles: []string{"Operator"}}), logins: many},
		{name: "excepted by store", set: except(Exception{IdentityStores: []string{"ldap"}}), logins: many},
		{name: "excepted by network", set: except(Exception{Networks: []string{"vpn"}}), logins: many},
		{name: "excepted by all", set: except(Exception{Users: []string{"alice"}, Roles: []string{"Operator"}, IdentityStores: []string{"ldap"}, Networks: []string{"vpn"}}), logins: many},
		{name: "all but one fit", set: except(Exception{Users: []string{"alice"}, Roles: []string{"Operator"}, IdentityStores: []string{"ad"}, Networks: []string{"vpn"}}), logins: many, want: fires},
		{name: "until now", set: except(Exception{Users: []string{"alice"}, Until: noon}), logins: many, want: fires},
		{name: "of this detection", set: except(Exception{Users: []string{"alice"}, Detections: []string{"concurrent_sessions"}}), logins: many},
		{name: "of another detection", set: except(Exception{Users: []string{"alice"}, Detections: []string{"session_age"}}), logins: many, want: fires},
		{name: "of this source", set: except(Exception{Users: []string{"alice"}, Sources: []string{"cloud"}}), logins: many},
		{name: "of another source", set: except(Exception{Users: []string{"alice"}, Sources: []string{"sso"}}), logins: many, want: fires},
		{name: "one session excepted", set: except(Exception{Networks: []string{"hq"}}), logins: append(many[:5:5], login{user: "alice", ip: "10.0.0.1", age: hour})},
		{name: "an excepted session is privileged", set: except(Exception{Roles: []string{privileged}}), logins: append(many[:4:4], login{user: "alice", role: privileged, age: hour})},
	}
}

func TestHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	night := &Hours{Days: []time.Weekday{time.Saturday}, From: 22 * hour, To: 3 * hour, Zone: berlin}
	work := &Hours{Days: []time.Weekday{time.Monday, time.Friday}, From: 7 * hour, To: 20 * hour, Zone: berlin}
	for _, c := range []struct {
		hours *Hours
		at    string
		want  bool
	}{
		{work, "2026-03-02T06:00:00Z", true}, // Monday, 07:00
		{work, "2026-03-02T05:59:59Z", false},
		{work, "2026-03-02T18:59:59Z", true},
		{work, "2026-03-02T19:00:00Z", false},
		{work, "2026-03-03T12:00:00Z", false}, // Tuesday is not listed
		{work, "2026-03-30T05:00:00Z", true},  // summer time: 07:00
		{work, "2026-03-30T04:59:59Z", false},
		// The night in which 02:00 becomes 03:00, Saturday to Sunday 29 March.
		{night, "2026-03-28T21:00:00Z", true}, // 22:00
		{night, "2026-03-28T20:59:59Z", false},
		{night, "2026-03-29T00:59:59Z", true},  // 01:59:59
		{night, "2026-03-29T01:00:00Z", false}, // 03:00
		// The night in which 03:00 becomes 02:00, Saturday to Sunday 25 October.
		{night, "2026-10-25T00:30:00Z", true}, // 02:30, the first time
		{night, "2026-10-25T01:30:00Z", true}, // 02:30, the second time
		{night, "2026-10-25T02:00:00Z", false},
		{night, "2026-10-25T21:00:00Z", false}, // Sunday is not listed
		{&Hours{Days: []time.Weekday{time.Sunday}, From: 0, To: 24 * hour, Zone: time.UTC}, "2026-03-01T23:59:59Z", true},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.hours.Contains(at); got != c.want {
			t.Errorf("%s in %s: got %v, want %v", c.at, c.hours.Zone, got, c.want)
		}
	}
}
