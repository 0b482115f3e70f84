package httpclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// net/http quotes what it does not understand. None of it may be shown, however
// much it looks like an error that may.
func TestNoTextOfAServerIsShown(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	for _, lure := range []string{"", ": tls: ", "tls: ", "remote error: tls: ", "TLS handshake ", "unable to use specified CA cert ", "connection error: "} {
		words := lure + canary
		for name, text := range map[string]string{
			"no HTTP":           words + "\r\n\r\n",
			"version":           "HTTP/" + words + " 200 OK\r\n\r\n",
			"status code":       "HTTP/1.1 " + words + "\r\n\r\n",
			"status text":       "HTTP/1.1 500 " + words + "\r\n\r\n",
			"header":            head + words + "\r\n\r\n",
			"header name":       head + words + " : x\r\n\r\n",
			"length":            head + "Content-Length: " + words + "\r\n\r\n",
			"transfer encoding": head + "Transfer-Encoding: " + words + "\r\n\r\n",
			"content encoding":  head + "Content-Encoding: " + words + "\r\n\r\n",
			"chunk":             head + "Transfer-Encoding: chunked\r\n\r\n" + words + "\r\n",
			"trailer":           head + "Transfer-Encoding: chunked\r\nTrailer: " + words + "\r\n\r\n0\r\n" + words + "\r\n\r\n",
			"redirect":          "HTTP/1.1 302 Found\r\nLocation: http://[" + words + "\r\nContent-Length: 0\r\n\r\n",
			"challenge":         "HTTP/1.1 401 No\r\nWWW-Authenticate: " + words + "\r\nContent-Length: 0\r\n\r\n",
			"retry":             "HTTP/1.1 429 No\r\nRetry-After: " + words + "\r\nContent-Length: 0\r\n\r\n",
			"upgrade":           "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: " + words + "\r\n\r\n" + words,
		} {
			server := raw(t, func(c net.Conn) { io.WriteString(c, text) })
			for kind, c := range map[string]*Client{
				"api":   newClient(t, server, nil),
				"token": newClient(t, server, oauth(server+"/token", file(t, "x"))),
				"proxy": newClient(t, "https://api.example.com", func(cfg *Config) { cfg.HTTP.ProxyURL.URL = mustParse(server) }),
			} {
				var seen traceLog
				r := get
				r.Attempts = 1
				_, err := c.Endpoint().Do(seen.in(soon(t)), r)
				if err == nil {
					continue // HTTP after all
				}
				for _, e := range append(seen.sent, session.Request{Err: err}) {
					if e.Err != nil && strings.Contains(fmt.Sprint(e.Err, e), canary) {
						t.Errorf("%s, %s: %q shows %v", kind, name, text, e.Err)
					}
				}
				if r := reasonOf(err); r == session.ReasonTLS && kind != "proxy" {
					t.Errorf("%s, %s: %s for %q", kind, name, r, text)
				}
			}
		}
	}
}

// certificate makes a server of a certificate, and the PEM of it.
func certificate(t *testing.T, change func(*x509.Certificate)) (url string, pemText string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost", Organization: []string{canary}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := serveTLS(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	}, func(http.ResponseWriter, *http.Request) {})
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// What is said helps, and names nothing that is in the certificate.
func TestWhatHelpsWithACertificate(t *testing.T) {
	names := func(c *x509.Certificate) { c.DNSNames = []string{canary + ".example.com"} }
	for _, c := range []struct {
		name    string
		change  func(*x509.Certificate)
		trusted bool
		want    []string
		not     []string
	}{
		{"Common Name only", func(*x509.Certificate) {}, true, []string{"a certificate with a subjectAltName for localhost"}, []string{"server_name", "ca_file"}},
		{"other names", names, true, []string{"not for localhost", "tls_config.server_name"}, []string{"ca_file"}},
		{"another address", func(c *x509.Certificate) { c.IPAddresses = []net.IP{{10, 0, 0, 1}} }, true, []string{"not for localhost"}, []string{"10.0.0.1"}},
		{"a URI only", func(c *x509.Certificate) { c.URIs = []*url.URL{mustParse("https://" + canary)} }, true, []string{"not for localhost"}, nil},
		{"self-signed", func(c *x509.Certificate) { c.DNSNames = []string{"localhost"} }, false, []string{"self-signed", "unknown authority", "tls_config.ca_file"}, []string{"server_name"}},
		{"ended", func(c *x509.Certificate) { names(c); c.NotAfter = time.Now().Add(-time.Minute) }, true, []string{"expired", "clock"}, []string{"server_name", "ca_file"}},
		{"not yet", func(c *x509.Certificate) { names(c); c.NotBefore = time.Now().Add(time.Minute) }, true, []string{"not yet valid", "clock"}, nil},
		{"for clients", func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage = []string{"localhost"}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}, true, []string{"not for servers"}, []string{"server_name"}},
	} {
		url, pemText := certificate(t, c.change)
		_, err := newClient(t, url, func(cfg *Config) {
			if c.trusted {
				cfg.HTTP.TLSConfig.CAFile = file(t, pemText)
			}
		}).Endpoint().Do(soon(t), get)
		for _, want := range c.want {
			check(t, err, session.ReasonTLS, want)
		}
		for _, not := range append(c.not, canary) {
			if err != nil && strings.Contains(err.Error(), not) {
				t.Errorf("%s: %v: of no help: %s", c.name, err, not)
			}
		}
	}
}

// A certificate that can't be parsed is quoted by the parser.
func TestACertificateThatCantBeParsed(t *testing.T) {
	const uri = "https://" + canary + ".example.com"
	_, pemText := certificate(t, func(c *x509.Certificate) { c.URIs = []*url.URL{mustParse(uri)} })
	block, _ := pem.Decode([]byte(pemText))
	der := []byte(strings.Replace(string(block.Bytes), uri, "https://%zz"+uri[len("https://%zz"):], 1))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server := rawTCP(t, func(c net.Conn) {
		tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}).Handshake()
		io.Copy(io.Discard, c)
	})
	_, err = newClient(t, strings.Replace(server, "http:", "https:", 1), nil).Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonTLS, "tls: the server's certificate can't be parsed")
	if strings.Contains(err.Error(), "example.com") {
		t.Error(err)
	}
}
