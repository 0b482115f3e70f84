package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"iam_session_exporter/config"
)

// bases are configurations that have, together, each mapping that there is.
var bases = map[string]string{
	"intersight": `
sources:
  - name: x
    api: intersight
    url: https://intersight.com
    api_key: {id: a, secret_key_file: k}
    filter: {role: [a]}
    exclude: {status: a}
    proxy_url: http://proxy.example.com
    proxy_connect_header: {X-A: [a]}
    http_headers: {X-A: {values: [a]}}
    tls_config: {}
    alerting: {privileged: {}, detections: {concurrent_sessions: {privileged: {}}}}
  - {name: y, api: intersight, url: "https://intersight.com", api_key: {id_file: a, secret_key_file: k}}
labels: {role: {}, login_type: {}, client_ip: {}, identity_store: {}}
networks: {x: [10.0.0.0/8], vpn: [192.0.2.0/24], hq: [192.0.2.9]}
alerting: {key_file: k, privileged: {}}
`,
	"oam": `
sources:
  - name: x
    api: oam
    url: https://login.example.com
    basic_auth: {username: a, password_file: p}
    tls_config: {cert_file: c, key_file: k}
    filter: {user_id: a}
    proxy_url: http://proxy.example.com
  - {name: y, api: oam, url: "https://intersight.com", basic_auth: {username_file: a, password_file: k}}
networks: {x: [10.0.0.0/8], vpn: [192.0.2.0/24], hq: [192.0.2.9]}
`,
	"oauth2": `
sources:
  - name: x
    api: oam
    url: https://login.example.com
    oauth2: {client_id: a, client_secret_file: b, token_url: https://idp.example.com, proxy_url: http://p, endpoint_params: {}, tls_config: {ca_file: c}}
  - name: signed
    api: intersight
    url: https://login.example.com
    oauth2: {client_id: a, client_certificate_key_file: b, claims: {}, grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer"}
  - name: certificate
    api: oam
    url: https://login.example.com
    tls_config: {cert_file: c, key_file: k}
    oauth2: {client_id: a, token_url: https://idp.example.com}
`,
	"authorization": `
sources:
  - name: x
    api: oam
    url: https://login.example.com
    authorization: {credentials_file: b}
  - name: bearer
    api: oam
    url: https://login.example.com
    bearer_token_file: b
  - name: nothing
    api: intersight
    url: https://login.example.com
`,
	"alerting": `
sources:
  - {name: x, api: oam, url: "https://login.example.com"}
  - {name: intersight-prod, api: intersight, url: "https://login.example.com"}
networks: {x: [10.0.0.0/8], vpn: [192.0.2.0/24], hq: [192.0.2.9]}
alerting:
  key_file: k
  alertmanagers: [{url: "http://a"}, {url: "http://c", proxy_url: "http://proxy"}, {url: "http://b", oauth2: {client_id: a, client_secret_file: b, token_url: "https://idp"}}]
  exceptions: [{users: [a], until: 2020-01-01, reason: a}]
`,
	"detections": `
sources: [{name: x, api: oam, url: "https://login.example.com"}]
networks: {x: [10.0.0.0/8], vpn: [192.0.2.0/24], hq: [192.0.2.9]}
alerting:
  key_file: k
  detections:
    login_after_failures: {privileged: {}}
    concurrent_sessions: {privileged: {}}
    concurrent_networks: {privileged: {}}
    unexpected_network: {expect: [{users: [a], networks: [x]}], privileged: {}}
    unexpected_identity_store: {privileged: {}}
    break_glass: {privileged: {}}
    impersonation: {privileged: {}}
    impersonation_long: {privileged: {}}
    session_age: {privileged: {}}
    dormant_account: {privileged: {}}
    off_hours: {hours: {from: "07:00", to: "20:00"}, privileged: {}}
    shared_address: {privileged: {}}
`,
}

// values are of all kinds: each is of a wrong kind for most keys.
func values() []any {
	return []any{nil, true, false, "", " ", "x", "10m", "0", "0s", "999ms", "2026-01-01", "a\nb", "a:b", "https://x.example.com/p", "http://u@x", "~/x", "${X", "$$x$",
		"-----BEGIN", "Basic", 0, 1, 5, -1, 20000, 1.5, []any{}, []any{"x"}, []any{"x", "x"}, []any{""}, []any{nil}, []any{1, true}, []any{map[string]any{}},
		map[string]any{}, map[string]any{"x": "y"}, map[string]any{"x": nil}, map[string]any{"x": []any{"y"}}}
}

