package httpclient

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/testkit"
)

// canary stands wherever something is that must not be repeated.
const canary = "s3cr3t-canary"

// newClock is one that stands still unless moved.
func newClock() *testkit.Clock { return testkit.NewClock(time.Date(2025, 3, 9, 12, 0, 0, 0, time.UTC)) }

func newClient(t *testing.T, url string, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{Name: t.Name(), BaseURL: url, UserAgent: "test-agent"}
	cfg.HTTP.EnableHTTP2 = true
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// log is a Trace that keeps what it is told.
type traceLog struct {
	mu   sync.Mutex
	sent []session.Request
}

func (l *traceLog) in(ctx context.Context) context.Context {
	return session.WithTrace(ctx, &session.Trace{Request: func(r session.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent = append(l.sent, r)
	}})
}

func (l *traceLog) codes() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	codes := make([]int, len(l.sent))
	for i, r := range l.sent {
		codes[i] = r.Code
	}
	return strings.Trim(fmt.Sprint(codes), "[]")
}

var get = Request{Method: "GET", Path: "/api", What: "GET /api"}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func reasonOf(err error) session.Reason {
	r, ok := session.ReasonOf(err)
	if !ok {
		return "gone"
	}
	return r
}

// check fails the test unless err has the reason and a text that is safe.
func check(t *testing.T, err error, want session.Reason, part string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if r := reasonOf(err); r != want || !strings.Contains(text, part) {
		t.Errorf("%s: %q; want %s with %q", r, text, want, part)
	}
	checkSafe(t, text)
}

func checkSafe(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, canary) || len(text) > 2*maxErrorText || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x9b }) {
		t.Errorf("not safe to show: %.2000q; want len at most %v", text, 2*maxErrorText)
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, content)
	return name
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func basicAuth(passwordFile string) func(*Config) {
	return func(c *Config) {
		c.HTTP.BasicAuth = &promconfig.BasicAuth{Username: "monitor", PasswordFile: passwordFile}
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// raw is a server that does what it likes with a connection after it has read a
// request's header.
func raw(t *testing.T, h func(net.Conn)) string {
	t.Helper()
	return rawTCP(t, func(c net.Conn) {
		for r := bufio.NewReader(c); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		h(c)
	})
}

func rawTCP(t *testing.T, h func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				h(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func timeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}
