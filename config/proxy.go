package config

import (
	"net/url"
	"strings"

	promconfig "github.com/prometheus/common/config"
)

// proxyKeys are four that stand among an object's own.
func proxyKeys(c *promconfig.ProxyConfig) []Option {
	return []Option{
		Boolean(&c.ProxyFromEnvironment, "proxy_from_environment", false, "use HTTPS_PROXY and NO_PROXY. Default false"),
		custom("proxy_connect_header", "{X-Site: [emea]}", "headers for the proxy; no secrets",
			func() schema { return anyMapping(tokenPattern, listOf(notEmpty())) },
			func(o *object) { c.ProxyConnectHeader = o.connectHeader() }),
		Text(&c.NoProxy, "no_proxy", "a text of hosts with commas between them", "localhost,10.0.0.0/8", "hosts and CIDRs that are reached without it"),
		custom("proxy_url", "http://proxy.example.com:3128", "http, https, socks5 or socks5h. Default: no proxy",
			func() schema { return urlOf(false, "http", "https", "socks5", "socks5h") },
			func(o *object) { c.ProxyURL.URL = o.proxyURL() }),
	}
}

// proxyRules: one proxy, and what is used with one needs it.
func proxyRules() []schema {
	fromEnvironment := has("proxy_from_environment", schema{"const": true})
	return []schema{
		when(need("proxy_url"), schema{"properties": schema{"proxy_from_environment": schema{"const": false}}}),
		when(has("no_proxy", schema{"minLength": 1}), need("proxy_url")),
		when(has("proxy_connect_header", schema{"minProperties": 1, "type": "object"}), schema{"anyOf": []schema{need("proxy_url"), fromEnvironment}}),
	}
}

func (o *object) proxyURL() *url.URL {
	s, ok := o.text("proxy_url", "a URL such as http://proxy.example.com:3128")
	if !ok {
		return nil
	}
	u, problem := endpointURL(strings.TrimSpace(s), "http", "https", "socks5", "socks5h")
	switch {
	case strings.Contains(s, "@"):
		o.fail("proxy_url", "inline secrets are refused, also a user and password of a proxy; "+
			"use proxy_from_environment: true and set HTTPS_PROXY, or a proxy that asks for none")
	case problem != "":
		o.fail("proxy_url", "%s", problem)
	case strings.Trim(u.Path, "/") != "":
		o.fail("proxy_url", "must have no path; write %s://HOST:PORT", u.Scheme)
	default:
		return u
	}
	return nil
}

// checkProxy makes sure that there is one proxy, and that what is given is used.
func (o *object) checkProxy(c *promconfig.ProxyConfig) {
	hasURL := o.has("proxy_url")
	if c.ProxyFromEnvironment && hasURL {
		o.fail("proxy_from_environment", "proxy_url is also set (line %d); remove one", o.fields["proxy_url"].line)
	}
	if c.NoProxy != "" && !hasURL {
		hint := "is used only with proxy_url; set that, or remove this"
		if c.ProxyFromEnvironment {
			hint = "is not used with proxy_from_environment; set the environment variable NO_PROXY instead"
		}
		o.fail("no_proxy", "%s", hint)
	}
	if len(c.ProxyConnectHeader) > 0 && !hasURL && !c.ProxyFromEnvironment {
		o.fail("proxy_connect_header", "is used only with proxy_url or proxy_from_environment; set one, or remove this")
	}
}

func (o *object) connectHeader() promconfig.ProxyHeader {
	h := o.object("proxy_connect_header")
	var header promconfig.ProxyHeader
	for _, name := range h.keys() {
		switch {
		case !isToken(name):
			h.fail(name, "is not the name of an HTTP header")
		case secretName(name):
			h.fail(name, "inline secrets are refused, and this header can't come from a file; "+
				"use proxy_from_environment: true and set HTTPS_PROXY, or a proxy that asks for none")
		}
		var values []promconfig.Secret
		for _, s := range h.texts(name, "[value]") {
			values = append(values, promconfig.Secret(s))
		}
		if header == nil {
			header = make(promconfig.ProxyHeader)
		}
		header[name] = values
	}
	return header
}
