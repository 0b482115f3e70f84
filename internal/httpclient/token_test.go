package httpclient

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// idp is an API that hands out its own tokens.
type idp struct {
	*httptest.Server

	mu      sync.Mutex
	secret  string
	inForm  bool            // takes the secret from the form only
	valid   map[string]bool // tokens
	token   func(http.ResponseWriter, *http.Request) bool
	life    int
	fetches int
}

func newIDP(t *testing.T) *idp {
	p := &idp{secret: canary + "-1", valid: map[string]bool{}, life: 3600}
	p.Server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if r.URL.Path != "/token" {
			if !p.valid[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
				w.WriteHeader(401)
			}
			return
		}
		p.fetches++
		if p.token != nil && p.token(w, r) {
			return
		}
		id, secret, ok := r.BasicAuth()
		if p.inForm || !ok {
			id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
		}
		if r.Header.Get("User-Agent") != "test-agent" {
			t.Errorf(`%v; want User-Agent "test-agent"`, r.Header)
		}
		w.Header().Set("Content-Type", "application/json")
		if id != "app" || secret != url.QueryEscape(p.secret) {
			w.WriteHeader(401)
			io.WriteString(w, `{"error":"invalid_client","error_description":"`+canary+`"}`)
			return
		}
		tok := fmt.Sprint(canary, "-token-", p.fetches)
		p.valid[tok] = true
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, tok, p.life)
	})
	return p
}

func (p *idp) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

func (p *idp) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func oauth(tokenURL, secretFile string) func(*Config) {
	return func(c *Config) {
		c.HTTP.OAuth2 = &promconfig.OAuth2{ClientID: "app", ClientSecretFile: secretFile, TokenURL: tokenURL}
	}
}

func TestTokensAreKeptAndRenewed(t *testing.T) {
	p := newIDP(t)
	secret := file(t, canary+"-1\n")
	clk := newClock()
	c := newClient(t, p.URL, func(cfg *Config) { oauth(p.URL+"/token", secret)(cfg); cfg.Now = clk.Now })
	endpoint := c.Endpoint()
	var seen traceLog
	do := func(want string, fetches int) {
		t.Helper()
		seen.sent = nil
		_, err := endpoint.Do(seen.in(soon(t)), get)
		if err != nil || seen.codes() != want || p.count() != fetches {
			t.Fatalf("%v: answers %s, want %s; %d fetches, want %d", err, seen.codes(), want, p.count(), fetches)
		}
	}
	do("200 200", 1)
	if seen.sent[0].What != tokenRequest || seen.sent[1].What != "GET /api" {
		t.Errorf(`%+v; want [0].What %v, [1].What "GET /api"`, seen.sent, tokenRequest)
	}
	do("200", 1)
	clk.Advance(58 * time.Minute)
	do("200", 1)
	clk.Advance(2 * time.Minute) // it would end now
	do("200 200", 2)

	p.set(func() { clear(p.valid) }) // revoked
	do("401 200 200", 3)

	p.set(func() { p.secret = canary + "-2" })
	write(t, secret, canary+"-2")
	do("200 200", 4)

	p.set(func() { p.life = 0 }) // lives until it is refused
	clk.Advance(time.Hour)
	do("200 200", 5)
	clk.Advance(24 * time.Hour)
	do("200", 5)
}

