package httpclient

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// replace puts something else in the place of a file.
func replace(t *testing.T, name string, make func(string) error) {
	t.Helper()
	remove(t, name)
	if err := make(name); err != nil {
		t.Fatal(err)
	}
}

func pipe(name string) error { return syscall.Mkfifo(name, 0o600) }

func sparse(name string) error {
	if err := os.WriteFile(name, []byte("-----BEGIN"), 0o600); err != nil {
		return err
	}
	return os.Truncate(name, 1<<30)
}

// users of secret files, each with the file of its secret in one line.
func lineUsers(secret string) map[string]func(*Config) {
	return map[string]func(*Config){
		"password": basicAuth(secret),
		"username": func(c *Config) { c.HTTP.BasicAuth = &promconfig.BasicAuth{UsernameFile: secret} },
		"credentials": func(c *Config) {
			c.HTTP.Authorization = &promconfig.Authorization{Type: "Bearer", CredentialsFile: secret}
		},
		"bearer token": func(c *Config) { c.HTTP.BearerTokenFile = secret },
		"header": func(c *Config) {
			c.HTTP.HTTPHeaders = &promconfig.Headers{Headers: map[string]promconfig.Header{"X-Secret": {Values: []string{"v"}, Files: []string{secret}}}}
		},
	}
}

