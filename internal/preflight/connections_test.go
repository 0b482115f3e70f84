package preflight

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/world"
)

// certificate makes a self-signed one for 127.0.0.1, and the same in PEM.
func certificate(t *testing.T, until time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// polite is a listener whose connections read to the end before they close: a
// reset would overtake the alert that says why.
type polite struct{ net.Listener }

func (p polite) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return politeConn{c.(*net.TCPConn)}, nil
}

type politeConn struct{ *net.TCPConn }

func (c politeConn) Close() error {
	_ = c.CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, c.TCPConn)
	return c.TCPConn.Close()
}

// What may be wrong between this program and any API.
func TestConnections(t *testing.T) {
	expired, expiredPEM := certificate(t, time.Now().Add(-time.Hour))
	ending, endingPEM := certificate(t, time.Now().Add(5*24*time.Hour))
	with := func(change func(*tls.Config)) func(*http.Server, net.Listener) error {
		return func(s *http.Server, l net.Listener) error {
			change(s.TLSConfig)
			return s.ServeTLS(polite{l}, "", "")
		}
	}
	of := func(c tls.Certificate) func(*http.Server, net.Listener) error {
		return with(func(config *tls.Config) { config.Certificates = []tls.Certificate{c} })
	}
	proxy := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(s.Close)
		return `proxy_url: "` + s.URL + `"`
	}
	const trusting = "tls_config: {ca_file: ca.pem}"
	var tr transcript
	for _, c := range []struct {
		name  string
		serve func(*http.Server, net.Listener) error
		ca    string // instead of the authority's certificate
		plain bool
		settings
	}{
		{name: "all is well", settings: settings{more: trusting}},
		{name: "unknown authority"},
		{name: "self-signed", serve: of(ending)},
		{name: "another name", settings: settings{more: "tls_config: {ca_file: ca.pem, server_name: sso.example.com}"}},
		{name: "expired", serve: of(expired), ca: expiredPEM, settings: settings{more: trusting}},
		{name: "expires soon", serve: of(ending), ca: endingPEM, settings: settings{more: trusting}},
		{name: "not verified", settings: settings{more: "tls_config: {insecure_skip_verify: true}"}},
		{name: "client certificate wanted", serve: with(func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), settings: settings{more: trusting + ", enable_http2: false"}},
		{name: "no version of TLS in common", serve: with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), settings: settings{more: "tls_config: {ca_file: ca.pem, min_version: TLS13}"}},
		{name: "https, but the port has no TLS", plain: true, settings: settings{url: "https:"}},
		{name: "http, but the port has TLS", settings: settings{url: "http:"}},
		{name: "proxy is not there", settings: settings{more: `proxy_url: "http://127.0.0.1:1"`}},
		{name: "proxy wants credentials", settings: settings{more: proxy(http.StatusProxyAuthRequired)}},
		{name: "proxy forbids the host", settings: settings{more: proxy(http.StatusForbidden)}},
	} {
		r := newRig(t, world.Static{API: session.OAM, Sessions: 3, Now: time.Now()}, simulator.ServeOptions{TLS: !c.plain, ServeTLS: c.serve})
		if c.ca != "" {
			r.write("ca.pem", c.ca)
		}
		if scheme := c.url; scheme != "" {
			_, rest, _ := strings.Cut(r.url, ":")
			c.url = scheme + rest
		}
		text, ok := r.run(r.source(c.settings))
		tr.add(c.name, r.faults.Requests(), text, ok)
	}
	tr.compare(t, "connections.txt")
}