func TestATokenThatIsNeverGoodEnough(t *testing.T) {
	p := newIDP(t)
	p.token = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"no-good","expires_in":3600}`)
		return true
	}
	endpoint := newClient(t, p.URL, oauth(p.URL+"/token", file(t, canary))).Endpoint()
	var seen traceLog
	_, err := endpoint.Do(seen.in(soon(t)), get)
	check(t, err, session.ReasonAuth, "GET /api: HTTP 401")
	if seen.codes() != "200 401 200 401" || endpoint.BackedOff() == nil {
		t.Errorf(`answers %s, backed off %v; want "200 401 200 401"`, seen.codes(), endpoint.BackedOff())
	}
}

func TestRenewalsDoNotAddUpWithRetries(t *testing.T) {
	p := newIDP(t)
	var n atomic.Int32
	codes := []int{500, 500, 401, 500, 500, 500}
	api := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(codes[n.Add(1)-1]) })
	_, err := newClient(t, api.URL, oauth(p.URL+"/token", file(t, canary+"-1"))).Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonHTTP, "HTTP 500")
	if n.Load() != 4 {
		t.Errorf("%d attempts; want 4", n.Load())
	}
}

func TestTheSecretInTheForm(t *testing.T) {
	p := newIDP(t)
	p.secret, p.inForm = canary, true
	clk := newClock()
	endpoint := newClient(t, p.URL, func(cfg *Config) { oauth(p.URL+"/token", file(t, canary))(cfg); cfg.Now = clk.Now }).Endpoint()
	if _, err := endpoint.Do(soon(t), get); err != nil || p.count() != 2 {
		t.Fatalf("%v, %v; want 2", err, p.count())
	}
	clk.Advance(time.Hour)
	if _, err := endpoint.Do(soon(t), get); err != nil || p.count() != 3 {
		t.Fatalf("%v, what was found out is forgotten, %v; want 3", err, p.count())
	}
}

func TestTokenFailures(t *testing.T) {
	say := func(code int, kind, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "/"+canary)
			w.WriteHeader(code)
			io.WriteString(w, body)
			return true
		}
	}
	const js = "application/json"
	for _, c := range []struct {
		name      string
		answer    func(http.ResponseWriter, *http.Request) bool
		want      session.Reason
		text      string
		tries     string
		backedOff bool
	}{
		{"wrong secret", nil, session.ReasonAuth, "HTTP 401 Unauthorized (invalid_client)", "401 401", true},
		{"bad request", say(400, js, `{"error":"unauthorized_client"}`), session.ReasonAuth, "HTTP 400 Bad Request (unauthorized_client)", "400 400", true},
		{"a code of its own", say(400, js, `{"error":"`+canary+`"}`), session.ReasonAuth, "HTTP 400 Bad Request", "400 400", true},
		{"forbidden", say(403, "text/html", canary), session.ReasonAuth, "HTTP 403", "403 403", true},
		{"not found", say(404, "text/html", canary), session.ReasonAuth, "HTTP 404", "404", true},
		{"error in a 200", say(200, js, `{"error":"invalid_grant"}`), session.ReasonAuth, "(invalid_grant)", "200 200", true},
		{"quiet", say(429, js, canary), session.ReasonRateLimited, "HTTP 429", "429", true},
		{"redirect", say(302, js, canary), session.ReasonHTTP, "HTTP 302", "302", false},
		{"server error", say(500, js, canary), session.ReasonHTTP, "HTTP 500", "500 500 500", false},
		{"unavailable", say(503, js, canary), session.ReasonHTTP, "HTTP 503", "503", true},
		{"login page", say(200, "text/html", "<html>"+canary), session.ReasonDecode, "not a token", "200", false},
		{"text", say(200, "text/plain", canary), session.ReasonDecode, "not a token", "200", false},
		{"empty", say(200, js, ""), session.ReasonDecode, "not a token", "200", false},
		{"no token", say(200, js, "{}"), session.ReasonDecode, "not a token", "200", false},
		{"a token that can't be sent", say(200, js, `{"access_token":"`+canary+`\r\nX: y"}`), session.ReasonDecode, "not a token", "200", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(t)
			p.token = c.answer
			endpoint := newClient(t, p.URL, oauth(p.URL+"/token", file(t, canary+"-wrong"))).Endpoint()
			var seen traceLog
			_, err := endpoint.Do(seen.in(soon(t)), get)
			check(t, err, c.want, c.text)
			if seen.codes() != c.tries {
				t.Errorf("answers %s, want %s", seen.codes(), c.tries)
			}
			if (endpoint.BackedOff() != nil) != c.backedOff {
				t.Errorf("backed off: %v, want backed off %v", endpoint.BackedOff(), c.backedOff)
			}
			for _, r := range seen.sent {
				if r.What != tokenRequest {
					t.Errorf("sent %s; want %s", r.What, tokenRequest)
				}
				if r.Err != nil {
					checkSafe(t, r.Err.Error())
				}
			}
		})
	}
}

func TestTokenEndpointsThatBreak(t *testing.T) {
	p := newIDP(t)
	for name, c := range map[string]struct {
		do    func(net.Conn)
		want  session.Reason
		tries int
	}{
		"hangs": {func(c net.Conn) { io.Copy(io.Discard, c) }, session.ReasonTimeout, 1},
		"hangs later": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
			io.Copy(io.Discard, c)
		}, session.ReasonTimeout, 1},
		"closes":         {func(net.Conn) {}, session.ReasonConnect, 3},
		"cuts":           {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{") }, session.ReasonDecode, 1},
		"is no server":   {func(c net.Conn) { io.WriteString(c, canary+"\r\n\r\n") }, session.ReasonDecode, 1},
		"hangs, for JWT": {func(c net.Conn) { io.Copy(io.Discard, c) }, session.ReasonTimeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, end := context.WithCancelCause(soon(t))
			defer end(nil)
			do := c.do
			if c.want == session.ReasonTimeout { // time is up once the request is there
				do = func(conn net.Conn) {
					time.AfterFunc(50*time.Millisecond, func() { end(context.DeadlineExceeded) })
					c.do(conn)
				}
			}
			client := newClient(t, p.URL, oauth(raw(t, do)+"/token", file(t, canary)))
			if strings.HasSuffix(name, "JWT") {
				client = newClient(t, p.URL, jwtGrantConfig(raw(t, do)+"/token", rsaKeyFile(t)))
			}
			var seen traceLog
			_, err := client.Endpoint().Do(seen.in(ctx), get)
			check(t, err, c.want, tokenRequest)
			if len(seen.sent) != c.tries {
				t.Errorf("%d requests; want %d", len(seen.sent), c.tries)
			}
		})
	}
}

func TestWaitersForATokenKeepTheirDeadlines(t *testing.T) {
	p := newIDP(t)
	c := newClient(t, p.URL, oauth(raw(t, func(c net.Conn) { io.Copy(io.Discard, c) })+"/token", file(t, canary)))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			ctx, cancel := timeout(t, 100*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := c.Endpoint().Do(ctx, get)
			check(t, err, session.ReasonTimeout, tokenRequest)
			if d := time.Since(begin); d > 10*time.Second {
				t.Errorf("took %s; want at most %s", d, 10*time.Second)
			}
		})
	}
	wg.Wait()
}

// untilInLock waits until n goroutines wait for their turn at a token.
func untilInLock(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		if strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*tokenSource).lock(") == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d goroutines never waited", n)
		}
	}
}

func TestWaitersShareARefusal(t *testing.T) {
	p := newIDP(t)
	asked := make(chan struct{}, 9)
	refuse := make(chan struct{})
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-refuse
		w.WriteHeader(429)
	})
	c := newClient(t, p.URL, oauth(endpoint.URL, file(t, canary)))
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			_, err := c.Endpoint().Do(soon(t), get)
			check(t, err, session.ReasonRateLimited, "HTTP 429")
		})
	}
	<-asked
	untilInLock(t, 4)
	close(refuse)
	wg.Wait()
	if len(asked) != 0 {
		t.Errorf("asked %d times more; want 0", len(asked))
	}
}

func TestAnUnreadableClientSecret(t *testing.T) {
	p := newIDP(t)
	secret := file(t, canary+"-1")
	endpoint := newClient(t, p.URL, oauth(p.URL+"/token", secret)).Endpoint()
	remove(t, secret)
	var seen traceLog
	_, err := endpoint.Do(seen.in(soon(t)), get)
	check(t, err, session.ReasonAuth, "no such file")
	if len(seen.sent) != 0 || p.count() != 0 {
		t.Errorf("sent, %v; want len 0", seen.sent)
	}
	write(t, secret, canary+"-1")
	if _, err := endpoint.Do(soon(t), get); err != nil {
		t.Error(err)
	}
}

// The token endpoint has the TLS settings of oauth2, whatever those of the API are:
// which of them it inherits is for the configuration to say.
func TestTheTokenEndpointHasItsOwnTLS(t *testing.T) {
	s := serveTLS(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"access_token":"t"}`)
		}
	})
	for _, trusted := range []bool{true, false} {
		c := newClient(t, s.URL, func(cfg *Config) {
			oauth(s.URL+"/token", file(t, canary))(cfg)
			cfg.HTTP.TLSConfig.CAFile = caFile(t, s)
			if trusted {
				cfg.HTTP.OAuth2.TLSConfig = cfg.HTTP.TLSConfig
			}
		})
		_, err := c.Endpoint().Do(soon(t), get)
		if trusted && err != nil {
			t.Errorf("got %v, want a token", err)
		} else if !trusted {
			check(t, err, session.ReasonTLS, tokenRequest)
		}
	}
}

