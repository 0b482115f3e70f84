package httpclient

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

func mustParse(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func serveTLS(t *testing.T, change func(*httptest.Server), h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	if change != nil {
		change(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func caFile(t *testing.T, s *httptest.Server) string {
	return file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

// selfSigned makes a certificate for a name; the key is in PEM, too.
func selfSigned(t *testing.T, name string, from, to time.Time) (cert tls.Certificate, certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	cert, err = tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		t.Fatal(err)
	}
	return cert, certPEM, keyPEM
}

func TestTLS(t *testing.T) {
	var version atomic.Int32
	s := serveTLS(t, nil, func(w http.ResponseWriter, r *http.Request) { version.Store(int32(r.ProtoMajor)) })
	c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile = caFile(t, s) })
	for range 3 {
		if _, err := c.Endpoint().Do(soon(t), get); err != nil || version.Load() != 2 {
			t.Fatalf("%v, %v; want 2", err, version.Load())
		}
	}
}

func TestTLSFailures(t *testing.T) {
	now := time.Now()
	old, oldPEM, _ := selfSigned(t, "127.0.0.1", now.Add(-2*time.Hour), now.Add(-time.Hour))
	other, otherPEM, otherKey := selfSigned(t, "x\x1b[31m-"+strings.Repeat("long-", 200), now.Add(-time.Hour), now.Add(time.Hour))
	with := func(cert tls.Certificate) func(*httptest.Server) {
		return func(s *httptest.Server) { s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} }
	}
	clientCert := func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} }
	for _, c := range []struct {
		name   string
		server func(*httptest.Server)
		client func(*httptest.Server, *promconfig.TLSConfig)
		text   string
	}{
		{"unknown authority", nil, nil, "unknown authority"},
		{"expired", with(old), func(_ *httptest.Server, c *promconfig.TLSConfig) { c.CAFile = file(t, oldPEM) }, "expired"},
		{"another host, with a hostile name", with(other), func(_ *httptest.Server, c *promconfig.TLSConfig) { c.CAFile = file(t, otherPEM) }, "tls: "},
		{"too old", func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} },
			func(s *httptest.Server, c *promconfig.TLSConfig) {
				c.CAFile, c.MinVersion = caFile(t, s), promconfig.TLSVersion(tls.VersionTLS13)
			}, "tls: "},
		{"no client certificate", clientCert, func(s *httptest.Server, c *promconfig.TLSConfig) { c.CAFile = caFile(t, s) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveTLS(t, c.server, func(http.ResponseWriter, *http.Request) { t.Error("let in") })
			client := newClient(t, s.URL, func(cfg *Config) {
				if c.client != nil {
					c.client(s, &cfg.HTTP.TLSConfig)
				}
			})
			var seen traceLog
			_, err := client.Endpoint().Do(seen.in(soon(t)), get)
			check(t, err, session.ReasonTLS, c.text)
			// A server that refuses a client's certificate may be gone before its
			// alert is read: that looks like a broken connection, and is tried again.
			if len(seen.sent) != 1 && c.name != "no client certificate" {
				t.Errorf("%d attempts, want 1", len(seen.sent))
			}
		})
	}
	t.Run("plain server", func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		_, err := newClient(t, strings.Replace(s.URL, "http:", "https:", 1), nil).Endpoint().Do(soon(t), get)
		check(t, err, session.ReasonTLS, "HTTP response to HTTPS client")
	})
	t.Run("no TLS at all", func(t *testing.T) {
		url := rawTCP(t, func(c net.Conn) {
			io.WriteString(c, canary+canary+"\x1b[31m")
			io.Copy(io.Discard, c)
		})
		_, err := newClient(t, strings.Replace(url, "http:", "https:", 1), nil).Endpoint().Do(soon(t), get)
		check(t, err, session.ReasonTLS, "tls: ")
	})
	t.Run("files that vanish", func(t *testing.T) {
		s := serveTLS(t, clientCert, func(http.ResponseWriter, *http.Request) {})
		for vanishing, want := range map[string]session.Reason{"ca": session.ReasonTLS, "cert": session.ReasonTLS, "key": session.ReasonAuth} {
			files := map[string]string{"ca": caFile(t, s), "cert": file(t, otherPEM), "key": file(t, otherKey)}
			client := newClient(t, s.URL, func(cfg *Config) {
				cfg.HTTP.TLSConfig = promconfig.TLSConfig{CAFile: files["ca"], CertFile: files["cert"], KeyFile: files["key"]}
			})
			endpoint := client.Endpoint()
			if _, err := endpoint.Do(soon(t), get); err != nil {
				t.Fatal(err)
			}
			remove(t, files[vanishing])
			_, err := endpoint.Do(soon(t), get)
			check(t, err, want, "no such file")
			write(t, files[vanishing], canary)
			client.Close() // so that it shakes hands again
			_, err = endpoint.Do(soon(t), get)
			check(t, err, session.ReasonTLS, "unable to use")
		}
	})
}

func TestAHandshakeThatHangs(t *testing.T) {
	begun, closed := make(chan struct{}), make(chan struct{}, 3)
	url := rawTCP(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		begun <- struct{}{}
		io.Copy(io.Discard, c)
		closed <- struct{}{}
	})
	c := newClient(t, strings.Replace(url, "http:", "https:", 1), nil)
	for range 3 {
		ctx, end := context.WithCancelCause(soon(t))
		go func() {
			<-begun
			end(context.DeadlineExceeded)
		}()
		_, err := c.Endpoint().Do(ctx, get)
		check(t, err, session.ReasonTimeout, "no answer within the time allowed")
	}
	for n := range 3 {
		select {
		case <-closed:
		case <-soon(t).Done():
			t.Fatalf("of 3 connections, %d were closed with their request", n)
		}
	}
}

func TestAConnectionOutlivesItsRequest(t *testing.T) {
	for _, enable := range []bool{false, true} {
		var conns atomic.Int32
		s := serveTLS(t, func(s *httptest.Server) {
			s.EnableHTTP2 = enable
			s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
				if st == http.StateNew {
					conns.Add(1)
				}
			}
		}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
		c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile = caFile(t, s); cfg.HTTP.EnableHTTP2 = enable })
		for range 4 {
			idle := make(chan error, 1)
			ctx, cancel := context.WithCancel(httptrace.WithClientTrace(soon(t), &httptrace.ClientTrace{PutIdleConn: func(err error) { idle <- err }}))
			if _, err := c.Endpoint().Do(ctx, get); err != nil {
				t.Fatal(err)
			}
			if !enable { // of HTTP/2 this is not reported, nor needed
				if err := <-idle; err != nil {
					t.Error(err)
				}
			}
			cancel()
			time.Sleep(10 * time.Millisecond) // what the end of the context may do
		}
		if n := conns.Load(); n != 1 {
			t.Errorf("HTTP/2 %v: %d connections for 4 requests; want 1", enable, n)
		}
	}
}

func TestErrorsOfNew(t *testing.T) {
	for name, c := range map[string]promconfig.TLSConfig{
		"missing":  {CAFile: t.TempDir() + "/missing"},
		"no PEM":   {CAFile: file(t, canary)},
		"no key":   {CertFile: file(t, canary), KeyFile: file(t, canary)},
		"half set": {CertFile: file(t, canary)},
	} {
		client, err := New(Config{BaseURL: "https://h", HTTP: promconfig.HTTPClientConfig{TLSConfig: c}})
		if err == nil {
			client.Close()
			t.Errorf("%s: no error", name)
		} else if bytes.Contains([]byte(err.Error()), []byte(canary)) {
			t.Error(err)
		}
	}
}
