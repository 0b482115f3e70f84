package httpclient

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// within fails the test where f does not return.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("still waiting after %s", d)
	}
}

func TestSwitchingProtocolsIsRefused(t *testing.T) {
	for _, rest := range []string{"", canary} {
		closed := make(chan struct{}, 9)
		url := raw(t, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+canary+"\r\n\r\n"+rest)
			io.Copy(io.Discard, c)
			closed <- struct{}{}
		})
		for name, endpoint := range map[string]*Endpoint{
			"api":            newClient(t, url, nil).Endpoint(),
			"token endpoint": newClient(t, url, oauth(url+"/token", file(t, canary))).Endpoint(),
			"jwt":            newClient(t, url, jwtGrantConfig(url+"/token", rsaKeyFile(t))).Endpoint(),
		} {
			t.Run(name, func(t *testing.T) {
				within(t, 10*time.Second, func() {
					_, err := endpoint.Do(soon(t), get)
					check(t, err, session.ReasonHTTP, "HTTP 101 Switching Protocols")
					<-closed
				})
			})
		}
	}
}

// road leads to a server. What it carried until then is lost when it is cut,
// without either side hearing of it.
type road struct {
	url string

	mu    sync.Mutex
	cuts  []func()
	conns int
}

func newRoad(t *testing.T, s *httptest.Server) *road {
	r := &road{}
	to := s.Listener.Addr().String()
	url := rawTCP(t, func(in net.Conn) {
		out, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer out.Close()
		var cut atomic.Bool
		r.mu.Lock()
		r.cuts = append(r.cuts, func() { cut.Store(true) })
		r.conns++
		r.mu.Unlock()
		go carry(in, out, &cut)
		carry(out, in, &cut)
	})
	r.url = strings.Replace(url, "http:", s.URL[:strings.Index(s.URL, ":")+1], 1)
	return r
}

func carry(to io.Writer, from io.Reader, cut *atomic.Bool) {
	b := make([]byte, 1<<14)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if !cut.Load() {
			to.Write(b[:n])
		}
	}
}

func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.cuts {
		f()
	}
}

// One time-out is enough to know that a connection is dead, and those beside it.
func TestDeadConnectionsAreNotUsedAgain(t *testing.T) {
	const together = 4
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP2=%v", http2), func(t *testing.T) {
			var arrived sync.WaitGroup
			arrived.Add(together)
			s := serveTLS(t, func(s *httptest.Server) { s.EnableHTTP2 = http2 }, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/together" { // so that each has a connection of its own in HTTP/1
					arrived.Done()
					arrived.Wait()
				}
				w.Write(make([]byte, 1<<10))
			})
			r := newRoad(t, s)
			c := newClient(t, r.url, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile, cfg.HTTP.EnableHTTP2 = caFile(t, s), http2 })
			var wg sync.WaitGroup
			for range together {
				wg.Go(func() {
					if _, err := c.Endpoint().Do(soon(t), Request{Method: "GET", Path: "/together", What: "GET"}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			r.cut()
			ctx, cancel := timeout(t, 100*time.Millisecond)
			defer cancel()
			_, err := c.Endpoint().Do(ctx, get)
			check(t, err, session.ReasonTimeout, "no answer within the time allowed")
			ctx, cancel = timeout(t, 5*time.Second)
			defer cancel()
			var seen traceLog
			if _, err := c.Endpoint().Do(seen.in(ctx), get); err != nil || seen.codes() != "200" {
				t.Errorf(`after one time-out: %v, answers %s; want "200"`, err, seen.codes())
			}
		})
	}
}

// A search that hangs on a connection leaves those beside it alone, but no later
// one joins them.
func TestATimeoutLeavesOthersAlone(t *testing.T) {
	var conns atomic.Int32
	slow, hanging := make(chan struct{}), make(chan struct{})
	started := make(chan struct{}, 2)
	s := serveTLS(t, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
			if st == http.StateNew {
				conns.Add(1)
			}
		}
	}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			started <- struct{}{}
			<-slow
		case "/hang":
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-hanging
		}
		io.WriteString(w, "ok")
	})
	defer close(hanging)
	c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile = caFile(t, s) })
	ask := func(ctx context.Context, path string) error {
		_, err := c.Endpoint().Do(ctx, Request{Method: "GET", Path: path, What: "GET " + path, Attempts: 1})
		return err
	}
	if err := ask(soon(t), "/"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := ask(soon(t), "/slow"); err != nil {
			t.Errorf("beside one that hangs: %v", err)
		}
	})
	<-started
	ctx, cancel := timeout(t, 100*time.Millisecond)
	defer cancel()
	check(t, ask(ctx, "/hang"), session.ReasonTimeout, "no answer within")
	if err := ask(soon(t), "/"); err != nil || conns.Load() != 2 {
		t.Errorf("after a time-out: %v, %d connections; want 2", err, conns.Load())
	}
	close(slow)
	wg.Wait()
}

