package config

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// quotable are the keys whose values errors may show. No secret belongs there.
var quotable = []string{"name", "api", "timeout", "min_interval", "grant_type", "signature_algorithm", "server_name",
	"min_version", "max_version", "identity_stores", "idle_timeout", "session_lifetime", "hq", "vpn", "head office",
	"details", "interval", "resend_delay", "hold", "keep_firing_for", "shared_networks", "expect.networks", "severity", "for", "max", "after",
	"days", "from", "to", "time_zone"}

// isQuotable reports whether errors may show the value at a path.
func isQuotable(path string) bool {
	return slices.ContainsFunc(quotable, func(q string) bool { return path == q || strings.HasSuffix(path, "."+q) })
}

// TestCanary puts a secret into each place of the example, in each form, and
// next to each key one of those that would hold a secret.
func TestCanary(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{canary, `"` + canary + `\n"`, "[" + canary + "]", "{x: " + canary + "}", "[[" + canary + "]]", "[{x: " + canary + "}]",
		"!x " + canary, "https://u:" + canary + "@h", "https://h/?x=" + canary, "https://h:" + canary, canary + "@h", "*" + canary, "'" + canary + ": x'", "Bearer " + canary}
	inline := []string{"password", "passwd", "secret", "token", "credentials", "client_secret", "client_certificate_key", "bearer_token", "key",
		"secret_key", "private_key", "secrets", "values", "password_ref", "credentials_ref", "client_secret_ref", "key_ref", "anything"}
	tried := 0
	try := func(root *yaml.Node, what string) {
		t.Helper()
		text, err := yaml.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		tried++
		c, err := Parse(text, "iam.yml", "/etc/iam")
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%s: the secret is in the error:\n%v", what, err)
			}
			return
		}
		for _, key := range inline {
			if strings.HasSuffix(what, "."+key+" given") && key != "anything" && key != "values" {
				t.Errorf("%s: accepted", what)
			}
		}
		for _, w := range c.Warnings() {
			if strings.Contains(w.Error(), canary) {
				t.Errorf("%s: the secret is in a warning: %v", what, w)
			}
		}
	}
	load := func() *yaml.Node {
		root := new(yaml.Node)
		if err := yaml.Unmarshal(data, root); err != nil {
			t.Fatal(err)
		}
		return root
	}
	value := func(form string) *yaml.Node {
		n := new(yaml.Node)
		if yaml.Unmarshal([]byte(form), n) != nil {
			return text(form) // an alias that has no anchor
		}
		return n.Content[0]
	}
	var root *yaml.Node
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				continue
			}
			at := path
			if n.Kind == yaml.MappingNode {
				at = join(path, n.Content[i-1].Value)
			}
			if !isQuotable(at) {
				for _, form := range forms {
					n.Content[i] = value(form)
					try(root, at+" = "+form)
				}
				n.Content[i] = c
			}
			walk(c, at)
		}
		if n.Kind == yaml.MappingNode && path != "networks" {
			for _, key := range inline {
				whole := n.Content
				n.Content = append(slices.Clip(whole), text(key), text(canary))
				try(root, path+"."+key+" given")
				n.Content = whole
			}
		}
	}
	// One source at a time, for speed.
	for i, n := 0, 1; i < n; i++ {
		root = load()
		top := root.Content[0]
		sources := top.Content[1]
		n = len(sources.Content)
		sources.Content = sources.Content[i : i+1]
		if i > 0 {
			top.Content = top.Content[:2]
		}
		walk(top, "")
	}
	t.Logf("%d files", tried)
}

// Nothing that prints a configuration shows a value that could be a secret.
func TestPrintingHides(t *testing.T) {
	c := parse(t, `sources:
  - name: a
    api: oam
    url: https://a
    proxy_url: http://proxy
    proxy_connect_header: {X-A: [`+canary+`]}
    http_headers: {X-B: {values: [`+canary+`]}}
    oauth2:
      client_id: c
      grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer
      client_certificate_key_file: k
      token_url: https://idp/t
      endpoint_params: {p: `+canary+`}
      claims: {q: {r: `+canary+`}}
alerting:
  key_file: k
  alertmanagers:
    - url: http://b:9093
      proxy_url: http://proxy
      proxy_connect_header: {X-A: [`+canary+`]}
      http_headers: {X-B: {values: [`+canary+`]}}
      oauth2: {client_id: c, client_secret_file: s, token_url: "https://idp/t", endpoint_params: {p: `+canary+`}}
`)
	marshal := func(f func(any) ([]byte, error), v any) string {
		data, err := f(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, v := range []any{c, *c, c.Sources, c.Sources[0], &c.Sources[0], map[string]any{"x": c}} {
		texts := []string{marshal(json.Marshal, v), marshal(yaml.Marshal, v)}
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts = append(texts, fmt.Sprintf(format, v))
		}
		for _, s := range texts {
			if strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary)) {
				t.Errorf("%T shows the secret:\n%s", v, s)
			}
		}
	}
	s := c.String()
	for _, want := range []string{"client_certificate_key_file: /etc/iam/k", "X-B", hidden} {
		if !strings.Contains(s, want) {
			t.Errorf("%s is missing in\n%s", want, s)
		}
	}
	if c.Sources[0].HTTP.HTTPHeaders.Headers["X-B"].Values[0] != canary {
		t.Errorf(`printing changed the configuration; want c.Sources[0].HTTP.HTTPHeaders.Headers["X-B"].Values[0] %v`, canary)
	}
}

func TestSecretName(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "Cookie": true, "X-Api-Key": true, "X-Auth-Token": true, "password": true, "client_secret": true,
		"X-Passphrase": true, "assertion": true, "X-Key": true, "client_certificate_key": true, "key_ref": true,
		"X-Site": false, "audience": false, "requested_token_type": false, "resource": false, "X-Monkey": false,
	} {
		if got := secretName(name); got != want {
			t.Errorf("%s: %v; want %v", name, got, want)
		}
	}
}
