package config

import (
	"strings"

	promconfig "github.com/prometheus/common/config"
)

func proxyKeys() []string {
	return []string{"proxy_url", "no_proxy", "proxy_from_environment", "proxy_connect_header"}
}

// proxy reads the four proxy keys that stand among an object's own.
func (o *object) proxy() promconfig.ProxyConfig {
	c := promconfig.ProxyConfig{
		ProxyFromEnvironment: o.boolean("proxy_from_environment", false),
		ProxyConnectHeader:   o.connectHeader(),
	}
	c.NoProxy, _ = o.text("no_proxy", "a text of hosts with commas between them")
	hasURL := o.has("proxy_url")
	if s, ok := o.text("proxy_url", "a URL such as http://proxy.example.com:3128"); ok {
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
			c.ProxyURL.URL = u
		}
	}
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
	return c
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
