package config

import (
	"os"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// publicTexts are the places whose texts a page may show: hosts, names of files, of
// sources, networks, roles and identity stores, which metrics have as well, and
// what can be one of a few words only. Whoever adds a key decides whether it is
// one of them.
var publicTexts = strings.Fields(`
	alerting.alertmanagers.url
	alerting.dashboard_url
	alerting.detections.break_glass.roles
	alerting.detections.unexpected_identity_store.expect
	alerting.detections.unexpected_network.expect.roles
	alerting.exceptions.identity_stores
	alerting.exceptions.roles
	alerting.key_file
	alerting.labels.team
	alerting.privileged.roles
	sources.api_key.id_file
	sources.api_key.secret_key_file
	sources.authorization.credentials_file
	sources.authorization.type
	sources.basic_auth.password_file
	sources.basic_auth.username_file
	sources.http_headers.X-Gateway-Key.files
	sources.identity_stores
	sources.name
	sources.no_proxy
	sources.oauth2.audience
	sources.oauth2.client_certificate_key_file
	sources.oauth2.client_secret_file
	sources.oauth2.scopes
	sources.oauth2.token_url
	sources.proxy_url
	sources.role_attribute
	sources.tls_config.ca_file
	sources.tls_config.cert_file
	sources.tls_config.key_file
	sources.tls_config.server_name
	sources.url
`)

// hiddenTexts are those that it may not show.
var hiddenTexts = strings.Fields(`
	alerting.detections.break_glass.users
	alerting.detections.unexpected_network.expect.users
	alerting.exceptions.reason
	alerting.exceptions.users
	alerting.privileged.users
	alerting.service_accounts
	sources.api_key.id
	sources.basic_auth.username
	sources.exclude.login_type
	sources.exclude.role
	sources.filter.id_store_name
	sources.filter.role
	sources.filter.user_id
	sources.filter.user_id_or_email
	sources.http_headers.X-Site.values
	sources.oauth2.claims.tenant
	sources.oauth2.client_certificate_key_id
	sources.oauth2.client_id
	sources.oauth2.endpoint_params.p
	sources.oauth2.iss
	sources.proxy_connect_header.X-Site
`)

// A word in each place of the example shows only where it may.
func TestPublic(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	example := string(data)
	for _, given := range [][2]string{ // each where the example first has nothing
		{"exceptions: []", "exceptions: [{users: [u], roles: [r], identity_stores: [s], networks: [vpn], detections: [session_age], sources: [sso-emea], until: 2020-12-31, reason: r}]"},
		{"scopes: []", "scopes: [s]"},
		{"endpoint_params: {}", "endpoint_params: {p: v}"},
		{"filter: {}", "filter: {user_id_or_email: f}"},
		{"filter: {}", "filter: {user_id: f}"},
		{"exclude: {}", "exclude: {role: f}"},
		{"users: []", "users: [u]"},
		{"roles: []", "roles: [r]"},
	} {
		if !strings.Contains(example, given[0]) {
			t.Fatalf("the example lacks %q", given[0])
		}
		example = strings.Replace(example, given[0], given[1], 1)
	}
	root := new(yaml.Node)
	if err := yaml.Unmarshal([]byte(example), root); err != nil {
		t.Fatal(err)
	}
	const word = "zz9plural"
	isShown := make(map[bool][]string)
	try := func(at string) (accepted bool) {
		text, err := yaml.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(text, "iam.yml", "/etc/iam")
		if err != nil {
			return false
		}
		got, err := c.Public()
		if err != nil {
			t.Fatal(err)
		}
		in := strings.Contains(got, word)
		isShown[in] = append(isShown[in], at)
		return true
	}
	var walk func(n *yaml.Node, at string)
	walk = func(n *yaml.Node, at string) {
		if n.Kind == yaml.ScalarNode {
			was := *n
			for _, form := range []string{word, "https://" + word} {
				if *n = *text(form); try(at) {
					break
				}
			}
			*n = was
		}
		for i, below := range n.Content {
			switch {
			case n.Kind != yaml.MappingNode:
				walk(below, at)
			case i%2 == 1:
				walk(below, strings.TrimPrefix(at+"."+n.Content[i-1].Value, "."))
			}
		}
	}
	walk(root, "")
	for shown, want := range map[bool][]string{true: publicTexts, false: hiddenTexts} {
		got := isShown[shown]
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("shown %v: got\n\t%s\nwant\n\t%s", shown, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
}

// How many users there are does not show, nor do the values of a filter that are no
// texts. What only looks like such a key is shown.
func TestPublicHidesLists(t *testing.T) {
	got, err := parse(t, `sources:
  - {name: a, api: oam, url: https://a, bearer_token_file: t, filter: {user_id: alice, is_impersonating: true}}
  - {name: b, api: intersight, url: https://b, oauth2: {client_id: c, client_secret_file: s}, filter: {role: [first-role, second-role]}}
networks: {users: [10.0.0.0/8]}
alerting: {key_file: k, labels: {reason: audit}, alertmanagers: [{url: "http://am", basic_auth: {username: bob, password_file: p}}], privileged: {users: [alice, carol]}}
`).Public()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user_id: <hidden>\n", "is_impersonating: <hidden>\n", "role:\n            - <hidden>\n      ", "users: [10.0.0.0/8]\n", "reason: audit\n",
		"username: <hidden>\n", "users: [<hidden>]\n", "service_accounts: []\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, name := range []string{"alice", "bob", "carol", "true\n      identity", "first-role", "second-role"} {
		if strings.Contains(got, name) {
			t.Errorf("%q is in\n%s", name, got)
		}
	}
}
