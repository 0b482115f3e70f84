package config

import (
	"errors"

	promconfig "github.com/prometheus/common/config"
)

// httpClient reads the keys of Prometheus's HTTP client config that stand among
// a source's own keys. base is the source's URL, or "" if that is wrong.
func (o *object) httpClient(api *API, base string) promconfig.HTTPClientConfig {
	before := len(o.d.errs)
	c := promconfig.HTTPClientConfig{
		BasicAuth:       o.basicAuth(),
		Authorization:   o.authorization(),
		BearerTokenFile: o.secretFile("bearer_token_file"),
		TLSConfig:       o.tls("tls_config"),
		EnableHTTP2:     o.boolean("enable_http2", true),
		ProxyConfig:     o.proxy(),
		HTTPHeaders:     o.headers(),
	}
	o.inline("bearer_token", "bearer_token_file")
	if o.boolean("follow_redirects", false) {
		o.fail("follow_redirects", "redirects are never followed: a signature covers the host, and credentials must not travel to another one; remove it")
	}
	c.OAuth2 = o.oauth2(api, base, c.TLSConfig, c.ProxyConfig)

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
	for _, key := range []string{"basic_auth", "authorization", "oauth2", "bearer_token_file"} {
		if o.has(key) {
			n++
		}
	}
	return n
}
