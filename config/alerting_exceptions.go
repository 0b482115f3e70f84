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

const untilWords = "a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z"

// exceptionKeys are those of an exception, without its reason.
func exceptionKeys(x *detection.Exception, networks, sources []string) []Option {
	return []Option{
		users(&x.Users, "users", "[alice@example.com]", "users, with * at either end for any text"),
		roles(&x.Roles, "roles", "roles that users have"),
		stores(&x.IdentityStores, "identity_stores", "identity stores of users"),
		networkList(&x.Networks, "networks", networks, "names from networks"),
		custom("detections", "[concurrent_networks]", "default: all", func() schema { return fullList(oneWord(detection.Names())()).with(schema{"uniqueItems": true}) },
			func(o *object) { x.Detections = o.knownNames("detections", "detection", detection.Names()) }),
		custom("sources", "[intersight-prod]", "default: all", func() schema { return fullList(sourceName()).with(schema{"uniqueItems": true}) },
			func(o *object) { x.Sources = o.knownNames("sources", "source", sources) }),
		custom("until", "2026-12-31", "required: a date, at whose end in UTC it ends, or a time with a zone",
			func() schema { return textOnly(datePattern).says(untilWords) }, func(o *object) { x.Until = o.until() }).must("write " + untilWords),
	}
}

func reasonKey(x *detection.Exception) Option {
	return custom("reason", "CHG-1234", "required: why, or a ticket", func() schema { return textLike(someText) },
		func(o *object) { x.Reason = o.reason() }).must("")
}

const datePattern = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$`

func exceptionSchema() schema {
	x := new(detection.Exception)
	return mapping(append(exceptionKeys(x, nil, nil), reasonKey(x)), needSome("users", "roles", "identity_stores", "networks"))
}

func (o *object) exception(networks []string, sources []Source) detection.Exception {
	var names []string
	for _, s := range sources {
		names = append(names, s.Name)
	}
	var x detection.Exception
	o.read(exceptionKeys(&x, networks, names))
	if !o.some("users") && !o.some("roles") && !o.some("identity_stores") && !o.some("networks") {
		o.d.fail(o.line, o.path, "has none of users, roles, identity_stores and networks; say what it is for")
	}
	o.read([]Option{reasonKey(&x)})
	return x
}

func (o *object) reason() string {
	reason, ok := o.text("reason", "a text")
	if !o.has("reason") || ok && strings.TrimSpace(reason) == "" {
		o.fail("reason", "is missing; say why, or name a ticket")
	}
	return reason
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
	s, ok := o.text("until", untilWords)
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
		o.fail("until", "%s is not a date or time; write %s", quote(s), untilWords)
		return time.Time{}
	case at.Sub(now) > maxAhead:
		o.fail("until", "%s is more than 366 days ahead; exceptions must be looked at once a year", quote(s))
	case !now.Before(end):
		o.warn("until", "%s is past: the exception has no effect any more; remove it", quote(s))
	}
	return end.UTC()
}
