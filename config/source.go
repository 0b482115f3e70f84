package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
)

const (
	defaultTimeout              = 10 * time.Second
	defaultOAMMinInterval       = 30 * time.Second // one scrape may cost MaxQueries
	defaultIdleTimeout          = 15 * time.Minute
	defaultSessionLifetime      = 24 * time.Hour
	defaultMaxQueries           = 200
	defaultMaxConcurrentQueries = 2
)

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
	s := Source{
		Name:                 o.name(),
		API:                  o.api(),
		URL:                  o.baseURL(),
		Timeout:              o.duration("timeout", defaultTimeout, false),
		ProbeOnly:            o.boolean("probe_only", false),
		APIKey:               o.apiKey(),
		IdentityStores:       o.identityStores(),
		IdleTimeout:          o.duration("idle_timeout", defaultIdleTimeout, true),
		SessionLifetime:      o.duration("session_lifetime", defaultSessionLifetime, true),
		MaxSessionsPerUser:   o.integer("max_sessions_per_user", 0, 0, 1_000_000),
		MaxQueries:           o.integer("max_queries", defaultMaxQueries, 1, 10_000),
		MaxConcurrentQueries: o.integer("max_concurrent_queries", defaultMaxConcurrentQueries, 1, 16),
	}
	s.RoleAttribute, _ = o.text("role_attribute", "the name of a userAttributes entry")
	var minInterval time.Duration
	if s.API == session.OAM {
		minInterval = defaultOAMMinInterval
	}
	s.MinInterval = o.duration("min_interval", minInterval, true)
	s.HTTP = o.httpClient(s.API, s.URL)

	o.authentication(s.API)
	if s.API == session.Intersight {
		o.oamOnly()
		s.IdentityStores, s.RoleAttribute = nil, ""
		s.IdleTimeout, s.SessionLifetime, s.MaxSessionsPerUser = 0, 0, 0
		s.MaxQueries, s.MaxConcurrentQueries = 0, 0
	}
	o.doubts(s)
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
	case len(s) > maxLabelBytes:
		o.fail("name", "is longer than %d characters; shorten it", maxLabelBytes)
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

func (o *object) api() session.API {
	s, ok := o.text("api", "intersight or oam")
	switch api := session.API(s); {
	case !o.has("api"):
		o.fail("api", "is missing; write intersight or oam")
	case !ok:
	case api == session.Intersight || api == session.OAM:
		return api
	default:
		hint := ""
		if near := Nearest(s, []string{string(session.Intersight), string(session.OAM)}); near != "" {
			hint = fmt.Sprintf(" (did you mean %s?)", near)
		}
		o.fail("api", "%s is not an API; use intersight or oam%s", quote(s), hint)
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

func (o *object) apiKey() *APIKey {
	k, ok := o.optional("api_key")
	if !ok {
		return nil
	}
	defer k.close()
	key := &APIKey{IDFile: k.nameFile("id_file"), SecretKeyFile: k.keyFile("secret_key_file")}
	for _, inline := range []string{"secret_key", "secret", "key", "private_key"} {
		k.inline(inline, "secret_key_file")
	}
	id, ok := k.text("id", "the API key's id")
	key.ID = strings.TrimSpace(id) // often pasted with blanks around it
	switch {
	case k.has("id") && k.has("id_file"):
		k.fail("id_file", "id is also set (line %d); remove one", k.fields["id"].line)
	case !k.has("id") && !k.has("id_file"):
		k.fail("id", "is missing; write the key's id here, or name a file that holds it with id_file")
	case ok && key.ID == "":
		k.fail("id", "is empty; write the key's id, three groups of 24 hexadecimal digits with / between them")
	case strings.ContainsFunc(key.ID, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }):
		k.fail("id", "contains a character that a key's id can't have; write three groups of 24 hexadecimal digits with / between them")
		ok = false
	}
	if ok && key.ID != "" && !usualKeyID(key.ID) {
		k.warn("id", "does not look like an API key's id, which is three groups of 24 hexadecimal digits with / between them")
	}
	if !k.given("secret_key_file") {
		k.fail("secret_key_file", "is missing; name the PEM file that holds the key's private part")
	}
	return key
}

func usualKeyID(s string) bool {
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if len(p) != 24 || strings.Trim(p, "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return len(parts) == 3
}

func (o *object) identityStores() []string {
	var stores []string
	listed := make(map[string]bool)
	vs, _ := o.values("identity_stores", "[UserIdentityStore1]")
	for _, v := range vs {
		s, ok := o.d.text(v, "the name of an identity store")
		switch {
		case !ok:
		case s == "":
			o.d.failAt(v, "is empty; write the name of an identity store, or remove it")
		case listed[s]:
			o.d.failAt(v, "%s is listed twice; remove one", quote(s))
		default:
			listed[s] = true
			stores = append(stores, s)
		}
	}
	return stores
}

// oamOnly refuses keys that mean nothing to Intersight.
func (o *object) oamOnly() {
	for _, key := range []string{"identity_stores", "idle_timeout", "session_lifetime", "max_sessions_per_user",
		"role_attribute", "max_queries", "max_concurrent_queries"} {
		if o.has(key) {
			o.fail(key, "is for api: oam only, Intersight tells by itself; remove it")
		}
	}
}

// authentication allows one way to authenticate that the API takes, and doubts
// that none is enough.
func (o *object) authentication(api session.API) {
	ways := []string{"api_key", "basic_auth", "authorization", "oauth2", "bearer_token_file"}
	given := slices.DeleteFunc(ways, func(key string) bool { return !o.has(key) })
	if api == session.OAM && slices.Contains(given, "api_key") {
		o.fail("api_key", "is for api: intersight only; OAM takes basic_auth, authorization, oauth2 or a client certificate in tls_config")
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
	case api == session.Intersight && o.has("basic_auth"):
		o.warn("basic_auth", "is not what Intersight takes; it is of use only to something before it. Intersight wants api_key (HTTP signature) or oauth2")
	case len(given) == 1, o.has("bearer_token"), api == "", ok && o.d.mentions(v, "cert", "cert_file"):
	case api == session.Intersight:
		o.d.warn(o.line, o.path, "has no way to authenticate; Intersight wants api_key (HTTP signature) or oauth2")
	default:
		o.d.warn(o.line, o.path, "has no way to authenticate; OAM wants basic_auth, authorization, oauth2, or a client certificate in tls_config")
	}
}

// mentions reports whether a mapping gives one of the keys.
func (d *decoder) mentions(v value, keys ...string) bool {
	quiet := &decoder{}
	return slices.ContainsFunc(keys, quiet.object(v).has)
}

// doubts warns of what is possible but hardly meant.
func (o *object) doubts(s Source) {
	const queryTime = 50 * time.Millisecond
	if s.API == session.OAM {
		if need := time.Duration(s.MaxQueries) * queryTime / time.Duration(s.MaxConcurrentQueries); need > s.Timeout {
			o.warn("max_queries", "%d queries, %d at a time, take about %s at 50 ms each, and the timeout is %s; "+
				"raise timeout or max_concurrent_queries, or lower this", s.MaxQueries, s.MaxConcurrentQueries, need, s.Timeout)
		}
	}
	u, err := url.Parse(s.URL)
	if err != nil || s.URL == "" {
		return
	}
	if u.Scheme == "http" && !isLoopback(u) {
		o.warn("url", "sends credentials and reads sessions over an unencrypted connection; use https://")
	}
	if s.API == session.OAM && u.Port() == "7001" {
		o.warn("url", "port 7001 is usually the WebLogic AdminServer, which does not serve sessions; the OAM managed server is usually at 14100")
	}
}