func TestSecretsAreSentWithoutAByteOrderMark(t *testing.T) {
	p := newIDP(t)
	p.secret = canary
	for name, want := range map[string]string{
		"password": "Basic bW9uaXRvcjpzM2NyM3QtY2FuYXJ5", "username": "Basic czNjcjN0LWNhbmFyeTo=",
		"credentials": "Bearer " + canary, "bearer token": "Bearer " + canary, "header": "v " + canary,
	} {
		var got string
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization") + strings.Join(r.Header.Values("X-Secret"), " ")
		})
		if _, err := newClient(t, s.URL, lineUsers(file(t, "\ufeff"+canary+"\r\n"))[name]).Endpoint().Do(soon(t), get); err != nil || got != want {
			t.Errorf("%s: %v: sent %q; want %q", name, err, got, want)
		}
	}
	if _, err := newClient(t, p.URL, oauth(p.URL+"/token", file(t, "\ufeff"+canary+"\n"))).Endpoint().Do(soon(t), get); err != nil {
		t.Errorf("client secret: %v", err)
	}
	data, err := os.ReadFile(rsaKeyFile(t))
	if err != nil {
		t.Fatal(err)
	}
	p.token = func(w http.ResponseWriter, r *http.Request) bool {
		p.valid["t"] = true
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"t"}`)
		return true
	}
	if _, err := newClient(t, p.URL, jwtGrantConfig(p.URL+"/token", file(t, "\ufeff"+string(data)))).Endpoint().Do(soon(t), get); err != nil {
		t.Errorf("JWT key: %v", err)
	}
}

// A secret that has become unusable is not sent, and is not waited for.
func TestSecretsThatBecomeUnusable(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	write := func(content string) func(string) error {
		return func(name string) error { return os.WriteFile(name, []byte(content), 0o600) }
	}
	for what, c := range map[string]struct {
		make func(string) error
		text string
	}{
		"pipe":      {pipe, "is not a regular file"},
		"1 GiB":     {sparse, "is larger than 1 MiB"},
		"two lines": {write(canary + "\n" + canary), "holds more than one line"},
		"NUL":       {write(canary + "\x00"), "holds a control character"},
		"UTF-16":    {write("\xff\xfeh\x00"), "is UTF-16"},
		"Latin-1":   {write("p\xe4ss"), "not UTF-8"},
	} {
		secret := file(t, canary)
		for name, change := range lineUsers(secret) {
			write(canary)(secret)
			endpoint := newClient(t, s.URL, change).Endpoint()
			if _, err := endpoint.Do(soon(t), get); err != nil {
				t.Fatal(name, err)
			}
			replace(t, secret, c.make)
			within(t, 10*time.Second, func() {
				var seen traceLog
				_, err := endpoint.Do(seen.in(soon(t)), get)
				check(t, err, session.ReasonAuth, c.text)
				if len(seen.sent) > 0 {
					t.Errorf("%s, %s: sent; len(seen.sent) = %v, want 0", name, what, len(seen.sent))
				}
			})
			remove(t, secret)
		}
	}
}

func TestCertificateFilesAreNotWaitedFor(t *testing.T) {
	_, certPEM, keyPEM := selfSigned(t, "client", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	s := serveTLS(t, func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} }, func(http.ResponseWriter, *http.Request) {})
	for text, make := range map[string]func(string) error{"is not a regular file": pipe, "is larger than 1 MiB": sparse} {
		for i, want := range []session.Reason{session.ReasonTLS, session.ReasonTLS, session.ReasonAuth} {
			// Each begins with a byte order mark, which must hide nothing.
			files := []string{file(t, "\ufeff"+mustRead(t, caFile(t, s))), file(t, "\ufeff"+certPEM), file(t, "\ufeff"+keyPEM)}
			change := func(cfg *Config) {
				cfg.HTTP.TLSConfig = promconfig.TLSConfig{CAFile: files[0], CertFile: files[1], KeyFile: files[2]}
			}
			client := newClient(t, s.URL, change)
			if _, err := client.Endpoint().Do(soon(t), get); err != nil {
				t.Fatal(err)
			}
			replace(t, files[i], make)
			within(t, 10*time.Second, func() {
				_, err := client.Endpoint().Do(soon(t), get)
				check(t, err, want, text)
				client.Close() // so that it shakes hands again
				_, err = client.Endpoint().Do(soon(t), get)
				check(t, err, want, text)
				cfg := Config{BaseURL: s.URL}
				change(&cfg)
				if c, err := New(cfg); err == nil {
					c.Close()
					t.Error("taken by New")
				} else if !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), files[i]) {
					t.Error(err)
				}
			})
		}
	}
}

func mustRead(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A machine without descriptors says nothing about credentials or certificates:
// their owners need not be called, nor a back-off be ended.
func TestFaultsOfTheMachine(t *testing.T) {
	cfg := Config{HTTP: promconfig.HTTPClientConfig{TLSConfig: promconfig.TLSConfig{CAFile: "/ca"}}}
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		for _, path := range []string{"/ca", "/password"} {
			err := fmt.Errorf("unable to read: %w", &fs.PathError{Op: "open", Path: path, Err: e})
			check(t, unreadable(cfg, "GET /api", err), session.ReasonConnect, "a fault of this machine: unable to read: open "+path)
			check(t, classify(t.Context(), cfg, "GET /api", err), session.ReasonConnect, "a fault of this machine: open "+path)
		}
	}
}

func TestDescriptorsRunOut(t *testing.T) {
	secret := file(t, canary)
	refuse := true
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if refuse {
			w.WriteHeader(401)
		}
	})
	endpoint := newClient(t, s.URL, basicAuth(secret)).Endpoint()
	refused := newClient(t, s.URL, basicAuth(secret)).Endpoint()
	if _, err := refused.Do(soon(t), get); err == nil {
		t.Fatal("not refused")
	}
	refuse = false

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := endpoint.Do(soon(t), get)
	backedOff := refused.BackedOff()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	check(t, err, session.ReasonConnect, "too many open files")
	check(t, backedOff, session.ReasonAuth, "not asked for another")
	if _, err := endpoint.Do(soon(t), get); err != nil {
		t.Error(err)
	}
}

// A refused secret that is unreadable for a moment is not sent again.
func TestAnUnreadableSecretDoesNotEndAHold(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) })
	secret := file(t, canary)
	endpoint := newClient(t, s.URL, basicAuth(secret)).Endpoint()
	if _, err := endpoint.Do(soon(t), get); err == nil {
		t.Fatal("let in")
	}
	remove(t, secret)
	check(t, endpoint.BackedOff(), session.ReasonAuth, "HTTP 401")
	write(t, secret, canary)
	check(t, endpoint.BackedOff(), session.ReasonAuth, "HTTP 401")
	write(t, secret, canary+"-new")
	if err := endpoint.BackedOff(); err != nil {
		t.Error(err)
	}
}

func TestNewChecksTheSecretOfOAuth2(t *testing.T) {
	for text, change := range map[string]func(*Config){
		"more than one line":    oauth("https://h/token", file(t, canary+"\n"+canary)),
		"not an RSA key in PEM": jwtGrantConfig("https://h/token", file(t, canary)),
	} {
		cfg := Config{BaseURL: "https://h"}
		change(&cfg)
		c, err := New(cfg)
		if err == nil {
			c.Close()
			t.Fatal("taken")
		}
		if checkSafe(t, err.Error()); !strings.Contains(err.Error(), text) {
			t.Error(err)
		}
	}
}
