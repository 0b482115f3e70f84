package notify

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/testkit"
)

// real is a Notifier with its own transport.
type real struct {
	*Notifier
	t   *testing.T
	log testkit.Buffer
}

func newReal(t *testing.T) *real {
	r := &real{t: t}
	r.Notifier = New(Options{Logger: log.NewLogfmtLogger(&r.log), UserAgent: "test-agent"})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 0)
		defer cancel()
		r.Stop(ctx)
		if text := r.log.String(); strings.Contains(text, canary) {
			t.Errorf("the log has contents of alerts, answers or secrets:\n%s", text)
		}
	})
	return r
}

func (r *real) use(url string, h promconfig.HTTPClientConfig) {
	r.t.Helper()
	err := r.Update(Config{ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: url, Timeout: 3 * time.Second, HTTP: h}}})
	if err != nil {
		r.t.Fatal(err)
	}
}

// until waits for something that is about to happen.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in 20s; want it sooner", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// An Alertmanager below a path, with everything in a request as it must be.
func TestARealRequest(t *testing.T) {
	var got atomic.Value
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got.Store(fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Type"), " ", r.UserAgent(), " ", user, ":", password, " ", len(r.Header["Idempotency-Key"]), " ", string(body)))
		io.WriteString(w, canary)
	})
	password := filepath.Join(t.TempDir(), "password")
	write(t, password, canary+"-1")
	r := newReal(t)
	r.use(s.URL+"/behind/", promconfig.HTTPClientConfig{BasicAuth: &promconfig.BasicAuth{Username: "exporter", PasswordFile: password}})
	expect := func(want string) {
		t.Helper()
		defer func() {
			if t.Failed() {
				t.Logf("got %v, want %s", got.Load(), want)
			}
		}()
		until(t, "request", func() bool { return got.Load() == any(want) })
	}
	expect("POST /behind/api/v2/alerts application/json test-agent exporter:" + canary + "-1 0 []")
	write(t, password, canary+"-2")
	a := Alert{Labels: map[string]string{"alertname": "A"}, EndsAt: time.Now().Add(time.Hour)}
	r.Send([]Alert{a})
	body, err := encode(a, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	expect("POST /behind/api/v2/alerts application/json test-agent exporter:" + canary + "-2 0 [" + string(body.body) + "]")
	until(t, "success", r.Accepting)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What goes wrong on the way is an error in the metrics and in the log, which says
// what it is.
func TestFaultsOnTheWay(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closed := serve(t, func(http.ResponseWriter, *http.Request) {})
	closed.Close()
	proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, canary, http.StatusForbidden) })
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a redirect was followed to %s", r.URL) })
	redirect := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/"+canary, http.StatusTemporaryRedirect)
	})
	for _, c := range []struct {
		name, url  string
		http       promconfig.HTTPClientConfig
		code, says string
	}{
		{"refused", closed.URL, promconfig.HTTPClientConfig{}, "error", "connection refused"},
		{"reset", raw(t, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }), promconfig.HTTPClientConfig{}, "error", "POST: "},
		{"closed", raw(t, func(c net.Conn) {}), promconfig.HTTPClientConfig{}, "error", "closed before an answer"},
		{"garbage", raw(t, func(c net.Conn) { io.WriteString(c, canary+"\r\n\r\n") }), promconfig.HTTPClientConfig{}, "error", "not HTTP"},
		{"too many headers", raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat(canary, 1<<16)) }), promconfig.HTTPClientConfig{}, "error", "headers are larger"},
		{"hangs", raw(t, func(c net.Conn) { io.Copy(io.Discard, c) }), promconfig.HTTPClientConfig{}, "error", "no answer within the time"},
		{"certificate", secure.URL, promconfig.HTTPClientConfig{}, "error", "unknown authority"},
		{"HTTPS for HTTP", "https" + strings.TrimPrefix(redirect.URL, "http"), promconfig.HTTPClientConfig{}, "error", "does not look like a TLS handshake"},
		{"secret", redirect.URL, promconfig.HTTPClientConfig{Authorization: &promconfig.Authorization{Type: "Bearer", CredentialsFile: "/does/not/exist"}}, "error", "/does/not/exist"},
		{"proxy", "https://am-0.example.com", promconfig.HTTPClientConfig{ProxyConfig: promconfig.ProxyConfig{ProxyURL: proxyURL(t, proxy.URL)}}, "error", "the proxy answers HTTP 403"},
		{"redirect", redirect.URL, promconfig.HTTPClientConfig{}, "307", "HTTP 307 Temporary Redirect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReal(t)
			r.use(c.url, c.http)
			r.Send([]Alert{firing("u-1", 1)})
			until(t, "log", func() bool { return strings.Contains(r.log.String(), "does not accept") })
			if got := r.log.String(); !strings.Contains(got, c.says) {
				t.Errorf("%s; want %q in it", got, c.says)
			}
			name, err := Name(c.url)
			if err != nil {
				t.Fatal(err)
			}
			if got := testutil.ToFloat64(r.Notifier.metrics.requests.WithLabelValues(name, c.code)); got < 1 {
				t.Errorf("%v requests with code %s, want at least 1", got, c.code)
			}
			if r.Accepting() {
				t.Error("it accepts; want that it does not")
			}
		})
	}
}

