package healthcheck

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	secure := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(secure, []byte("tls_server_config: {cert_file: a, key_file: b}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	strict := filepath.Join(t.TempDir(), "strict.yml")
	if err := os.WriteFile(strict, []byte("tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.yml")
	if err := os.WriteFile(broken, []byte("a: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain.yml")
	if err := os.WriteFile(plain, []byte("tls_server_config: {min_version: TLS12}\nbasic_auth_users: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(code int, config *tls.Config) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/-/healthy" {
				t.Errorf(`asked for %s; want "/-/healthy"`, r.URL.Path)
			}
			w.WriteHeader(code)
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		if config == nil {
			s.Start()
		} else {
			s.TLS = config
			s.StartTLS()
		}
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	mutual := func(version uint16) *tls.Config {
		return &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(), MaxVersion: version}
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	anywhere := func(addr string) string { return addr[strings.LastIndex(addr, ":"):] }
	for _, c := range []struct {
		name, address, config string
		alive                 bool
	}{
		{"well", start(200, nil), "", true},
		{"every address", anywhere(start(200, nil)), "", true},
		{"unspecified", "0.0.0.0" + anywhere(start(200, nil)), "", true},
		{"credentials wanted", start(401, nil), "", true},
		{"forbidden", start(403, nil), "", false},
		{"rate limited", start(429, nil), "", false},
		{"stumbling", start(500, nil), "", false},
		{"elsewhere", start(302, nil), "", false},
		{"TLS", start(200, &tls.Config{}), secure, true},
		{"TLS settings, but no certificate", start(200, nil), plain, true},
		{"client certificate wanted, TLS 1.3", start(200, mutual(tls.VersionTLS13)), strict, true},
		{"client certificate wanted, TLS 1.2", start(200, mutual(tls.VersionTLS12)), strict, true},
		{"no handshake in common", start(200, mutual(tls.VersionTLS12)), secure, false},
		{"TLS expected, none there", start(200, nil), secure, false},
		{"dead", dead.Addr().String(), "", false},
		{"not an address", "10987", "", false},
		{"vsock", "vsock://:10987", "", false},
		{"no web configuration", start(200, nil), "missing.yml", false},
		{"broken web configuration", start(200, nil), broken, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := Check(t.Context(), c.address, c.config); (err == nil) != c.alive {
				t.Errorf("Check: %v, want alive: %v", err, c.alive)
			}
		})
	}
}
