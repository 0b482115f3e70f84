package config

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/grouping"
)

const defaultTimeout = 10 * time.Second

func (d *decoder) sources(root *object) []Source {
	vs, ok := root.values("sources", "sources: [{name: ..., api: ...}]")
	if ok && len(vs) == 0 {
		root.fail("sources", "there is no source; a minimal file is: %s", minimal)
	}
	names := make(map[string]value)
	var all []Source
	for _, v := range vs {
		if len(d.errs) > maxErrors {
			break
		}
		o := d.object(v)
		s := o.source()
		o.close()
		if first, ok := names[s.Name]; ok && s.Name != "" {
			o.fail("name", "%s is also the name of %s (line %d); each source needs its own", quote(s.Name), first.path, first.line)
		} else {
			names[s.Name] = v
		}
		all = append(all, s)
	}
	return all
}

func (o *object) source() Source {
	name, api := o.name(), o.api()
	s := Source{
		Name: name, API: api.Name,
		URL:         o.baseURL(),
		Timeout:     o.duration("timeout", defaultTimeout, false),
		MinInterval: o.duration("min_interval", api.MinInterval, true),
		ProbeOnly:   o.boolean("probe_only", false),
		APIKey:      o.apiKey(),
		Options:     o.options(api),
	}
	s.HTTP = o.httpClient(api, s.URL)
	o.authentication(api)
	o.foreignOptions(api, s.Options)
	if u, err := url.Parse(s.URL); err == nil && u.Scheme == "http" && !isLoopback(u) {
		o.warn("url", "sends credentials and reads sessions over an unencrypted connection; use https://")
	}
	if v, ok := o.get("alerting"); ok {
		o.d.ownAlerting = append(o.d.ownAlerting, ownAlerting{name, api, v})
	}
	if api.doubts != nil {
		api.doubts(o, &s)
	}
	return s
}

func (o *object) name() string {
	const want = "a name of letters, digits and the characters _ . : -"
	s, ok := o.text("name", want)
	switch {
	case !o.has("name"):
		o.fail("name", "is missing; give each source %s", want)
	case !ok:
	case s == "":
		o.fail("name", "is empty; it must be %s", want)
	case len(s) > grouping.MaxBytes:
		o.fail("name", "is longer than %d characters; shorten it", grouping.MaxBytes)
	default:
		for _, c := range []byte(s) {
			if !isAlnum(c) && !strings.ContainsRune("_.:-", rune(c)) {
				o.fail("name", "%s is invalid; it must be %s", quote(s), want)
				return ""
			}
		}
		return s
	}
	return ""
}

func (o *object) baseURL() string {
	if !o.has("url") {
		o.fail("url", "is missing; write https://HOST or https://HOST:PORT")
	}
	s, ok := o.text("url", "a URL such as https://intersight.com")
	if !ok {
		return ""
	}
	base, problem := baseURL(s)
	if problem != "" {
		o.fail("url", "%s", problem)
	}
	return base
}

// authentication allows one way to authenticate that the API takes, and doubts
// that none is enough.
func (o *object) authentication(api *API) {
	ways := []string{"api_key", "basic_auth", "authorization", "oauth2", "bearer_token_file"}
	given := slices.DeleteFunc(ways, func(key string) bool { return !o.has(key) })
	if !api.APIKey && slices.Contains(given, "api_key") {
		o.fail("api_key", "is for api: %s only; %s takes %s", o.d.apis.withKey(), api.Title, anyOf(api.Ways))
		given = slices.DeleteFunc(given, func(key string) bool { return key == "api_key" })
		if len(given) == 0 {
			return
		}
	}
	if len(given) > 1 {
		slices.SortStableFunc(given, func(a, b string) int { return o.fields[a].line - o.fields[b].line })
		first := o.fields[given[0]]
		for _, key := range given[1:] {
			o.fail(key, "%s is also set (line %d); keep one way to authenticate", given[0], first.line)
		}
		return
	}
	switch v, ok := o.fields["tls_config"]; {
	case !api.BasicAuth && o.has("basic_auth"):
		o.warn("basic_auth", "is not what %s takes; it is of use only to something before it. %[1]s wants %s", api.Title, anyOf(api.Ways))
	case len(given) == 1, o.has("bearer_token"), api.Name == "", ok && o.d.mentions(v, "cert", "cert_file"):
	default:
		o.d.warn(o.line, o.path, "has no way to authenticate; %s wants %s", api.Title, anyOf(api.Ways))
	}
}

// mentions reports whether a mapping gives one of the keys.
func (d *decoder) mentions(v value, keys ...string) bool {
	quiet := &decoder{}
	return slices.ContainsFunc(keys, quiet.object(v).has)
}
