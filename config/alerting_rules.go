package config

import (
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// ownAlerting is the alerting block of a source, which is read after that of all.
type ownAlerting struct {
	source string
	api    *API
	value  value
}

// rules reads the settings that stand in both blocks. What is not given is as in
// under.
func (o *object) rules(networks []string, under Rules) Rules {
	r := under
	if who, ok := o.optional("privileged"); ok {
		if who.has("roles") {
			r.Privileged.Roles = who.names("roles", "a role", "[Account Administrator]")
		}
		if who.has("users") {
			r.Privileged.Users = who.users("users")
		}
		who.known = append(who.known, "roles", "users")
		who.close()
	}
	if o.has("service_accounts") {
		r.ServiceAccounts = o.users("service_accounts")
	}
	if o.has("shared_networks") {
		r.SharedNetworks = o.networkNames("shared_networks", networks)
	}
	o.known = append(o.known, "service_accounts", "shared_networks")
	r.Detections = o.detections(networks, under.Detections)
	return r
}

// users reads a list of users, with * at either end for any text. Errors don't
// show them.
func (o *object) users(key string) []string {
	var all []string
	vs, _ := o.values(key, "[alice@example.com, svc-*]")
	for _, v := range vs {
		switch s, ok := o.d.text(v, "a user"); {
		case !ok:
		case s == "":
			o.d.failAt(v, "is empty; write a user, or remove it")
		case slices.Contains(all, s):
			o.d.failAt(v, "is listed twice; remove one")
		default:
			all = append(all, s)
		}
	}
	return all
}

// networkNames reads a list of networks, each of which must exist.
func (o *object) networkNames(key string, networks []string) []string {
	names := o.names(key, "the name of a network", "[vpn]")
	for _, name := range names {
		if slices.Contains(networks, name) {
			continue
		}
		hint := "networks has none"
		if len(networks) > 0 {
			hint = "it is not in networks"
			if near := Nearest(name, networks); near != "" {
				hint += "; did you mean " + quote(near) + "?"
			}
		}
		o.fail(key, "%s is not a network: %s", quote(name), hint)
	}
	return names
}

// detections reads the settings of detections, over those that are there.
func (o *object) detections(networks []string, under map[string]detection.Override) map[string]detection.Override {
	out := make(map[string]detection.Override, len(under))
	for key, given := range under {
		out[key] = given
	}
	ds := o.object("detections")
	for _, d := range detection.All() {
		below, ok := ds.optional(d.Key)
		if !ok {
			continue
		}
		given := detection.Override{General: below.settings(&d, networks)}
		if who, ok := below.optional("privileged"); ok {
			given.Privileged = who.settings(&d, networks)
			who.close()
		}
		below.close()
		out[d.Key] = given.Over(out[d.Key])
		t := d.Tune(out[d.Key])
		if enabled, ok := given.General["enabled"]; ok && enabled == true && !t.On(&d) {
			below.warn("enabled", "has no effect, as nothing says what is looked for; give %s, too", lookedFor(&d))
		}
	}
	ds.close()
	return out
}

// lookedFor names the keys without which a detection is off.
func lookedFor(d *detection.Detection) string {
	var keys []string
	for _, k := range d.Keys {
		keys = append(keys, k.Name)
	}
	return anyOf(keys)
}

// settings reads the keys of a detection that are given.
func (o *object) settings(d *detection.Detection, networks []string) detection.Values {
	vs := detection.Values{}
	for _, k := range d.AllKeys() {
		if !o.has(k.Name) {
			o.known = append(o.known, k.Name)
			continue
		}
		vs[k.Name] = o.setting(k, networks)
	}
	return vs
}

func (o *object) setting(k detection.Key, networks []string) any {
	const many = 1_000_000
	switch k.Kind {
	case detection.KindBool:
		return o.boolean(k.Name, true)
	case detection.KindSeverity:
		return o.oneOf(k.Name, detection.Warning, detection.Severities()...)
	case detection.KindLevel, detection.KindCount:
		return o.integer(k.Name, 0, 0, many)
	case detection.KindDuration:
		return o.atLeastSecond(k.Name, time.Second)
	case detection.KindUsers:
		return o.users(k.Name)
	case detection.KindRoles:
		return o.names(k.Name, "a role", "[Account Administrator]")
	case detection.KindStores:
		return o.names(k.Name, "an identity store", "[UserIdentityStore1]")
	case detection.KindExpect:
		return o.expect(k.Name, networks)
	}
	return o.hours(k.Name)
}

func (o *object) expect(key string, networks []string) []detection.Expect {
	vs, _ := o.values(key, "[{roles: [Account Administrator], networks: [hq]}]")
	var all []detection.Expect
	for _, v := range vs {
		e := o.d.object(v)
		x := detection.Expect{
			Users:    e.users("users"),
			Roles:    e.names("roles", "a role", "[Account Administrator]"),
			Networks: e.networkNames("networks", networks),
		}
		e.close()
		if !e.some("users") && !e.some("roles") {
			e.d.fail(e.line, e.path, "has neither users nor roles; say for whom it is")
		}
		if !e.some("networks") {
			e.fail("networks", "is missing; list the networks from which they log in")
		}
		all = append(all, x)
	}
	return all
}

// some reports whether a list is given that is not empty, whatever is in it.
func (o *object) some(key string) bool {
	v, ok := o.fields[key]
	return ok && !isNull(v.node) && (len(v.node.Content) > 0 || v.node.Value != "")
}

func (o *object) hours(key string) *detection.Hours {
	if v := o.fields[key]; isNull(v.node) {
		o.get(key)
		return nil
	}
	h := o.object(key)
	o.known = append(o.known, key)
	defer h.close()
	from, ok := h.clock("from", "07:00")
	to, toOK := h.clock("to", "20:00")
	out := &detection.Hours{Days: h.days(), From: from, To: to, Zone: h.zone()}
	if ok && toOK && from == to {
		h.fail("to", `is the same as from; for all day write from: "00:00" and to: "24:00"`)
	}
	return out
}

var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (o *object) days() []time.Weekday {
	names := o.names("days", "a day", "[mon, tue, wed, thu, fri]")
	switch {
	case !o.has("days"):
		names = dayNames[:]
	case !o.some("days"):
		o.fail("days", "is empty; list them, as in [mon, tue, wed, thu, fri]")
	}
	var days []time.Weekday
	for _, name := range names {
		i := slices.Index(dayNames[:], name)
		if i < 0 {
			o.fail("days", "%s is not a day; use %s", quote(name), anyOf(dayNames[:]))
			continue
		}
		days = append(days, time.Weekday(i))
	}
	return days
}

// clock reads a time of day; 24:00 is the end of the day. It reports false after a
// mistake.
func (o *object) clock(key, example string) (since time.Duration, ok bool) {
	if !o.has(key) {
		o.get(key)
		o.fail(key, "is missing; write a time such as %q", example)
		return 0, false
	}
	s, ok := o.text(key, "a time such as \""+example+"\"")
	if !ok {
		return 0, false
	}
	if s == "24:00" && key == "to" {
		return 24 * time.Hour, true
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		o.fail(key, "%s is not a time of day; write it as %q", quote(s), example)
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}

func (o *object) zone() *time.Location {
	s, ok := o.text("time_zone", "a time zone such as Europe/Berlin or UTC")
	if !ok {
		return time.UTC
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		o.fail("time_zone", "%s is not a time zone; write one such as Europe/Berlin or UTC", quote(s))
		return time.UTC
	}
	return zone
}

// sourcesAlerting reads the blocks of sources, over that of all.
func (d *decoder) sourcesAlerting(under Rules, networks []string) map[string]SourceAlerting {
	out := make(map[string]SourceAlerting, len(d.ownAlerting))
	for _, own := range d.ownAlerting {
		o := d.object(own.value)
		out[own.source] = SourceAlerting{Enabled: o.boolean("enabled", true), Rules: o.rules(networks, under)}
		o.close()
		o.ableTo(own.api, out[own.source].Detections)
	}
	return out
}

// ableTo refuses detections that are on in a block although the API of its source
// lacks what they need.
func (o *object) ableTo(api *API, given map[string]detection.Override) {
	v, ok := o.fields["detections"]
	if !ok || api.Name == "" {
		return
	}
	ds := (&decoder{}).object(v)
	for _, d := range detection.All() {
		t := d.Tune(given[d.Key])
		if own, ok := ds.fields[d.Key]; ok && t.On(&d) && !api.Facts.Has(d.Needs) {
			o.d.failAt(own, "is not possible with api: %s, which does not report %s; remove it", api.Name, factWords(d.Needs))
		}
	}
}

// factWords names facts for people.
func factWords(f session.Facts) string {
	var words []string
	for _, fact := range []struct {
		fact session.Facts
		word string
	}{
		{session.FactFailedLogins, "failed logins"}, {session.FactLastLogin, "when a user logged in before"}, {session.FactImpersonation, "impersonation"},
	} {
		if f.Has(fact.fact) {
			words = append(words, fact.word)
		}
	}
	return strings.Join(words, " and ")
}
