package config

import (
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/detection"
)

const maxAhead = 366 * 24 * time.Hour // how far in the future an exception may end

func (o *object) exceptions(networks []string, sources []Source) []detection.Exception {
	vs, _ := o.values("exceptions", "[{users: [alice@example.com], until: 2026-12-31, reason: CHG-1234}]")
	var all []detection.Exception
	for _, v := range vs {
		if len(o.d.errs) > maxErrors {
			break
		}
		e := o.d.object(v)
		all = append(all, e.exception(networks, sources))
		e.close()
	}
	return all
}

func (o *object) exception(networks []string, sources []Source) detection.Exception {
	var names []string
	for _, s := range sources {
		names = append(names, s.Name)
	}
	x := detection.Exception{
		Users:          o.users("users"),
		Roles:          o.names("roles", "a role", "[Account Administrator]"),
		IdentityStores: o.names("identity_stores", "an identity store", "[UserIdentityStore1]"),
		Networks:       o.networkNames("networks", networks),
		Detections:     o.knownNames("detections", "detection", detection.Names()),
		Sources:        o.knownNames("sources", "source", names),
		Until:          o.until(),
	}
	if !o.some("users") && !o.some("roles") && !o.some("identity_stores") && !o.some("networks") {
		o.d.fail(o.line, o.path, "has none of users, roles, identity_stores and networks; say what it is for")
	}
	reason, ok := o.text("reason", "a text")
	x.Reason = reason
	if !o.has("reason") || ok && strings.TrimSpace(reason) == "" {
		o.fail("reason", "is missing; say why, or name a ticket")
	}
	return x
}

// knownNames reads a list of names that must exist.
func (o *object) knownNames(key, what string, known []string) []string {
	names := o.names(key, "a "+what, "["+what+"]")
	if o.has(key) && !o.some(key) {
		o.fail(key, "is empty; list some, or leave it out for all")
	}
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := ""
		if near := Nearest(name, known); near != "" {
			hint = "; did you mean " + near + "?"
		}
		o.fail(key, "%s is not a %s%s", quote(name), what, hint)
	}
	return names
}

// until reads when an exception ends: a time, or a date, at whose end in UTC it
// does.
func (o *object) until() time.Time {
	const want = "a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z"
	if !o.has("until") {
		o.get("until")
		o.fail("until", "is missing; write %s", want)
		return time.Time{}
	}
	s, ok := o.text("until", want)
	if !ok {
		return time.Time{}
	}
	end, err := time.Parse(time.RFC3339, s)
	at := end
	if err != nil {
		at, err = time.Parse(time.DateOnly, s)
		end = at.AddDate(0, 0, 1)
	}
	now := o.d.now()
	switch {
	case err != nil:
		o.fail("until", "%s is not a date or time; write %s", quote(s), want)
		return time.Time{}
	case at.Sub(now) > maxAhead:
		o.fail("until", "%s is more than 366 days ahead; exceptions must be looked at once a year", quote(s))
	case !now.Before(end):
		o.warn("until", "%s is past: the exception has no effect any more; remove it", quote(s))
	}
	return end.UTC()
}