func rsaKeyFile(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}

func jwtGrantConfig(tokenURL, keyFile string) func(*Config) {
	return func(c *Config) {
		c.HTTP.OAuth2 = &promconfig.OAuth2{
			ClientID: "app", ClientCertificateKeyFile: keyFile, ClientCertificateKeyID: "kid", TokenURL: tokenURL,
			GrantType: "urn:ietf:params:oauth:grant-type:jwt-bearer", SignatureAlgorithm: "RS384", Audience: "aud",
		}
	}
}

func TestJWTBearer(t *testing.T) {
	p := newIDP(t)
	keyFile := rsaKeyFile(t)
	p.token = func(w http.ResponseWriter, r *http.Request) bool {
		if g := r.FormValue("grant_type"); g != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf(`%v; want "urn:ietf:params:oauth:grant-type:jwt-bearer"`, g)
		}
		tok, _, err := jwt.NewParser().ParseUnverified(r.FormValue("assertion"), jwt.MapClaims{})
		if err != nil || tok.Header["alg"] != "RS384" || tok.Header["kid"] != "kid" || tok.Claims.(jwt.MapClaims)["iss"] != "app" {
			t.Errorf(`%v, %v; want Header["alg"] "RS384", Header["kid"] "kid", Claims.(jwt.MapClaims)["iss"] "app"`, err, tok)
		}
		w.Header().Set("Content-Type", "application/json")
		if p.fetches > 1 {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_grant","error_description":"`+canary+`"}`)
			return true
		}
		p.valid["t"] = true
		io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
		return true
	}
	clk := newClock()
	endpoint := newClient(t, p.URL, func(cfg *Config) { jwtGrantConfig(p.URL+"/token", keyFile)(cfg); cfg.Now = clk.Now }).Endpoint()
	var seen traceLog
	if _, err := endpoint.Do(seen.in(soon(t)), get); err != nil || seen.codes() != "200 200" {
		t.Fatalf(`%v, %v; want "200 200"`, err, seen.codes())
	}
	clk.Advance(time.Hour)
	_, err := endpoint.Do(seen.in(soon(t)), get)
	check(t, err, session.ReasonAuth, "HTTP 400 Bad Request (invalid_grant)")
	write(t, keyFile, canary)
	_, err = endpoint.Do(soon(t), get)
	check(t, err, session.ReasonAuth, "not an RSA key in PEM")
}
