package detection

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// naive is a second implementation of all detections: each is a plain loop over
// the whole snapshot, for each user anew.
type naive struct {
	src  Source
	set  *Settings
	snap *session.Snapshot
	out  []string
}

func (n *naive) name(i int) string {
	who := n.snap.Who(i).User
	if who == nil {
		return ""
	}
	text := who.Name.Open()
	if n.src.API == session.Intersight {
		return strings.ToLower(text)
	}
	return who.Store + "/" + text
}

func (n *naive) fits(patterns []string, name string) bool {
	if n.src.API == session.OAM {
		_, name, _ = strings.Cut(name, "/")
	}
	for _, p := range patterns {
		if n.src.API == session.Intersight {
			p = strings.ToLower(p)
		}
		begins, ends := strings.HasPrefix(p, "*"), strings.HasSuffix(p, "*")
		text := strings.TrimSuffix(strings.TrimPrefix(p, "*"), "*")
		if begins && ends && strings.Contains(name, text) || begins && !ends && strings.HasSuffix(name, text) ||
			!begins && ends && strings.HasPrefix(name, text) || name == p {
			return true
		}
	}
	return false
}

// network is the value of client_network, family says IPv4 or IPv6; "" is none.
func (n *naive) network(i int) (name, area, family string) {
	a, err := netip.ParseAddr(n.snap.Sessions[i].ClientIP)
	if err != nil {
		return "", "", ""
	}
	a = a.Unmap()
	family, bits := "6", 48
	if a.Is4() {
		family, bits = "4", 24
	}
	best := -1
	for _, w := range networks {
		if w.prefix.Contains(a) && w.prefix.Bits() > best {
			name, best = w.name, w.prefix.Bits()
		}
	}
	if name != "" {
		return name, name, family
	}
	p, _ := a.Prefix(bits)
	return "", p.String(), family
}

func (n *naive) seen(i int, key string) bool {
	s := n.snap.Sessions[i]
	if n.name(i) == "" {
		return false
	}
	network, _, _ := n.network(i)
	for _, x := range n.set.Exceptions {
		fits := n.snap.Taken.Before(x.Until) && (x.Users == nil || n.fits(x.Users, n.name(i))) && (x.Roles == nil || slices.Contains(x.Roles, s.Role)) &&
			(x.IdentityStores == nil || slices.Contains(x.IdentityStores, s.IdentityStore)) && (x.Networks == nil || slices.Contains(x.Networks, network)) &&
			(x.Detections == nil || slices.Contains(x.Detections, key)) && (x.Sources == nil || slices.Contains(x.Sources, n.src.Name))
		if fits {
			return false
		}
	}
	return true
}

func (n *naive) alive(i int) bool {
	s := n.snap.Sessions[i].Status
	return s == session.Active || s == session.Idle
}

func (n *naive) aliveOrRecent(i int) bool {
	c := n.snap.Sessions[i].Created
	return n.alive(i) || !c.IsZero() && n.snap.Taken.Sub(c) <= n.set.Hold
}

func (n *naive) active(i int) bool { return n.snap.Sessions[i].Status == session.Active }

