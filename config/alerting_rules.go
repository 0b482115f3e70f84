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

// keys are those of the settings that stand in both blocks. What is not given stays
// as it is.
func (r *Rules) keys(networks []string) []Option {
	return []Option{
		below("privileged", "{roles: [Account Administrator]}", "detections are stricter with these", []Option{
			roles(&r.Privileged.Roles, "roles", "default [Account Administrator]"),
			users(&r.Privileged.Users, "users", "[root]", "* at either end is any text. Default none"),
		}),
		users(&r.ServiceAccounts, "service_accounts", `["svc-*"]`, "only login_after_failures, unexpected_* and break_glass look at them. Default none"),
		networkList(&r.SharedNetworks, "shared_networks", networks, "names from networks that do not show where somebody is. Default none"),
		custom("detections", "{concurrent_sessions: {max: 8}}", "the settings of each detection", detectionsSchema,
			func(o *object) { r.Detections = o.detections(networks, r.Detections) }),
	}
}

// users is an Option that is a list of users, and stays as it is if it's not given.
func users(v *[]string, key, example, doc string) Option {
	return custom(key, example, doc, distinctTexts, func(o *object) {
		if o.has(key) {
			*v = o.users(key)
		}
	}).shown(func() any { return someTexts(*v) })
}

// someTexts is a list that is not empty, or nil: a source has no defaults of its own.
func someTexts(v []string) any {
	if len(v) == 0 {
		return nil
	}
	return v
}

// roles is such an Option of roles.
func roles(v *[]string, key, doc string) Option {
	const example = "[Account Administrator]"
	return custom(key, example, doc, distinctTexts, func(o *object) {
		if o.has(key) {
			*v = o.names(key, "a role", example)
		}
	}).shown(func() any { return someTexts(*v) })
}

// stores is an Option of identity stores.
func stores(v *[]string, key, doc string) Option {
	return Names(v, key, "an identity store", "[UserIdentityStore1]", doc)
}

// networkList is an Option of names of networks, and stays as it is if it's not
// given.
func networkList(v *[]string, key string, networks []string, doc string) Option {
	return custom(key, "[vpn]", doc, distinctTexts, func(o *object) {
		if o.has(key) {
			*v = o.networkNames(key, networks)
		}
	})
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
	ds.read(detectionsKeys(out, networks))
	ds.close()
	return out
}

func detectionsSchema() schema { return mapping(detectionsKeys(map[string]detection.Override{}, nil)) }

// detectionsKeys are those of all detections.
func detectionsKeys(out map[string]detection.Override, networks []string) []Option {
	var keys []Option
	for _, d := range detection.All() {
		doc := d.Summary
		keys = append(keys, custom(d.Key, "{severity: critical}", doc, func() schema { return detectionSchema(&d) }, func(o *object) {
			if below, ok := o.optional(d.Key); ok {
				out[d.Key] = below.detection(&d, networks, out[d.Key])
			}
		}))
	}
	return keys
}

func detectionSchema(d *detection.Detection) schema {
	full := d.Full(detection.Override{})
	return mapping(detectionKeys(d, nil, &detection.Override{General: full.General, Privileged: full.Privileged}))
}

// detection reads the settings of one, over those that are there.
func (o *object) detection(d *detection.Detection, networks []string, under detection.Override) detection.Override {
	given := detection.Override{General: detection.Values{}}
	o.read(detectionKeys(d, networks, &given))
	o.close()
	out := given.Over(under)
	t := d.Tune(out)
	if enabled, ok := given.General["enabled"]; ok && enabled == true && !t.On(d) {
		o.warn("enabled", "has no effect, as nothing says what is looked for; give %s, too", lookedFor(d))
	}
	return out
}

// detectionKeys are those of a detection, which set what is given.
func detectionKeys(d *detection.Detection, networks []string, given *detection.Override) []Option {
	return append(settingKeys(d, networks, given.General),
		custom("privileged", "{severity: critical}", "the same keys, for privileged users",
			func() schema { return mapping(settingKeys(d, nil, given.Privileged)) }, func(o *object) {
				if who, ok := o.optional("privileged"); ok {
					given.Privileged = detection.Values{}
					who.read(settingKeys(d, networks, given.Privileged))
					who.close()
				}
			}))
}

// lookedFor names the keys without which a detection is off.
func lookedFor(d *detection.Detection) string {
	var keys []string
	for _, k := range d.Keys {
		keys = append(keys, k.Name)
	}
	return anyOf(keys)
}

// settingKeys are those of the settings of a detection; a value is set if it is
// given.
func settingKeys(d *detection.Detection, networks []string, vs detection.Values) []Option {
	var keys []Option
	for _, k := range d.AllKeys() {
		kind := kindOf(k, networks)
		keys = append(keys, custom(k.Name, kind.example, k.Doc, kind.values, func(o *object) {
			if o.has(k.Name) {
				vs[k.Name] = kind.read(o)
			}
		}).shown(func() any { return settingValue(vs[k.Name]) }))
	}
	return keys
}

// settingKind is how the values of a key of a detection are written.
type settingKind struct {
	example string
	values  func() schema
	read    func(*object) any
}