func proxyURL(t *testing.T, s string) promconfig.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return promconfig.URL{URL: u}
}

// raw is a server that reads a part of a request, does what it likes, and hangs up.
func raw(t *testing.T, h func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				c.Read(make([]byte, 64<<10))
				h(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// TLS with an authority of one's own, and a body that ends in the middle of an answer
// which says that all was accepted.
func TestTLSAndATruncatedBody(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	r := newReal(t)
	r.use(s.URL, promconfig.HTTPClientConfig{TLSConfig: promconfig.TLSConfig{CAFile: ca}})
	until(t, "success", r.Accepting)
}

// An idle connection that the server has closed costs no alert a second, nor a
// failure.
func TestAnIdleConnectionThatWasClosed(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	r := newReal(t)
	r.use(s.URL, promconfig.HTTPClientConfig{})
	for n := 1; n <= 20; n++ {
		until(t, "success", func() bool {
			return testutil.ToFloat64(r.Notifier.metrics.requests.WithLabelValues(strings.TrimPrefix(s.URL, "http://"), "200")) == float64(n)
		})
		s.CloseClientConnections()
		r.Send([]Alert{firing("u-1", n)})
	}
	if got := r.log.String(); got != "" {
		t.Errorf("%s; want nothing in the log", got)
	}
}

// Token requests are counted; an endpoint that refuses is asked with the alerts' next
// states, not again and again.
func TestTokens(t *testing.T) {
	var refuse atomic.Bool
	var tokens, alerts atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/token":
			alerts.Add(1)
			if r.Header.Get("Authorization") != "Bearer "+canary+"-token" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		case refuse.Load():
			tokens.Add(1)
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"invalid_client","error_description":"`+canary+`"}`)
		default:
			tokens.Add(1)
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"access_token":"`+canary+`-token","token_type":"Bearer"}`)
		}
	})
	oauth := promconfig.HTTPClientConfig{OAuth2: &promconfig.OAuth2{ClientID: "exporter", ClientSecret: canary, TokenURL: s.URL + "/token"}}
	name := strings.TrimPrefix(s.URL, "http://")

	r := newReal(t)
	r.use(s.URL, oauth)
	until(t, "success", r.Accepting)
	if got := testutil.ToFloat64(r.Notifier.metrics.requests.WithLabelValues(name, "200")); got != 2 {
		t.Errorf("%v requests with 200, want 2: one for a token, one without alerts", got)
	}

	refuse.Store(true)
	tokens.Store(0)
	alerts.Store(0)
	r = newReal(t)
	r.use(s.URL, oauth)
	r.Send([]Alert{firing("u-1", 1)})
	until(t, "log", func() bool { return strings.Contains(r.log.String(), "invalid_client") })
	until(t, "end of the queue", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.loops[name].owed.order) == 0
	})
	if got := testutil.ToFloat64(r.Notifier.metrics.requests.WithLabelValues(name, "400")); got != float64(tokens.Load()) || alerts.Load() != 0 {
		t.Errorf("%v requests with 400 and %d to Alertmanager, want %d and 0", got, alerts.Load(), tokens.Load())
	}
}

// All of it at the same time.
func TestConcurrency(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	r := newReal(t)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 50 {
				r.Send([]Alert{firing(fmt.Sprint("u-", g), n), resolved(fmt.Sprint("u-", n), n)})
				testutil.CollectAndCount(r.Notifier)
				r.Accepting()
			}
		})
		wg.Go(func() {
			for n := range 20 {
				r.use(fmt.Sprint(s.URL, "/", (n+g)%3), promconfig.HTTPClientConfig{})
			}
		})
	}
	wg.Wait()
	r.use(s.URL, promconfig.HTTPClientConfig{})
	until(t, "success", r.Accepting)
	if got := testutil.CollectAndCount(r.Notifier, "iam_alertmanager_up", "iam_alertmanager_alerts_sent_total"); got != 2 {
		t.Errorf("%d series of up and alerts sent, want 2", got)
	}
}
