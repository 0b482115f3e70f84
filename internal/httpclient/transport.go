package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// maxHeaders is the most that is read of one answer's headers, in bytes. It
// includes what 1xx answers before it hold.
const maxHeaders = 256 << 10

// roundTripper makes what sends requests of prometheus/common's parts, from the
// connection up: pool, TLS, credentials, headers. Its own constructor would
// read files without a limit, and hides the http.Transport whose limits matter
// here.
func roundTripper(cfg Config, h promconfig.HTTPClientConfig) (http.RoundTripper, error) {
	ctx := context.Background()
	newRT := func(c *tls.Config) (http.RoundTripper, error) {
		var rt http.RoundTripper = newPool(func() *http.Transport { return newTransport(c, h) })
		if a := h.Authorization; a != nil {
			rt = promconfig.NewAuthorizationCredentialsRoundTripper(a.Type, secret(string(a.Credentials), a.CredentialsFile), rt)
		}
		if h.BearerToken != "" || h.BearerTokenFile != "" {
			rt = promconfig.NewAuthorizationCredentialsRoundTripper("Bearer", secret(string(h.BearerToken), h.BearerTokenFile), rt)
		}
		if b := h.BasicAuth; b != nil {
			rt = promconfig.NewBasicAuthRoundTripper(secret(b.Username, b.UsernameFile), secret(string(b.Password), b.PasswordFile), rt)
		}
		if h.HTTPHeaders != nil {
			rt = newHeaders(h.HTTPHeaders, rt)
		}
		if cfg.UserAgent != "" {
			rt = promconfig.NewUserAgentRoundTripper(cfg.UserAgent, rt)
		}
		return rt, nil
	}
	files, settings := tlsFiles(h.TLSConfig)
	c, err := promconfig.NewTLSConfigWithContext(ctx, &files, promconfig.WithSecretManager(pemFiles{}))
	if err != nil {
		return nil, err
	}
	if c.RootCAs == nil {
		// They are read once for the life of the process: now, while there are
		// descriptors, and not for the first handshake, which may come without.
		x509.SystemCertPool()
	}
	if settings == (promconfig.TLSRoundTripperSettings{}) {
		return newRT(c)
	}
	return promconfig.NewTLSRoundTripperWithContext(ctx, c, settings, newRT)
}

// newTransport differs from prometheus/common's in its limits.
func newTransport(c *tls.Config, h promconfig.HTTPClientConfig) *http.Transport {
	t := &http.Transport{
		Proxy:                  h.Proxy(),
		ProxyConnectHeader:     h.GetProxyConnectHeader(),
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            dial,
		TLSClientConfig:        c,
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    16, // as many as a source may ask at a time
		IdleConnTimeout:        5 * time.Minute,
		MaxResponseHeaderBytes: maxHeaders,
	}
	if h.EnableHTTP2 {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
		// A connection that died is found out between two refreshes, and one whose
		// peer stops reading does not hold a writer for ever.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second, WriteByteTimeout: 10 * time.Second}
	}
	return t
}

// proxyError is the answer of a proxy that does not connect us, by its status.
type proxyError int

func (e proxyError) Error() string {
	return fmt.Sprintf("the proxy answers HTTP %d %s", int(e), http.StatusText(int(e)))
}

// proxyAnswer takes the place of net/http's error, which is the proxy's text.
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return proxyError(res.StatusCode)
	}
	return nil
}
