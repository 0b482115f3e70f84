package httpclient

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func TestHeadersAreBounded(t *testing.T) {
	for _, enable := range []bool{false, true} {
		var size atomic.Int64
		s := serveTLS(t, func(s *httptest.Server) { s.EnableHTTP2 = enable }, func(w http.ResponseWriter, r *http.Request) {
			for left := size.Load(); left > 0; left -= 1 << 10 {
				w.Header().Add(fmt.Sprint("X-", left), canary+strings.Repeat("x", 1000))
			}
		})
		c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile, cfg.HTTP.EnableHTTP2 = caFile(t, s), enable })
		size.Store(200 << 10)
		if _, err := c.Endpoint().Do(soon(t), get); err != nil {
			t.Errorf("HTTP/2 %v: %v", enable, err)
		}
		for _, n := range []int64{300 << 10, 5 << 20} {
			size.Store(n)
			_, err := c.Endpoint().Do(soon(t), get)
			check(t, err, session.ReasonDecode, "the answer's headers are larger than 256 KiB")
		}
	}
}

// Trailers are headers that come late.
func TestTrailersAreBounded(t *testing.T) {
	for _, enable := range []bool{false, true} {
		s := serveTLS(t, func(s *httptest.Server) { s.EnableHTTP2 = enable }, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "ok")
			w.(http.Flusher).Flush()
			for i := range 1000 {
				w.Header().Set(fmt.Sprint(http.TrailerPrefix, "X-", i), canary+strings.Repeat("x", 1000))
			}
		})
		c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile, cfg.HTTP.EnableHTTP2 = caFile(t, s), enable })
		_, err := c.Endpoint().Do(soon(t), get)
		check(t, err, session.ReasonDecode, "not valid HTTP")
	}
}

// Early hints come before an answer, as many as a server likes.
func TestEarlyHintsAreBounded(t *testing.T) {
	for _, enable := range []bool{false, true} {
		s := serveTLS(t, func(s *httptest.Server) { s.EnableHTTP2 = enable }, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", strings.Repeat("x", 10<<10))
			for range 100 {
				w.WriteHeader(http.StatusEarlyHints)
			}
		})
		c := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile, cfg.HTTP.EnableHTTP2 = caFile(t, s), enable })
		_, err := c.Endpoint().Do(soon(t), get)
		check(t, err, session.ReasonDecode, "the answer's headers are larger than 256 KiB")
	}
}

// A proxy's answer is read before there is a request to count for.
func TestAProxysHeadersAreBounded(t *testing.T) {
	line := "X: " + strings.Repeat("x", 1<<16) + "\r\n"
	var sent atomic.Int64
	proxy := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for range 1000 {
			n, err := io.WriteString(c, line)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	c := newClient(t, "https://api.example.com", func(cfg *Config) { cfg.HTTP.ProxyURL.URL = mustParse(proxy) })
	r := get
	r.Attempts = 1
	_, err := c.Endpoint().Do(soon(t), r)
	check(t, err, session.ReasonConnect, "connection closed before an answer")
	if n := sent.Load(); n > 20<<20 {
		t.Errorf("%d MiB of headers were taken; want at most 20", n>>20)
	}
}

func TestBodiesAreBoundedByTheRequest(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 2<<20)
		if r.URL.Path == "/more" {
			b = append(b, 'x')
		}
		if r.URL.RawQuery == "zip" {
			w.Header().Set("Content-Encoding", "gzip")
			b = zip(b)
		}
		if r.URL.RawQuery == "chunked" {
			w.(http.Flusher).Flush()
		}
		w.Write(b)
	})
	endpoint := newClient(t, s.URL, nil).Endpoint()
	for _, query := range []string{"", "zip", "chunked"} {
		r := Request{Method: "GET", Path: "/", Query: query, MaxBody: 2 << 20}
		if a, err := endpoint.Do(soon(t), r); err != nil || len(a.Body) != 2<<20 {
			t.Errorf("%s: %v; want len(a.Body) %v", query, err, 2<<20)
		}
		r.Path = "/more"
		_, err := endpoint.Do(soon(t), r)
		check(t, err, session.ReasonDecode, "the answer is larger than 2 MiB")
		r.MaxBody = 0
		if a, err := endpoint.Do(soon(t), r); err != nil || len(a.Body) != 2<<20+1 {
			t.Errorf("%s: %v; want len(a.Body) %v", query, err, 2<<20+1)
		}
	}
}