// A proxy or server that tires of an idle connection answers the next request
// with 408.
func TestARequestTimeoutOnAReusedConnectionIsSentAgain(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	tired := "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
	var conns atomic.Int32
	url := rawTCP(t, func(c net.Conn) {
		conns.Add(1)
		for i := 0; readHeader(c) == nil; i++ {
			if i == 0 {
				io.WriteString(c, ok)
			} else {
				io.WriteString(c, tired)
			}
		}
	})
	endpoint := newClient(t, url, nil).Endpoint()
	for i, want := range []string{"200", "408 200", "408 200"} {
		var seen traceLog
		if _, err := endpoint.Do(seen.in(soon(t)), get); err != nil || seen.codes() != want {
			t.Errorf("request %d: %v, answers %s; want %s", i+1, err, seen.codes(), want)
		}
	}
	if conns.Load() != 3 {
		t.Errorf("%d connections; want 3", conns.Load())
	}

	// The same of a token endpoint is no refusal of the credentials.
	var n atomic.Int32
	tokens := rawTCP(t, func(c net.Conn) {
		for i := 0; readHeader(c) == nil; i++ {
			if i > 0 {
				io.WriteString(c, tired)
				continue
			}
			body := fmt.Sprintf(`{"access_token":"t%d","expires_in":60}`, n.Add(1))
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	clk := newClock()
	api := serve(t, func(http.ResponseWriter, *http.Request) {})
	endpoint = newClient(t, api.URL, func(cfg *Config) {
		jwtGrantConfig(tokens+"/token", rsaKeyFile(t))(cfg)
		cfg.Now = clk.Now
	}).Endpoint()
	for i, want := range []string{"200 200", "408 200 200"} {
		var seen traceLog
		if _, err := endpoint.Do(seen.in(soon(t)), get); err != nil || seen.codes() != want {
			t.Errorf("token %d: %v, answers %s; want %s", i+1, err, seen.codes(), want)
		}
		clk.Advance(time.Hour)
	}
}

// readHeader reads a request without looking at it, its body included where it
// came along.
func readHeader(c net.Conn) error {
	var text strings.Builder
	b := make([]byte, 1<<14)
	for !strings.Contains(text.String(), "\r\n\r\n") {
		n, err := c.Read(b)
		if err != nil {
			return err
		}
		text.Write(b[:n])
	}
	head, body, _ := strings.Cut(text.String(), "\r\n\r\n")
	var length int
	if _, after, ok := strings.Cut(head, "Content-Length: "); ok {
		fmt.Sscan(after, &length)
	}
	_, err := io.CopyN(io.Discard, c, int64(length-len(body)))
	return err
}

// net/http opens a new connection for each request that a GOAWAY refuses.
func TestAServerThatAlwaysSaysGoAway(t *testing.T) {
	var conns atomic.Int32
	enough := make(chan struct{})
	s := serveH2(t, func(c *h2) {
		if conns.Add(1) > 50 {
			<-enough
			return
		}
		c.next(h2Headers)
		c.send(h2GoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00: tls: "+canary)
		c.next(h2Ping) // until the client closes
	})
	defer close(enough)
	for name, change := range map[string]func(*Config){
		"api":            nil,
		"token endpoint": oauth(s.URL+"/token", file(t, canary)),
	} {
		for _, r := range []Request{get, {Method: "POST", Path: "/", Body: []byte("{}"), What: "GET /api"}} {
			conns.Store(0)
			c := newClient(t, s.URL, func(cfg *Config) {
				cfg.HTTP.TLSConfig.CAFile = caFile(t, s)
				if change != nil {
					change(cfg)
					cfg.HTTP.OAuth2.TLSConfig = cfg.HTTP.TLSConfig
				}
			})
			var seen traceLog
			_, err := c.Endpoint().Do(seen.in(soon(t)), r)
			check(t, err, session.ReasonConnect, "no new connection brought an answer")
			if n := conns.Load(); n > maxConnections || len(seen.sent) > maxAttempts {
				t.Errorf("%s: %d connections, %d attempts; want at most %d, at most %d", name, n, len(seen.sent), maxConnections, maxAttempts)
			}
		}
	}
}

// Each attempt may need a connection of its own, and no more than that.
func TestAllAttemptsTogetherOpenThreeConnections(t *testing.T) {
	var conns atomic.Int32
	url := raw(t, func(net.Conn) { conns.Add(1) })
	for _, attempts := range []int{1, 2, 3, 9} {
		conns.Store(0)
		r := get
		r.Attempts = attempts
		_, err := newClient(t, url, nil).Endpoint().Do(soon(t), r)
		check(t, err, session.ReasonConnect, "")
		if want := int32(min(attempts, maxConnections)); conns.Load() != want {
			t.Errorf("%d attempts: %d connections; want %d", attempts, conns.Load(), want)
		}
	}
}

// A peer that talks to itself after an answer, or instead of one, is hung up on.
func TestFloodsEndTheConnection(t *testing.T) {
	log.SetOutput(io.Discard) // where net/http says so of each unknown frame
	defer log.SetOutput(os.Stderr)
	for name, frame := range map[string]func(*h2) error{
		"PING":         func(c *h2) error { return c.send(h2Ping, 0, 0, "12345678") },
		"SETTINGS":     func(c *h2) error { return c.send(h2Settings, 0, 0, "") },
		"unknown":      func(c *h2) error { return c.send(99, 0, 0, "") },
		"byte by byte": func(c *h2) error { _, err := c.Write([]byte{0}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan int, 1)
			s := serveH2(t, func(c *h2) {
				stream := c.next(h2Headers)
				c.send(h2Headers, h2EndHeaders|h2EndStream, stream, h2OK)
				go c.next(h2Data) // so that acknowledgements are read
				c.SetWriteDeadline(time.Now().Add(20 * time.Second))
				n := 0
				for n < 1_000_000 && frame(c) == nil {
					n++
				}
				sent <- n
			})
			c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile = caFile(t, s) })
			if _, err := c.Endpoint().Do(soon(t), get); err != nil {
				t.Fatal(err)
			}
			within(t, 30*time.Second, func() {
				// What is in the socket's buffers was sent, too.
				if n := <-sent; n > 500_000 {
					t.Errorf("%d frames were taken; want at most 500000", n)
				}
			})
		})
	}
}

func TestAFloodInsteadOfAnAnswer(t *testing.T) {
	sent := make(chan int, 1)
	s := serveH2(t, func(c *h2) {
		c.next(h2Headers)
		go c.next(h2Data)
		many := strings.Repeat("\x00\x00\x08\x06\x01\x00\x00\x00\x00"+"12345678", 1000) // acknowledgements of no PING
		n := 0
		for n < 200<<20 {
			m, err := io.WriteString(c, many)
			if n += m; err != nil {
				break
			}
		}
		sent <- n
	})
	c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile = caFile(t, s) })
	ctx, cancel := timeout(t, 5*time.Minute) // bytes end it, however slowly a busy machine passes them
	defer cancel()
	r := get
	r.Attempts = 1
	_, err := c.Endpoint().Do(ctx, r)
	check(t, err, session.ReasonConnect, "")
	if n := <-sent; n > 100<<20 {
		t.Errorf("%d MiB were taken; want at most 100", n>>20)
	}
}

