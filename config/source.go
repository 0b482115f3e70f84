package config

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"iam_session_exporter/internal/grouping"
)

const defaultTimeout = 10 * time.Second

func (o *object) sources() []Source {
	vs, ok := o.values("sources", "sources: [{name: ..., api: ...}]")
	if ok && len(vs) == 0 {
		o.fail("sources", "there is no source; a minimal file is: %s", minimal)
	}
	names := make(map[string]value)
	var all []Source
	for _, v := range vs {
		if len(o.d.errs) > maxErrors {
			break
		}
		o := o.d.object(v)
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

// keys are those that sources of all APIs have, without the HTTP client's. api is
// set when its key is read, on which later ones depend.
func (s *Source) keys(apis APIs, api *API) []Option {
	return []Option{
		custom("name", "intersight-prod", `required, unique: the label "source". Letters, digits, _ . : -`, sourceName,
			func(o *object) { s.Name = o.name() }).must("give each source " + nameWords),
		custom("api", "intersight", "required: "+anyOf(apis.names()), oneWord(apis.names()),
			func(o *object) { *api = *o.api(); s.API = api.Name }).must(""),
		custom("url", "https://intersight.com", "required: scheme, host and, if needed, port; never a path",
			func() schema { return urlOf(false, "https", "http") },
			func(o *object) { s.URL = o.baseURL() }).must("write https://HOST or https://HOST:PORT"),
		custom("timeout", "10s", "the most time that one refresh of this source may take; more than 0. Default 10s", positiveDuration,
			func(o *object) { s.Timeout = o.duration("timeout", defaultTimeout, false) }).shown(func() any { return model.Duration(s.Timeout) }),
		custom("min_interval", "30s", "minimum time from the start of one refresh, failed or not, to the next. Default 0s (for oam 30s)", anyDuration,
			func(o *object) { s.MinInterval = o.duration("min_interval", api.MinInterval, true) }),
		Boolean(&s.ProbeOnly, "probe_only", false, "true: not in /metrics, only in /probe?source=NAME. Default false"),
		custom("api_key", "{id_file: intersight.id, secret_key_file: intersight.pem}", "HTTP signature; keys of version 2 (RSA) and 3 (EC)",
			func() schema { return mapping(new(APIKey).keys(), needOne("id", "id_file")) },
			func(o *object) { s.APIKey = o.apiKey() }),
		custom("alerting", "{enabled: false}", "replaces settings of the alerting block below, detection by detection and key by key",
			sourceAlertingSchema,
			func(o *object) { o.keepAlerting(s.Name, api) }),
	}
}

func (o *object) source() Source {
	var s Source
	api := new(API)
	o.read(s.keys(o.d.apis, api))
	s.Options = o.options(api)
	s.HTTP = o.httpClient(api, s.URL)
	o.authentication(api)
	o.foreignOptions(api)
	if u, err := url.Parse(s.URL); err == nil && u.Scheme == "http" && !isLoopback(u) {
		o.warn("url", "sends credentials and reads sessions over an unencrypted connection; use https://")
	}
	if api.doubts != nil {
		api.doubts(o, &s)
	}
	return s
}

const nameWords = "a name of letters, digits and the characters _ . : -"

func sourceName() schema {
	return textLike(`^[A-Za-z0-9_.:-]+$`).says(nameWords).with(schema{"maxLength": grouping.MaxBytes})
}

func (o *object) name() string {
	s, ok := o.text("name", nameWords)
	switch {
	case !ok:
	case s == "":
		o.fail("name", "is empty; it must be %s", nameWords)
	case len(s) > grouping.MaxBytes:
		o.fail("name", "is longer than %d characters; shorten it", grouping.MaxBytes)
	default:
		for _, c := range []byte(s) {
			if !isAlnum(c) && !strings.ContainsRune("_.:-", rune(c)) {
				o.fail("name", "%s is invalid; it must be %s", quote(s), nameWords)
				return ""
			}
		}
		return s
	}
	return ""
}

func (o *object) baseURL() string {
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