// What is refused leaves nothing behind: memory is that of one answer.
func TestLargeHeadersCostLittle(t *testing.T) {
	url := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		line := "X: " + strings.Repeat("x", 1000) + "\r\n"
		for range 10_000 {
			if _, err := io.WriteString(c, line); err != nil {
				return
			}
		}
	})
	endpoint := newClient(t, url, nil).Endpoint()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := endpoint.Do(soon(t), get)
	runtime.ReadMemStats(&after)
	check(t, err, session.ReasonDecode, "headers are larger")
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d MiB allocated; want at most 8", n>>20)
	}
}

func TestAnswersFromACache(t *testing.T) {
	for age, old := range map[string]bool{
		"": false, "0": false, "60": false, "060": false, "59, 3600": false, "-61": false, "1h": false, canary: false,
		"61": true, "100": true, " 0061 ": true, "3600, 1": true, "99999999999999999999999": true,
	} {
		p := newIDP(t)
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Age", age) })
		_, err := newClient(t, s.URL, nil).Endpoint().Do(soon(t), get)
		if !old && err != nil {
			t.Errorf("%q: %v", age, err)
		} else if old {
			check(t, err, session.ReasonDecode, "from a cache")
		}
		// A token from a cache may have ended, or be somebody else's.
		p.token = func(w http.ResponseWriter, r *http.Request) bool { w.Header().Set("Age", age); return false }
		_, err = newClient(t, p.URL, oauth(p.URL+"/token", file(t, canary+"-1"))).Endpoint().Do(soon(t), get)
		if !old && err != nil {
			t.Errorf("token, %q: %v", age, err)
		} else if old {
			check(t, err, session.ReasonDecode, tokenRequest+": the answer is from a cache")
		}
	}
}

func TestLifetimes(t *testing.T) {
	now := time.Now()
	const slack = time.Minute
	for end, want := range map[time.Time]time.Duration{
		{}:                                0,
		now:                               maxLifetime, // a past end says nothing
		now.Add(-time.Hour):               maxLifetime,
		now.AddDate(-290, 0, 0):           maxLifetime,
		now.Add(10 * time.Second):         10 * time.Second,
		now.Add(time.Hour):                time.Hour,
		now.AddDate(0, 0, 2):              maxLifetime,
		now.Add(time.Duration(1<<63 - 1)): maxLifetime,
	} {
		if got := lifetime(end); got > want || got < want-slack && want > slack || got == 0 != (want == 0) {
			t.Errorf("%s: %s, want %s", end, got, want)
		}
	}
}

// Whatever a token endpoint says of lifetimes, a token is not fetched for each
// request.
func TestOddLifetimes(t *testing.T) {
	for _, expires := range []string{`"expires_in":10000000000`, `"expires_in":9223372036854775807`, `"expires_in":-1`, `"expires_in":-10000000000`,
		`"expires_in":1`, `"expires_in":0`, `"expires_in":null`, `"x":1`} {
		p := newIDP(t)
		p.token = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			p.valid["t"] = true
			io.WriteString(w, `{"access_token":"t",`+expires+`}`)
			return true
		}
		for name, change := range map[string]func(*Config){
			"jwt":    jwtGrantConfig(p.URL+"/token", rsaKeyFile(t)),
			"client": oauth(p.URL+"/token", file(t, canary)),
		} {
			p.set(func() { p.fetches = 0 })
			clk := newClock()
			endpoint := newClient(t, p.URL, func(cfg *Config) { change(cfg); cfg.Now = clk.Now }).Endpoint()
			for range 20 {
				if _, err := endpoint.Do(soon(t), get); err != nil {
					t.Fatal(name, expires, err)
				}
				clk.Advance(time.Second)
			}
			if n := p.count(); n != 1 {
				t.Errorf("%s, %s: %d tokens for 20 requests; want 1", name, expires, n)
			}
		}
	}
}