func kindOf(k detection.Key, networks []string) settingKind {
	const many = 1_000_000
	const role, store = "[Account Administrator]", "[UserIdentityStore1]"
	switch k.Kind {
	case detection.KindBool:
		return settingKind{"true", trueOrFalse, func(o *object) any { return o.boolean(k.Name, true) }}
	case detection.KindSeverity:
		return settingKind{detection.Critical, oneWord(detection.Severities()),
			func(o *object) any { return o.oneOf(k.Name, detection.Warning, detection.Severities()...) }}
	case detection.KindLevel, detection.KindCount:
		return settingKind{"5", wholeNumber(0, many), func(o *object) any { return o.integer(k.Name, 0, 0, many) }}
	case detection.KindDuration:
		return settingKind{"5m", durationOfSeconds, func(o *object) any { return o.atLeastSecond(k.Name, time.Second) }}
	case detection.KindUsers:
		return settingKind{"[breakglass@example.com]", distinctTexts, func(o *object) any { return o.users(k.Name) }}
	case detection.KindRoles:
		return settingKind{role, distinctTexts, func(o *object) any { return o.names(k.Name, "a role", role) }}
	case detection.KindStores:
		return settingKind{store, distinctTexts, func(o *object) any { return o.names(k.Name, "an identity store", store) }}
	case detection.KindExpect:
		return settingKind{"[{roles: [Account Administrator], networks: [hq]}]", expectSchema, func(o *object) any { return o.expect(k.Name, networks) }}
	}
	return settingKind{`{days: [mon, tue, wed, thu, fri], from: "07:00", to: "20:00", time_zone: Europe/Berlin}`, hoursSchema,
		func(o *object) any { return o.hours(k.Name) }}
}

func expectKeys(x *detection.Expect, networks []string) []Option {
	return []Option{
		users(&x.Users, "users", `["svc-*"]`, "users, with * at either end for any text"),
		roles(&x.Roles, "roles", "roles that users have"),
		networkList(&x.Networks, "networks", networks, "names from networks from which they log in"),
	}
}

func expectSchema() schema {
	one := mapping(expectKeys(new(detection.Expect), nil), needSome("users", "roles"), needSome("networks"))
	return listOf(one.with(schema{"type": "object"}))
}

func (o *object) expect(key string, networks []string) []detection.Expect {
	vs, _ := o.values(key, "[{roles: [Account Administrator], networks: [hq]}]")
	var all []detection.Expect
	for _, v := range vs {
		e := o.d.object(v)
		var x detection.Expect
		e.read(expectKeys(&x, networks))
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

const clockPattern = "([01][0-9]|2[0-3]):[0-5][0-9]"

// hoursKeys are those of hours; they report whether both times are good.
func hoursKeys(h *detection.Hours, from, to *bool) []Option {
	return []Option{
		custom("from", `"07:00"`, "from is inside, to is not; from later than to goes over midnight", func() schema { return textOnly("^" + clockPattern + "$").says(`a time such as "07:00"`) },
			func(o *object) { h.From, *from = o.clock("from", "07:00") }).must(`write a time such as "07:00"`),
		custom("to", `"20:00"`, "24:00 is the end of the day", func() schema { return textOnly("^(" + clockPattern + "|24:00)$").says(`a time such as "20:00"`) },
			func(o *object) { h.To, *to = o.clock("to", "20:00") }).must(`write a time such as "20:00"`),
		custom("days", "[mon, tue, wed, thu, fri]", "on which from lies. Default all", func() schema { return fullList(oneWord(dayNames[:])()).with(schema{"uniqueItems": true}) },
			func(o *object) { h.Days = o.days() }),
		custom("time_zone", "Europe/Berlin", "default UTC", func() schema {
			return textOnly(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`).with(schema{"not": schema{"const": "Local"}})
		},
			func(o *object) { h.Zone = o.zone() }).shown(func() any { return h.Zone.String() }),
	}
}

func hoursSchema() schema {
	s := mapping(hoursKeys(new(detection.Hours), new(bool), new(bool)))
	return s.with(schema{"type": []string{"object", "null"}})
}

func (o *object) hours(key string) *detection.Hours {
	if v := o.fields[key]; isNull(v.node) {
		return nil
	}
	h := o.object(key)
	defer h.close()
	out := new(detection.Hours)
	var from, to bool
	h.read(hoursKeys(out, &from, &to))
	if from && to && out.From == out.To {
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
		a := SourceAlerting{Rules: under}
		o.read(a.keys(networks))
		o.close()
		out[own.source] = a
		o.ableTo(own.api, a.Detections)
	}
	return out
}

// keys are those of the block of a source.
func (a *SourceAlerting) keys(networks []string) []Option {
	enabled := Boolean(&a.Enabled, "enabled", true, "false: no alerts on sessions of this source. Default true")
	return append([]Option{enabled}, a.Rules.keys(networks)...)
}

func sourceAlertingSchema() schema { return mapping(new(SourceAlerting).keys(nil)) }

// keepAlerting keeps a source's block for later.
func (o *object) keepAlerting(source string, api *API) {
	if v, ok := o.get("alerting"); ok {
		o.d.ownAlerting = append(o.d.ownAlerting, ownAlerting{source, api, v})
	}
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
