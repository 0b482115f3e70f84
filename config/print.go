package config

import (
	"encoding/json"
	"fmt"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

const hidden = "<secret>" // as Prometheus writes it

// configView and sourceView are the configuration as YAML has it.
type configView struct {
	Sources  []yaml.Node     `yaml:"sources"`
	Labels   grouping.Labels `yaml:"labels"`
	Networks yaml.Node       `yaml:"networks,omitempty"`
	Alerting *Alerting       `yaml:"alerting,omitempty"`
}

type sourceView struct {
	Name        string         `yaml:"name"`
	API         session.API    `yaml:"api"`
	URL         string         `yaml:"url"`
	Timeout     model.Duration `yaml:"timeout"`
	MinInterval model.Duration `yaml:"min_interval"`
	ProbeOnly   bool           `yaml:"probe_only"`
	APIKey      *APIKey        `yaml:"api_key,omitempty"`

	HTTP promconfig.HTTPClientConfig `yaml:",inline"`
}

// MarshalYAML returns the effective configuration, fit to be shown: it holds
// the names of secret files, and hides values that a user might have put a
// secret into all the same (headers, parameters and claims).
func (c Config) MarshalYAML() (any, error) {
	v := configView{Labels: c.Labels, Alerting: c.Alerting, Sources: make([]yaml.Node, len(c.Sources))}
	for i, s := range c.Sources {
		if err := v.Sources[i].Encode(s); err != nil {
			return nil, err
		}
		if err := c.Alerting.appendTo(&v.Sources[i], s); err != nil {
			return nil, err
		}
	}
	if len(c.Networks) > 0 {
		v.Networks = networksNode(c.Networks)
	}
	return v, nil
}

// networksNode keeps the order, which a map would lose.
func networksNode(ns []grouping.Network) yaml.Node {
	m := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	lists := make(map[string]*yaml.Node)
	for _, n := range ns {
		l, ok := lists[n.Name]
		if !ok {
			l = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
			lists[n.Name] = l
			m.Content = append(m.Content, text(n.Name), l)
		}
		l.Content = append(l.Content, text(n.Prefix.String()))
	}
	return m
}

func text(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	return n
}

// MarshalYAML returns the source as Config's does.
func (s Source) MarshalYAML() (any, error) {
	v := sourceView{
		Name: s.Name, API: s.API, URL: s.URL,
		Timeout: model.Duration(s.Timeout), MinInterval: model.Duration(s.MinInterval),
		ProbeOnly: s.ProbeOnly, APIKey: s.APIKey, HTTP: withoutValues(s.HTTP),
	}
	n, err := withHTTP(v)
	if err != nil || s.Options == nil {
		return n, err
	}
	return n, appendTo(n, s.Options)
}

// withHTTP encodes what holds the keys of an HTTP client. Where its oauth2 has
// neither TLS settings nor a proxy, that is written, too: it would inherit them.
func withHTTP(v any) (*yaml.Node, error) {
	n := new(yaml.Node)
	if err := n.Encode(v); err != nil {
		return nil, err
	}
	o := under(n, "oauth2")
	if o == nil {
		return n, nil
	}
	if under(n, "tls_config") != nil && under(o, "tls_config") == nil {
		o.Content = append(o.Content, text("tls_config"), &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle})
	}
	proxied := func(n *yaml.Node) bool { // the other keys are used with one of these
		return under(n, "proxy_url") != nil || under(n, "proxy_from_environment") != nil
	}
	if proxied(n) && !proxied(o) {
		o.Content = append(o.Content, text("proxy_from_environment"), &yaml.Node{Kind: yaml.ScalarNode, Value: "false"})
	}
	return n, nil
}

// under returns the value of a key of a mapping; nil: it has none.
func under(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// withoutValues returns a copy with free-form values hidden. Prometheus's own
// marshalling hides those of proxy_connect_header.
func withoutValues(c promconfig.HTTPClientConfig) promconfig.HTTPClientConfig {
	if c.HTTPHeaders != nil {
		hs := &promconfig.Headers{Headers: make(map[string]promconfig.Header, len(c.HTTPHeaders.Headers))}
		for name, h := range c.HTTPHeaders.Headers {
			values := make([]string, len(h.Values))
			for i := range values {
				values[i] = hidden
			}
			hs.Headers[name] = promconfig.Header{Values: values, Secrets: h.Secrets, Files: h.Files}
		}
		c.HTTPHeaders = hs
	}
	if c.OAuth2 != nil {
		o := *c.OAuth2
		if o.EndpointParams != nil {
			o.EndpointParams = make(map[string]string)
			for name := range c.OAuth2.EndpointParams {
				o.EndpointParams[name] = hidden
			}
		}
		if o.Claims != nil {
			o.Claims = make(map[string]any)
			for name := range c.OAuth2.Claims {
				o.Claims[name] = hidden
			}
		}
		c.OAuth2 = &o
	}
	return c
}

// MarshalJSON returns what MarshalYAML does, as JSON.
func (c Config) MarshalJSON() ([]byte, error) { return yamlToJSON(c) }

// MarshalJSON returns what MarshalYAML does, as JSON.
func (s Source) MarshalJSON() ([]byte, error) { return yamlToJSON(s) }

func yamlToJSON(v any) ([]byte, error) {
	data, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// String returns the effective configuration as YAML; see MarshalYAML.
func (c Config) String() string { return yamlText(c) }

// String returns the source as YAML; see MarshalYAML.
func (s Source) String() string { return yamlText(s) }

// Format prints String's text for every verb, so that none shows more.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// Format prints String's text for every verb, so that none shows more.
func (s Source) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

func yamlText(v any) string {
	data, err := yaml.Marshal(v)
	if err != nil {
		return "configuration that can't be shown: " + err.Error()
	}
	return string(data)
}
