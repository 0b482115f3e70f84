package web

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/session"
)

// pipes is a listener whose connections are net.Pipes: their deadlines follow
// the clock of a synctest bubble, and nothing buffers what is written.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// bubble runs f with a server of h in a synctest bubble.
func bubble(t *testing.T, h http.Handler, f func(t *testing.T, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := NewServer(h, log.NewNopLogger())
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		f(t, l.dial)
		s.Close()
		<-served
	})
}

// send writes a request; it may block where the server does not read it.
func send(t *testing.T, c net.Conn, request string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
}

func TestABodyThatDoesNotArriveEndsTheConnection(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { text(w, http.StatusOK, "done\n") })
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			t.Error("a body that is cut off was read to its end")
		}
	})
	for name, h := range map[string]http.Handler{"a body that nobody reads": answer, "a body that is read": reads} {
		t.Run(name, func(t *testing.T) {
			bubble(t, h, func(t *testing.T, dial func() net.Conn) {
				c := dial()
				began := time.Now()
				send(t, c, "POST /-/reload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nfirst")
				if _, err := io.Copy(io.Discard, c); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > bodyTime+time.Second {
					t.Errorf("the connection was closed after %s, want %s", took, bodyTime)
				}
			})
		})
	}
}

func TestIdleCallersLoseTheirConnections(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { text(w, http.StatusOK, "done\n") })
	bubble(t, answer, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		send(t, c, "GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n")
		began := time.Now()
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != idleTime {
			t.Errorf("the connection was closed after %s, want %s", took, idleTime)
		}
	})
}

func TestACallerWhoDoesNotReadLosesItsConnection(t *testing.T) {
	var failed chan error // of the bubble
	large := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write(bytes.Repeat([]byte("x"), 1<<20))
		failed <- err
	})
	bubble(t, large, func(t *testing.T, dial func() net.Conn) {
		failed = make(chan error, 1)
		c := dial()
		defer c.Close()
		began := time.Now()
		send(t, c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if err := <-failed; err == nil {
			t.Error("a write that nobody reads succeeded")
		}
		if took := time.Since(began); took != writeTime {
			t.Errorf("the write was given up after %s, want %s", took, writeTime)
		}
	})
}

// The time for a write does not begin before there is something to write, and
// begins anew with each: neither a long scrape nor a large answer is cut off.
func TestLongScrapesAndSlowReadersAreServed(t *testing.T) {
	scrape := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Error("the scrape was cancelled")
		case <-time.After(4 * writeTime):
		}
		for range 8 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 16<<10)); err != nil {
				t.Error(err)
			}
		}
	})
	bubble(t, scrape, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		defer c.Close()
		send(t, c, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for buf := make([]byte, 16<<10); ; {
			m, err := io.ReadFull(res.Body, buf)
			if n += m; err != nil {
				break
			}
			time.Sleep(writeTime - time.Second)
		}
		if want := 8 * 16 << 10; n != want {
			t.Errorf("read %d bytes, want %d", n, want)
		}
	})
}

func TestTooManyAnswersAtOnce(t *testing.T) {
	finish := make(chan struct{})
	src := source(func(ctx context.Context) (*session.Snapshot, error) {
		<-finish
		return listed(1, true)(ctx)
	})
	e := &exporter{cfg: &config.Config{}, c: collector.New(collector.NewSource(src, collector.Options{
		Name: "slow", API: session.Intersight, Timeout: time.Minute, Now: func() time.Time { return noon }, Logger: log.NewNopLogger(),
	}))}
	h := New(Options{Exporter: e, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics",
		Now: func() time.Time { return noon }, Logger: log.NewNopLogger()})
	codes := make(chan int)
	get := func(path string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		codes <- w.Code
	}
	paths := []string{"/metrics", "/probe?source=slow", "/probe?source=slow&debug=true"}
	for i := range maxAnswers + len(paths) {
		go get(paths[i%len(paths)])
	}
	for range paths { // all others wait for the scrape
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("one answer more than %d: %d, want 503", maxAnswers, code)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/-/healthy", nil))
	if w.Code != http.StatusOK {
		t.Errorf("healthy meanwhile: %d; want %d", w.Code, http.StatusOK)
	}
	close(finish)
	for range maxAnswers {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("an answer under way: %d, want 200", code)
		}
	}
	go get("/metrics")
	if code := <-codes; code != http.StatusOK {
		t.Errorf("after all are answered: %d, want 200", code)
	}
}

func TestAnotherSiteCanNotReload(t *testing.T) {
	e, _, s := serve(t, nil)
	for _, c := range []struct {
		name   string
		header []string
		code   int
	}{
		{"curl", nil, 200},
		{"our own page", []string{"Sec-Fetch-Site", "same-origin", "Origin", s.URL}, 200},
		{"our own page, old browser", []string{"Origin", s.URL}, 200},
		{"the address bar", []string{"Sec-Fetch-Site", "none"}, 200},
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"}, 403},
		{"another host of the site", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://other.example.com"}, 403},
		{"another site, old browser", []string{"Origin", "https://evil.example.com"}, 403},
		{"a page without an origin", []string{"Origin", "null"}, 403},
	} {
		e.reloads = 0
		code, body, _ := ask(t, "POST", s.URL+"/-/reload", c.header...)
		if reloaded := e.reloads == 1; code != c.code || reloaded != (c.code == 200) {
			t.Errorf("%s: %d, %d reloads, want %d: %s", c.name, code, e.reloads, c.code, body)
		}
	}
}

func TestServiceDiscoveryNeedsAHost(t *testing.T) {
	_, h, _ := serve(t, map[string]source{"a": listed(1, true)})
	r := httptest.NewRequest(http.MethodGet, "/sd", nil)
	r.Host = ""
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Host") {
		t.Errorf(`%d %s; want %d, "Host" in it`, w.Code, w.Body, http.StatusBadRequest)
	}
}

func TestNothingIsCachedOrGuessed(t *testing.T) {
	_, _, s := serve(t, map[string]source{"a": listed(1, true)})
	for _, path := range []string{"/", "/metrics", "/probe?source=a", "/probe?source=a&debug=true", "/probe", "/sd", "/-/healthy", "/-/ready", "/runbooks/", "/nothing"} {
		_, _, h := ask(t, "GET", s.URL+path)
		if got := h.Get("Cache-Control"); got != "no-store" {
			t.Errorf(`%s: Cache-Control %q; want "no-store"`, path, got)
		}
		if got := h.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf(`%s: X-Content-Type-Options %q; want "nosniff"`, path, got)
		}
	}
}

func TestOddEncodingsAreNoFault(t *testing.T) {
	e, _, _ := serve(t, map[string]source{"a": listed(1, true)})
	var lines bytes.Buffer
	h := New(Options{Exporter: e, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics",
		Now: func() time.Time { return noon }, Logger: log.NewLogfmtLogger(&lines)})
	for accept, want := range map[string]string{
		"": "", "identity": "", "br": "", "identity;q=0": "", "*;q=0": "", "gzip;q=0": "", "gzip;q=x": "", "gzip; q=0.000, br": "", ";;,": "",
		"gzip": "gzip", "br, gzip": "gzip", "GZIP; q=0.5": "gzip", "gzip;q=1.0, *;q=0": "gzip",
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		if accept != "" {
			r.Header.Set("Accept-Encoding", accept)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); w.Code != http.StatusOK || strings.TrimPrefix(got, "identity") != want {
			t.Errorf("%q: %d, Content-Encoding %q, want %q", accept, w.Code, got, want)
		}
	}
	if lines.Len() > 0 {
		t.Errorf("log: %s; want nothing", &lines)
	}
}