// unlike are values of keys that the parser refuses and no schema can.
var unlike = map[string][]string{
	"time_zone":   {`"x"`, `"Basic"`},                           // zones that there are not
	"server_name": {`"0"`, "0", "1", "5", "-1", "20000", "1.5"}, // a host whose last label is a number
}

// place is a mapping in a configuration, with its schema.
type place struct {
	base       string
	path       string
	properties map[string]any
	required   []any
	set        func(key string, value any) // remove it by absent
	keys       []string                    // those that are there
	value      func(key string) any
	root       any
}

type absent struct{}

// places calls a function for each mapping of the bases that has keys of its own.
func places(t *testing.T, f func(place)) {
	schema := written(t)
	for _, name := range slices.Sorted(maps.Keys(bases)) {
		root, err := toJSON([]byte(bases[name]))
		if err != nil {
			t.Fatal(err)
		}
		visit(schema, schema, root, "", func(p place) {
			p.base, p.root = name, root
			f(p)
		})
	}
}

// visit walks a value and its schema together.
func visit(root, s map[string]any, v any, path string, f func(place)) {
	s = resolve(root, s)
	if list, ok := v.([]any); ok {
		items, _ := s["items"].(map[string]any)
		for i, e := range list {
			visit(root, items, e, fmt.Sprintf("%s[%d]", path, i), f)
		}
		return
	}
	m, ok := v.(map[string]any)
	if !ok || s == nil {
		return
	}
	properties := propertiesOf(s, m)
	if len(properties) > 0 {
		required, _ := s["required"].([]any)
		f(place{path: path, properties: properties, required: required, keys: slices.Sorted(maps.Keys(m)),
			value: func(key string) any {
				if v, ok := m[key]; ok {
					return v
				}
				return absent{}
			},
			set: func(key string, value any) {
				if _, ok := value.(absent); ok {
					delete(m, key)
					return
				}
				m[key] = value
			}})
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		below, _ := properties[key].(map[string]any)
		if below == nil {
			patterns, _ := s["patternProperties"].(map[string]any)
			for _, values := range patterns {
				if values, ok := values.(map[string]any); ok {
					below = values
				}
			}
		}
		visit(root, below, m[key], strings.TrimPrefix(path+"."+key, "."), f)
	}
}

// written is the schema as it is written.
func written(t *testing.T) (schema map[string]any) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, schemaFile), &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func resolve(root, s map[string]any) map[string]any {
	if ref, ok := s["$ref"].(string); ok {
		return root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
	}
	return s
}

// propertiesOf are those of a mapping, with what its api adds.
func propertiesOf(s, m map[string]any) map[string]any {
	base, _ := s["properties"].(map[string]any)
	properties := maps.Clone(base)
	for s["if"] != nil {
		api, _ := dig(s, "if", "properties", "api", "const")
		branch := "else"
		if api == m["api"] {
			branch = "then"
		}
		s = s[branch].(map[string]any)
		own, _ := s["properties"].(map[string]any)
		for key, of := range own {
			more, ok := of.(map[string]any)
			if !ok {
				continue
			}
			both := map[string]any{}
			if already, ok := properties[key].(map[string]any); ok {
				both = maps.Clone(already)
			}
			maps.Copy(both, more)
			properties[key] = both
		}
	}
	return properties
}

func dig(v any, keys ...string) (any, bool) {
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		v = m[key]
	}
	return v, v != nil
}

// with calls a function while a key has a value.
func (p place) with(key string, value any, f func()) {
	old := p.value(key)
	p.set(key, value)
	defer p.set(key, old)
	f()
}

// verdicts are what the schema and the parser say of the configuration.
func (p place) verdicts(t *testing.T, s *jsonschema.Schema) (refused, mistakes map[string]string, c *config.Config) {
	t.Helper()
	text, err := json.Marshal(p.root)
	if err != nil {
		t.Fatal(err)
	}
	mistakes, c = parse(text)
	return refusals(s, p.root), mistakes, c
}