// Whatever is waited for, the wait ends with the request, and the connection
// with it.
func TestProxiesThatHang(t *testing.T) {
	const connected = "HTTP/1.1 200 OK\r\n\r\n"
	for name, c := range map[string]struct {
		scheme string
		do     func(net.Conn)
	}{
		"says nothing":        {"http", func(net.Conn) {}},
		"hangs in its answer": {"http", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX") }},
		"informs for ever": {"http", func(c net.Conn) {
			for range 1000 {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
			}
		}},
		"hangs behind it":           {"http", func(c net.Conn) { io.WriteString(c, connected) }},
		"does not shake hands":      {"https", func(net.Conn) {}},
		"does not shake SOCKS hand": {"socks5", func(net.Conn) {}},
		"hangs in SOCKS": {"socks5", func(c net.Conn) {
			c.Read(make([]byte, 100))
			io.WriteString(c, "\x05\x00")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{}, 9)
			proxy := rawTCP(t, func(nc net.Conn) {
				c.do(nc)
				io.Copy(io.Discard, nc)
				closed <- struct{}{}
			})
			client := newClient(t, "https://api.example.com", func(cfg *Config) {
				cfg.HTTP.ProxyURL.URL = mustParse(strings.Replace(proxy, "http", c.scheme, 1))
			})
			within(t, 10*time.Second, func() {
				ctx, cancel := timeout(t, 100*time.Millisecond)
				defer cancel()
				_, err := client.Endpoint().Do(ctx, Request{Method: "GET", Path: "/", What: "GET /", Attempts: 1})
				if r := reasonOf(err); r != session.ReasonTimeout && name != "informs for ever" {
					t.Errorf("%s: %v", r, err)
				}
				<-closed
			})
		})
	}
}