// each calls judge for each user with the sessions that a detection looks at.
func (n *naive) each(key string, services bool, looks func(i int, t Tuning) bool, judge func(user string, privileged bool, t Tuning, all []int)) {
	d, _ := Find(key)
	if !n.src.Facts.Has(d.Needs) {
		return
	}
	tunings := d.Tune(n.set.Detections[key])
	var users []string
	for i := range n.snap.Sessions {
		if u := n.name(i); u != "" && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	for _, u := range users {
		if !services && n.fits(n.set.ServiceAccounts, u) {
			continue
		}
		sessions := func(t Tuning) (all []int) {
			for i := range n.snap.Sessions {
				if n.name(i) == u && n.seen(i, key) && looks(i, t) {
					all = append(all, i)
				}
			}
			return all
		}
		privileged := n.fits(n.set.Privileged.Users, u)
		for _, i := range append(sessions(tunings.General), sessions(tunings.Privileged)...) {
			privileged = privileged || slices.Contains(n.set.Privileged.Roles, n.snap.Sessions[i].Role)
		}
		t := tunings.General
		if privileged {
			t = tunings.Privileged
		}
		given := map[string]bool{"unexpected_network": len(t.Expect) > 0, "unexpected_identity_store": len(t.Stores) > 0, "break_glass": len(t.Users)+len(t.Roles) > 0, "off_hours": t.Hours != nil}
		if on, ok := given[key]; t.Enabled && (on || !ok) {
			judge(u, privileged, t, sessions(t))
		}
	}
}

func (n *naive) add(key, severity, who string, starts time.Time, all []int) {
	since := "?"
	if !starts.IsZero() {
		since = noon.Sub(starts).String()
	}
	n.out = append(n.out, fmt.Sprintf("%s %s %s %s %d", key, severity, who, since, len(all)))
}

// first is the first creation, later by some time.
func (n *naive) first(all []int, more time.Duration) (first time.Time) {
	for _, i := range all {
		if c := n.snap.Sessions[i].Created; !c.IsZero() && (first.IsZero() || c.Before(first)) {
			first = c
		}
	}
	if first.IsZero() {
		return first
	}
	return first.Add(more)
}

func (n *naive) some(key string, services bool, looks func(int, Tuning) bool, fits func(i int, user string, privileged bool, t Tuning) bool, more func(privileged bool, t Tuning) time.Duration) {
	n.each(key, services, looks, func(user string, privileged bool, t Tuning, all []int) {
		var left []int
		for _, i := range all {
			if fits(i, user, privileged, t) {
				left = append(left, i)
			}
		}
		if len(left) > 0 {
			n.add(key, t.Severity, user, n.first(left, more(privileged, t)), left)
		}
	})
}

func (n *naive) sorted(all []int) []int {
	all = slices.Clone(all)
	sort.SliceStable(all, func(a, b int) bool {
		x, y := n.snap.Sessions[all[a]].Created, n.snap.Sessions[all[b]].Created
		return !x.IsZero() && (y.IsZero() || x.Before(y))
	})
	return all
}

func (n *naive) judge() []string {
	now := n.snap.Taken
	ss := n.snap.Sessions
	alive := func(i int, _ Tuning) bool { return n.alive(i) }
	recent := func(i int, _ Tuning) bool { return n.aliveOrRecent(i) }
	settled := func(i int, t Tuning) bool {
		return n.active(i) && (ss[i].Created.IsZero() || now.Sub(ss[i].Created) >= t.For)
	}
	nothing := func(bool, Tuning) time.Duration { return 0 }

	n.each("login_after_failures", true, recent, func(u string, _ bool, t Tuning, all []int) {
		for severity, least := range map[string]int{Warning: t.Warning, Critical: t.Critical} {
			var left []int
			for _, i := range all {
				if least > 0 && ss[i].FailedLogins >= int64(least) {
					left = append(left, i)
				}
			}
			if len(left) > 0 {
				n.add("login_after_failures", severity, u, n.first(left, 0), left)
			}
		}
	})
	n.each("concurrent_sessions", false, settled, func(u string, _ bool, t Tuning, all []int) {
		if all = n.sorted(all); len(all) > t.Max {
			n.add("concurrent_sessions", t.Severity, u, later(ss[all[t.Max]].Created, t.For), all)
		}
	})
	n.each("concurrent_networks", false, settled, func(u string, _ bool, t Tuning, all []int) {
		all = slices.DeleteFunc(n.sorted(all), func(i int) bool {
			name, _, family := n.network(i)
			return family == "" || slices.Contains(n.set.SharedNetworks, name)
		})
		for k := range all {
			areas := map[string]map[string]bool{"4": {}, "6": {}}
			for _, i := range all[:k+1] {
				_, area, family := n.network(i)
				areas[family][area] = true
			}
			if max(len(areas["4"]), len(areas["6"])) > t.Max {
				n.add("concurrent_networks", t.Severity, u, later(ss[all[k]].Created, t.For), all)
				break
			}
		}
	})
	n.some("unexpected_network", true, alive, func(i int, u string, _ bool, t Tuning) bool {
		name, _, family := n.network(i)
		for _, e := range t.Expect {
			if n.fits(e.Users, u) || slices.Contains(e.Roles, ss[i].Role) {
				return family != "" && !slices.Contains(e.Networks, name)
			}
		}
		return false
	}, nothing)
	n.some("unexpected_identity_store", true, alive, func(i int, _ string, _ bool, t Tuning) bool {
		return ss[i].IdentityStore != "" && !ss[i].StoreUnknown && !slices.Contains(t.Stores, ss[i].IdentityStore)
	}, nothing)
	n.some("break_glass", true, recent, func(i int, u string, _ bool, t Tuning) bool {
		return n.fits(t.Users, u) || slices.Contains(t.Roles, ss[i].Role)
	}, nothing)
	n.some("impersonation", false, alive, func(i int, _ string, _ bool, _ Tuning) bool { return ss[i].Impersonating }, nothing)
	n.some("impersonation_long", false, alive, func(i int, _ string, _ bool, t Tuning) bool {
		return ss[i].Impersonating && !ss[i].Created.IsZero() && now.Sub(ss[i].Created) >= t.MaxAge
	}, func(_ bool, t Tuning) time.Duration { return t.MaxAge })
	limit := func(privileged bool, t Tuning) time.Duration {
		_, alone := n.set.Detections["session_age"].Privileged["max"]
		if l := n.snap.Limits.Lifetime; l != nil && *l > 0 && !(privileged && alone) {
			return max(t.MaxAge, *l+15*time.Minute)
		}
		return t.MaxAge
	}
	n.some("session_age", false, func(i int, _ Tuning) bool { return n.active(i) }, func(i int, _ string, p bool, t Tuning) bool {
		return !ss[i].Created.IsZero() && now.Sub(ss[i].Created) > limit(p, t)
	}, limit)
	n.some("dormant_account", false, recent, func(i int, _ string, _ bool, t Tuning) bool {
		last := n.snap.Who(i).LastLogin
		return !last.IsZero() && !ss[i].Created.IsZero() && ss[i].Created.Sub(last) > t.After
	}, nothing)
	n.some("off_hours", false, recent, func(i int, _ string, p bool, t Tuning) bool {
		return p && !ss[i].Created.IsZero() && !t.Hours.Contains(ss[i].Created)
	}, nothing)
	n.shared()
	slices.Sort(n.out)
	return n.out
}

func (n *naive) shared() {
	d, _ := Find("shared_address")
	tunings := d.Tune(n.set.Detections["shared_address"])
	at := map[string][]int{}
	for i, s := range n.snap.Sessions {
		name, _, family := n.network(i)
		if family != "" && n.active(i) && n.seen(i, "shared_address") && !n.fits(n.set.ServiceAccounts, n.name(i)) && !slices.Contains(n.set.SharedNetworks, name) {
			a, _ := netip.ParseAddr(s.ClientIP)
			at[a.Unmap().String()] = append(at[a.Unmap().String()], i)
		}
	}
	for address, all := range at {
		t := tunings.General
		for _, i := range all {
			if n.fits(n.set.Privileged.Users, n.name(i)) || slices.Contains(n.set.Privileged.Roles, n.snap.Sessions[i].Role) {
				t = tunings.Privileged
			}
		}
		users := map[string]bool{}
		for _, i := range n.sorted(all) {
			if users[n.name(i)] = true; t.Enabled && len(users) > t.Max {
				n.add("shared_address", t.Severity, address, n.snap.Sessions[i].Created, all)
				break
			}
		}
	}
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

func randomLogin(r *rand.Rand, src Source) login {
	l := login{
		user: pick(r, "", "alice", "Alice", "bob", "svc-a", "svc-b", "carol", "breakglass"), role: pick(r, "", "Operator", "Admin", privileged, "Operator"),
		ip:     pick(r, "", "host", "10.1.0.1", "10.2.0.2", "10.9.0.3", "192.0.2.4", "192.0.2.200", "198.51.100.5", "100.64.0.6", "2001:db8:1::7", "2001:db8:2::8", "2001:db8:ffff::9", "::ffff:10.1.0.1"),
		status: pick(r, session.Active, session.Active, session.Active, session.Active, session.Idle, session.Expired, session.Ended),
		age:    time.Duration(r.IntN(4000)-10) * time.Minute / time.Duration(pick(r, 1, 10, 100, 400)), undated: r.IntN(8) == 0,
		failed: int64(pick(r, -1, 0, 0, 1, 3, 5, 9, 10, 12)), place: pick(r, "", "ldap", "okta", "ad"), away: pick(r, 0, time.Hour, 46*day, 91*day),
	}
	if src.API == session.OAM {
		l.store, l.impersonating = pick(r, "ldap", "ad"), r.IntN(4) == 0
	}
	return l
}

func randomSettings(r *rand.Rand) *Settings {
	s := base()
	users := [][]string{nil, {"svc-*"}, {"*ice"}, {"ALICE", "bob"}, {"*a*"}, {"*"}}
	roles := [][]string{nil, {privileged}, {"Operator", "Admin"}}
	nets := [][]string{nil, {"vpn"}, {"hq", "lab"}}
	s.Privileged = Who{Users: pick(r, users[:4]...), Roles: pick(r, roles...)}
	s.ServiceAccounts, s.SharedNetworks = pick(r, users[:3]...), pick(r, nets...)
	values := func() Values {
		v := Values{}
		for key, value := range map[string]any{
			"enabled": r.IntN(8) != 0, "severity": pick(r, Severities()...), "notify": r.IntN(2) == 0, "warning": r.IntN(6), "critical": r.IntN(12),
			"for": time.Duration(1+r.IntN(20)) * time.Minute, "after": time.Duration(1+r.IntN(100)) * day, "roles": pick(r, roles...), "users": pick(r, users...),
		} {
			if r.IntN(2) == 0 {
				v[key] = value
			}
		}
		return v
	}
	for _, d := range All() {
		if r.IntN(3) == 0 {
			continue
		}
		over := Override{General: values(), Privileged: values()}
		for _, v := range []Values{over.General, over.Privileged} {
			if d.levels {
				delete(v, "severity")
			}
			for _, k := range d.Keys {
				if r.IntN(3) == 0 {
					continue
				}
				switch k.Kind {
				case KindCount:
					v[k.Name] = r.IntN(4)
				case KindExpect:
					v[k.Name] = []Expect{{Users: pick(r, users...), Roles: pick(r, roles...), Networks: pick(r, nets...)}, {Users: []string{"*"}, Networks: pick(r, nets...)}}
				case KindStores:
					v[k.Name] = pick(r, []string{"ldap"}, []string{"okta", "ad"}, []string(nil))
				case KindHours:
					v[k.Name] = &Hours{Days: pick(r, []time.Weekday{1, 2}, []time.Weekday{0, 1, 2, 3, 4, 5, 6}), From: time.Duration(r.IntN(24)) * time.Hour, To: time.Duration(r.IntN(24)) * time.Hour, Zone: pick(r, time.UTC, time.FixedZone("x", 5*3600))}
				case KindDuration:
					if k.Name == "max" {
						v["max"] = time.Duration(1+r.IntN(40)) * time.Hour
					}
				}
			}
			for key := range v {
				if !slices.ContainsFunc(d.AllKeys(), func(k Key) bool { return k.Name == key }) {
					delete(v, key)
				}
			}
		}
		s.Detections[d.Key] = over
	}
	for range r.IntN(3) {
		x := Exception{Users: pick(r, users...), Roles: pick(r, roles...), Networks: pick(r, nets...), IdentityStores: pick(r, [][]string{nil, nil, {"ldap"}}...),
			Detections: pick(r, [][]string{nil, {"concurrent_sessions", "session_age"}, {"login_after_failures"}}...), Sources: pick(r, [][]string{nil, nil, {"sso"}}...),
			Until: noon.Add(time.Duration(r.IntN(4)-1) * time.Hour)}
		s.Exceptions = append(s.Exceptions, x)
	}
	return s
}

// unshare gives each session a user of its own.
func unshare(s *session.Snapshot) {
	for i, who := range s.Identities {
		if who.User != nil {
			s.Identities[i].User = session.NewPerson(who.User.Name.Open(), who.User.Store)
		}
	}
}

// In random worlds with random settings both find the same.
func TestAgainstNaive(t *testing.T) {
	worlds, fired := 3000, map[string]int{}
	if testing.Short() {
		worlds = 300
	}
	for seed := range worlds {
		r := rand.New(rand.NewPCG(uint64(seed), 15))
		src := pick(r, cloud, sso)
		var logins []login
		for range r.IntN(40) {
			logins = append(logins, randomLogin(r, src))
		}
		s := snap(logins...)
		if seed%2 == 0 {
			unshare(s)
		}
		if life := time.Duration(r.IntN(50)) * time.Hour; r.IntN(2) == 0 {
			s.Limits.Lifetime = &life
		}
		set := randomSettings(r)
		want := (&naive{src: src, set: set, snap: s}).judge()
		j := judged(src, set, s)
		var got []string
		for i := range j.findings {
			f := &j.findings[i]
			who, since := f.address, "?"
			if f.user >= 0 {
				who = j.users[f.user].name.Open()
				if src.API == session.OAM {
					who = j.users[f.user].store + "/" + who
				}
			}
			if !f.starts.IsZero() {
				since = noon.Sub(f.starts).String()
			}
			key := j.cfg.table[f.detection].Key
			fired[key]++
			got = append(got, fmt.Sprintf("%s %s %s %s %d", key, f.severity, who, since, len(f.sessions)))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("world %d: got\n%s\nwant\n%s\nsettings %+v", seed, strings.Join(got, "\n"), strings.Join(want, "\n"), set)
		}
	}
	for _, d := range All() {
		if fired[d.Key] == 0 {
			t.Errorf("%s was found in no world", d.Key)
		}
	}
	t.Logf("findings: %v", fired)
}