// agree compares both verdicts.
func (p place) agree(t *testing.T, s *jsonschema.Schema, what string, args ...any) (accepted bool) {
	t.Helper()
	refused, mistakes, c := p.verdicts(t, s)
	for at, m := range mistakes {
		if references.MatchString(m) {
			delete(mistakes, at)
		}
	}
	if (len(refused) == 0) != (len(mistakes) == 0) {
		t.Errorf("%s: %s: %s: the schema refuses %v, the parser %v", p.base, p.path, fmt.Sprintf(what, args...), refused, mistakes)
	}
	return c != nil
}

// references are mistakes that another part of the file makes one, which a schema
// can't see.
var references = regexp.MustCompile(`: (is also the (name|url) of|.* is also the name of|.* is not a (network|source)|is not possible with api|.* is shorter than keep_firing_for)`)

// id tells the keys of mappings of one kind from others.
func (p place) id(key string) string {
	return strings.Join(slices.Sorted(maps.Keys(p.properties)), ",") + "." + key
}

// Each key with its example is accepted, by the schema as by the parser.
func TestExamples(t *testing.T) {
	s, root := schemaOf(t), written(t)
	accepted := map[string]bool{}
	places(t, func(p place) {
		for key, of := range p.properties {
			of := resolve(root, of.(map[string]any))
			if d, _ := of["description"].(string); d == "" {
				t.Errorf("%s.%s has no description", p.path, key)
			}
			examples, _ := of["examples"].([]any)
			for _, e := range examples {
				p.with(key, e, func() {
					accepted[p.id(key)] = p.agree(t, s, "%s: %v", key, e) || accepted[p.id(key)]
				})
			}
		}
	})
	for id, ok := range accepted {
		if !ok {
			t.Errorf("%s: no base accepts its example", id)
		}
	}
}

// A key that is misspelt or missing is refused by both, or by none.
func TestKeys(t *testing.T) {
	s := schemaOf(t)
	tried := 0
	places(t, func(p place) {
		for key := range p.properties {
			p.with(key+"_", "x", func() {
				tried++
				if p.agree(t, s, "%s_", key) {
					t.Errorf("%s.%s_ is accepted", p.path, key)
				}
			})
		}
		for _, key := range p.keys {
			p.with(key, absent{}, func() {
				if p.agree(t, s, "without %s", key) && slices.Contains(p.required, any(key)) {
					t.Errorf("%s.%s is required, and may be missing", p.path, key)
				}
			})
		}
	})
	if tried < 300 {
		t.Errorf("got %d keys, want 300 or more", tried)
	}
}

// A value is refused by both, or by none.
func TestValues(t *testing.T) {
	s := schemaOf(t)
	tried := map[string]bool{}
	places(t, func(p place) {
		for key := range p.properties {
			if tried[p.id(key)] {
				continue
			}
			tried[p.id(key)] = true
			for _, v := range values() {
				text, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				if slices.Contains(unlike[key], string(text)) {
					continue
				}
				p.with(key, v, func() { p.agree(t, s, "%s: %s", key, text) })
			}
		}
	})
}

// A key with its default means the same as without it.
func TestDefaults(t *testing.T) {
	s, root := schemaOf(t), written(t)
	tried := 0
	places(t, func(p place) {
		for key, of := range p.properties {
			def, ok := resolve(root, of.(map[string]any))["default"]
			if !ok {
				continue
			}
			var with, without *config.Config
			p.with(key, absent{}, func() { _, _, without = p.verdicts(t, s) })
			p.with(key, def, func() { _, _, with = p.verdicts(t, s) })
			if with == nil || without == nil {
				continue // TestExamples
			}
			tried++
			if got, want := meaning(with), meaning(without); got != want {
				t.Errorf("%s: %s.%s: %v: got\n%s\nwant\n%s", p.base, p.path, key, def, got, want)
			}
		}
	})
	if tried < 100 {
		t.Errorf("got %d defaults, want 100 or more", tried)
	}
}

// meaning is what a configuration amounts to, with all settings of detections.
func meaning(c *config.Config) string {
	var b strings.Builder
	for _, s := range c.Sources {
		fmt.Fprintln(&b, s.Fingerprint())
		for _, d := range c.Detections(s) {
			fmt.Fprintln(&b, d.Key, d.On, d.YAML())
		}
	}
	if a := c.Alerting; a != nil {
		shown := *a
		shown.Detections, shown.Sources = nil, nil
		fmt.Fprintf(&b, "%+v\n", shown)
	}
	fmt.Fprintf(&b, "%+v\n", c.Grouping)
	return b.String()
}
