package config

import (
	"errors"

	promconfig "github.com/prometheus/common/config"
)

// waysOfHTTP are the keys of the HTTP client that authenticate.
func waysOfHTTP() []string {
	return []string{"basic_auth", "authorization", "oauth2", "bearer_token_file"}
}

// httpKeys are the keys of Prometheus's HTTP client config that stand among the
// own ones of a source or Alertmanager. base is its URL, or "" if that is wrong.
func httpKeys(c *promconfig.HTTPClientConfig, api *API, base string) []Option {
	keys := []Option{
		custom("basic_auth", "{username: monitor, password_file: oam-password}", "a user and a password",
			basicAuthSchema, func(o *object) { c.BasicAuth = o.basicAuth() }),
		custom("authorization", "{type: Bearer, credentials_file: gateway-token}", "the Authorization header",
			func() schema { return mapping(authorizationKeys(new(promconfig.Authorization))) }, func(o *object) { c.Authorization = o.authorization() }),
		secretFile(&c.BearerTokenFile, "bearer_token_file", "gateway-token", "the same as authorization with the type Bearer and this credentials_file"),
		custom("tls_config", "{ca_file: appliance-ca.pem}", "TLS, and a client's certificate",
			tlsSchema, func(o *object) { c.TLSConfig = o.tls("tls_config") }),
		Boolean(&c.EnableHTTP2, "enable_http2", true, "default true"),
	}
	keys = append(keys, proxyKeys(&c.ProxyConfig)...)
	return append(keys,
		custom("http_headers", "{X-Site: {values: [emea]}}", "additional headers. Headers that usually carry secrets are not allowed under values",
			headersSchema, func(o *object) { c.HTTPHeaders = o.headers() }),
		inline("bearer_token", "bearer_token_file"),
		custom("follow_redirects", "false", "never true: a signature covers the host",
			func() schema { return schema{"type": "boolean", "const": false} }, (*object).followRedirects),
		custom("oauth2", "{client_id: monitor, client_secret_file: secret, token_url: https://idp.example.com/token}", "OAuth2, with the client's secret or a signed grant",
			oauth2Schema, func(o *object) { c.OAuth2 = o.oauth2(api, base, c.TLSConfig, c.ProxyConfig) }),
	)
}

func (o *object) followRedirects() {
	if o.boolean("follow_redirects", false) {
		o.fail("follow_redirects", "redirects are never followed: a signature covers the host, and credentials must not travel to another one; remove it")
	}
}

// httpClient reads them.
func (o *object) httpClient(api *API, base string) promconfig.HTTPClientConfig {
	before := len(o.d.errs)
	var c promconfig.HTTPClientConfig
	o.read(httpKeys(&c, api, base))
	o.checkProxy(&c.ProxyConfig)

	// Whatever the rules here forget, Prometheus's own still find. Their texts
	// show no values. Two ways to authenticate are told about elsewhere.
	if len(o.d.errs) == before && base != "" && o.waysToAuthenticate() < 2 {
		if err := validate(&c); err != nil {
			o.d.fail(o.line, o.path, "%s", err)
		}
	}
	return c
}

func validate(c *promconfig.HTTPClientConfig) error {
	err := errors.Join(c.Validate(), c.TLSConfig.Validate())
	if c.OAuth2 != nil {
		err = errors.Join(err, c.OAuth2.Validate(), c.OAuth2.TLSConfig.Validate())
	}
	return err
}

func (o *object) waysToAuthenticate() (n int) {
	for _, key := range waysOfHTTP() {
		if o.has(key) {
			n++
		}
	}
	return n
}
