package httpclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func TestARequestAsItIsSent(t *testing.T) {
	date := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := fmt.Sprintf("%s %s %q", r.Method, r.RequestURI, body); got != `POST /a/b?$top=1&x=%20y "{}"` {
			t.Errorf(`%v; want "POST /a/b?$top=1&x=%%20y \"{}\""`, got)
		}
		if r.Header.Get("User-Agent") != "test-agent" || r.Header.Get("Accept") != "application/json" || r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf(`%v; want User-Agent "test-agent", Accept "application/json", Accept-Encoding "gzip"`, r.Header)
		}
		if u, p, _ := r.BasicAuth(); u != "monitor" || p != canary {
			t.Errorf(`credentials, %v; want "monitor"; p = %v, want %v`, u, p, canary)
		}
		if r.Header.Get("Signed") != "POST" {
			t.Errorf(`not signed; r.Header.Get("Signed") = %v, want "POST"`, r.Header.Get("Signed"))
		}
		w.Header().Set("Date", date.Format(http.TimeFormat))
		io.WriteString(w, "hello")
	})
	clk := newClock()
	c := newClient(t, s.URL+"/", func(cfg *Config) {
		basicAuth(file(t, canary+"\n"))(cfg)
		cfg.Now = clk.Now
		cfg.Sign = func(r *http.Request) error { r.Header.Set("Signed", r.Method); return nil }
	})
	var seen traceLog
	var buf bytes.Buffer
	a, err := c.Endpoint().Do(seen.in(soon(t)), Request{
		Method: "POST", Path: "/a/b", Query: "$top=1&x=%20y", Body: []byte("{}"), What: "what",
		Header: http.Header{"Accept": {"application/json"}}, Buffer: &buf,
	})
	if err != nil || string(a.Body) != "hello" || !a.Date.Equal(date) || buf.String() != "hello" {
		t.Fatalf(`%v, %v; want string(a.Body) "hello", buf.String() "hello"`, err, a)
	}
	r := seen.sent[0]
	if len(seen.sent) != 1 || r.What != "what" || r.Code != 200 || !r.Date.Equal(date) || !r.Sent.Equal(clk.Now()) || r.Err != nil || r.RoundTrip <= 0 || r.Duration < r.RoundTrip {
		t.Errorf(`%+v; want len 1; r.What = %v, want "what"; r.Code = %v, want 200; r.RoundTrip = %v, want more than 0; r.Duration = %v, want at least %v`, seen.sent, r.What, r.Code, r.RoundTrip, r.Duration, r.RoundTrip)
	}
}

func TestOurClockWithoutADate(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Header()["Date"] = nil })
	clk := newClock()
	c := newClient(t, s.URL, func(cfg *Config) { cfg.Now = clk.Now })
	var seen traceLog
	a, err := c.Endpoint().Do(seen.in(soon(t)), get)
	if err != nil || !a.Date.Equal(clk.Now()) || !seen.sent[0].Date.IsZero() {
		t.Fatalf("%v: dated %v and at first %v; want %v and no date", err, a.Date, seen.sent, clk.Now())
	}
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		code   int
		header string
		want   session.Reason
		tries  string
	}{
		{201, "", session.ReasonHTTP, "201"},
		{204, "", session.ReasonHTTP, "204"},
		{206, "", session.ReasonHTTP, "206"},
		{301, "", session.ReasonHTTP, "301"},
		{302, "", session.ReasonHTTP, "302"},
		{303, "", session.ReasonHTTP, "303"},
		{307, "", session.ReasonHTTP, "307"},
		{308, "", session.ReasonHTTP, "308"},
		{400, "", session.ReasonHTTP, "400"},
		{401, "", session.ReasonAuth, "401"},
		{403, "", session.ReasonForbidden, "403"},
		{404, "", session.ReasonHTTP, "404"},
		{408, "", session.ReasonHTTP, "408"},
		{429, "", session.ReasonRateLimited, "429"},
		{429, "7", session.ReasonRateLimited, "429"},
		{500, "", session.ReasonHTTP, "500 500 500"},
		{501, "", session.ReasonHTTP, "501"},
		{502, "", session.ReasonHTTP, "502 502 502"},
		{503, "", session.ReasonHTTP, "503"},
		{503, "7", session.ReasonRateLimited, "503"},
		{504, "", session.ReasonHTTP, "504 504 504"},
		{799, "", session.ReasonHTTP, "799"},
	} {
		t.Run(fmt.Sprint(c.code, c.header), func(t *testing.T) {
			t.Parallel()
			var elsewhere atomic.Bool
			other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) })
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api" {
					elsewhere.Store(true)
				}
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.Header().Set("Location", other.URL+"/"+canary)
				w.WriteHeader(c.code)
				if c.code != 204 {
					io.WriteString(w, canary)
				}
			})
			var seen traceLog
			_, err := newClient(t, s.URL, nil).Endpoint().Do(seen.in(soon(t)), get)
			check(t, err, c.want, fmt.Sprintf("GET /api: HTTP %d", c.code))
			if got := seen.codes(); got != c.tries {
				t.Errorf("answers %s, want %s", got, c.tries)
			}
			if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != c.code {
				t.Errorf("no StatusError; want e.Code %v", c.code)
			}
			for _, r := range seen.sent {
				checkSafe(t, r.Err.Error())
			}
			if elsewhere.Load() {
				t.Error("the redirect was followed")
			}
		})
	}
}

func TestAnUnparsableRedirectIsOneToo(t *testing.T) {
	url := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://%zz"+canary+"\r\nContent-Length: 0\r\n\r\n")
	})
	_, err := newClient(t, url, nil).Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonHTTP, "HTTP 302")
}

func TestExplainIsCleaned(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400); io.WriteString(w, "code") })
	c := newClient(t, s.URL, func(cfg *Config) {
		cfg.Explain = func(_ http.Header, b []byte) string {
			return string(b) + " \x1b[31m\r\nx\x00\u009b\xff" + strings.Repeat("y", 1000)
		}
	})
	_, err := c.Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonHTTP, "HTTP 400 Bad Request (code ")
	if len(err.Error()) > 600 {
		t.Errorf("%d bytes; want at most 600", len(err.Error()))
	}
}

func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name, want string
		codes      []int
		ok         bool
	}{
		{"fixed at once", "500 200", []int{500, 200}, true},
		{"fixed at last", "502 504 200", []int{502, 504, 200}, true},
		{"not fixed", "500 500 500", []int{500, 500, 500, 200}, false},
		{"refused meanwhile", "500 401", []int{500, 401, 200}, false},
		{"asked for quiet meanwhile", "502 429", []int{502, 429, 200}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var n, signed atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if b, _ := io.ReadAll(r.Body); string(b) != "{}" {
					t.Errorf(`body %q; want "{}"`, b)
				}
				if r.Header.Get("Signed") != fmt.Sprint(n.Add(1)) {
					t.Error("signed once for several attempts")
				}
				w.WriteHeader(c.codes[n.Load()-1])
			})
			client := newClient(t, s.URL, func(cfg *Config) {
				cfg.Sign = func(r *http.Request) error { r.Header.Set("Signed", fmt.Sprint(signed.Add(1))); return nil }
			})
			var seen traceLog
			_, err := client.Endpoint().Do(seen.in(soon(t)), Request{Method: "POST", Path: "/", Body: []byte("{}")})
			if (err == nil) != c.ok || seen.codes() != c.want {
				t.Errorf("%v after %s, want %s", err, seen.codes(), c.want)
			}
		})
	}
}

// near is a context that always has 100 ms left, which is too little for any retry.
type near struct{ context.Context }

func (near) Deadline() (time.Time, bool) { return time.Now().Add(100 * time.Millisecond), true }

func TestRetriesFitTheDeadline(t *testing.T) {
	var code atomic.Int32
	code.Store(http.StatusOK)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(int(code.Load())) })
	endpoint := newClient(t, s.URL, nil).Endpoint()
	if _, err := endpoint.Do(soon(t), get); err != nil { // connected from here on
		t.Fatal(err)
	}
	code.Store(http.StatusInternalServerError)
	var seen traceLog
	_, err := endpoint.Do(near{seen.in(t.Context())}, get)
	check(t, err, session.ReasonHTTP, "HTTP 500")
	if seen.codes() != "500" {
		t.Errorf(`%v; want "500"`, seen.codes())
	}
}

func TestADroppedConnectionIsRetried(t *testing.T) {
	var n atomic.Int32
	url := raw(t, func(c net.Conn) {
		if n.Add(1) == 1 {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	var seen traceLog
	a, err := newClient(t, url, nil).Endpoint().Do(seen.in(soon(t)), Request{Method: "POST", Path: "/", Body: []byte("{}")})
	if err != nil || string(a.Body) != "ok" || seen.codes() != "0 200" {
		t.Errorf(`%v after %s; want string(a.Body) "ok", "0 200"`, err, seen.codes())
	}
}

func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func TestBrokenServers(t *testing.T) {
	say := func(s string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, s) } }
	const head = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name string
		do   func(net.Conn)
		want session.Reason
		text string
	}{
		{"closes", func(net.Conn) {}, session.ReasonConnect, "connection closed before an answer"},
		{"resets", reset, session.ReasonConnect, "reset by peer"},
		{"closes in a header line", say(head + "Content-"), session.ReasonDecode, "not HTTP"},
		{"closes in the header", say(head + "Content-Type: x\r\n"), session.ReasonConnect, "connection closed before an answer"},
		{"is no HTTP server", say("SSH-2.0-" + canary + "\r\n\x1b[31m\x00"), session.ReasonDecode, "not HTTP"},
		{"has a bad status", say("HTTP/1.1 " + canary + " no\r\n\r\n"), session.ReasonDecode, "not HTTP"},
		{"has a bad version", say("HTTP/9" + canary + " 200 OK\r\n\r\n"), session.ReasonDecode, "not HTTP"},
		{"has a bad header", say(head + canary + "\x01\r\n\r\n"), session.ReasonDecode, "not HTTP"},
		{"has a bad length", say(head + "Content-Length: " + canary + "\r\n\r\n"), session.ReasonDecode, "not HTTP"},
		{"has two lengths", say(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), session.ReasonDecode, "not HTTP"},
		{"has an unknown transfer encoding", say(head + "Transfer-Encoding: " + canary + "\r\n\r\n"), session.ReasonDecode, "not HTTP"},
		{"has an endless header", func(c net.Conn) {
			io.WriteString(c, head)
			line := []byte("X: " + strings.Repeat("x", 1<<16) + "\r\n")
			for {
				if _, err := c.Write(line); err != nil {
					return
				}
			}
		}, session.ReasonDecode, "headers are larger than 256 KiB"},
		{"cuts the body", say(head + "Content-Length: 100\r\n\r\n" + canary), session.ReasonDecode, "ends in the middle"},
		{"cuts a chunk", say(head + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + canary), session.ReasonDecode, "ends in the middle"},
		{"leaves out the last chunk", say(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), session.ReasonDecode, "ends in the middle"},
		{"has a bad chunk", say(head + "Transfer-Encoding: chunked\r\n\r\n" + canary + "\r\n"), session.ReasonDecode, "not valid HTTP"},
		{"resets in the body", func(c net.Conn) {
			io.WriteString(c, head+"Content-Length: 100\r\n\r\nx")
			time.Sleep(20 * time.Millisecond) // so that the header is read before the reset
			reset(c)
		}, session.ReasonConnect, "reset by peer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var seen traceLog
			_, err := newClient(t, raw(t, c.do), nil).Endpoint().Do(seen.in(soon(t)), get)
			check(t, err, c.want, c.text)
			tries := 1
			if c.want == session.ReasonConnect {
				tries = maxAttempts
			}
			if len(seen.sent) != tries {
				t.Errorf("%d attempts, want %d", len(seen.sent), tries)
			}
			for _, r := range seen.sent {
				check(t, r.Err, c.want, c.text)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	_, err = newClient(t, url, nil).Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonConnect, "connection refused")

	_, err = newClient(t, "http://no-such-host.invalid", nil).Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonConnect, "GET /api: ")
}

func TestAProxysWordsAreNotRepeated(t *testing.T) {
	proxy := raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 407 "+canary+"\r\nContent-Length: 0\r\n\r\n") })
	c := newClient(t, "https://api.example.com", func(cfg *Config) { cfg.HTTP.ProxyURL.URL = mustParse(proxy) })
	_, err := c.Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonConnect, "the proxy answers HTTP 407 Proxy Authentication Required")
}

func TestOneDeadline(t *testing.T) {
	for name, do := range map[string]func(net.Conn){
		"no answer":     func(c net.Conn) { io.Copy(io.Discard, c) },
		"half a header": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX"); io.Copy(io.Discard, c) },
		"half a body": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
			io.Copy(io.Discard, c)
		},
		"drop for drop": func(c net.Conn) { drip(c) },
		"gzip on the go": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b")
			io.Copy(io.Discard, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, do)
			c := newClient(t, url, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := c.Endpoint().Do(ctx, get)
			check(t, err, session.ReasonTimeout, "no answer within the time allowed")
			if d := time.Since(begin); d > 10*time.Second {
				t.Errorf("took %s; want at most %s", d, 10*time.Second)
			}

			// A context that callers share is cancelled; its cause tells.
			shared, end := context.WithCancelCause(t.Context())
			time.AfterFunc(60*time.Millisecond, func() { end(context.DeadlineExceeded) })
			_, err = c.Endpoint().Do(shared, get)
			check(t, err, session.ReasonTimeout, "no answer within the time allowed")

			late, end2 := context.WithTimeoutCause(t.Context(), 60*time.Millisecond, errors.New("late"))
			defer end2()
			_, err = c.Endpoint().Do(late, get)
			check(t, err, session.ReasonTimeout, "no answer within the time allowed")

			// A hang-up is no failure of the API.
			gone, cancel2 := context.WithCancel(t.Context())
			time.AfterFunc(60*time.Millisecond, cancel2)
			_, err = c.Endpoint().Do(gone, get)
			if _, ok := errors.AsType[*session.Error](err); ok || err != context.Canceled {
				t.Errorf("%T %v", err, err)
			}

			why := errors.New("the last waiter left")
			left, end3 := context.WithCancelCause(t.Context())
			time.AfterFunc(60*time.Millisecond, func() { end3(why) })
			_, err = c.Endpoint().Do(left, get)
			if !errors.Is(err, why) || reasonOf(err) != "gone" {
				t.Errorf("%T %v", err, err)
			}
		})
	}
}

func drip(c net.Conn) {
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	for {
		if _, err := io.WriteString(c, " "); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestNothingIsSentTooLate(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	c := newClient(t, s.URL, nil)
	var seen traceLog
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Endpoint().Do(seen.in(ctx), get); err != context.Canceled {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), -1)
	defer cancel()
	_, err := c.Endpoint().Do(seen.in(ctx), get)
	check(t, err, session.ReasonTimeout, "")
	if len(seen.sent) != 0 {
		t.Errorf("reported as sent; len(seen.sent) = %v, want 0", len(seen.sent))
	}
}

// whenAnswered returns a context that ends once an answer has begun to come, and
// its header is read.
func whenAnswered(t *testing.T, cause error) context.Context {
	ctx, end := context.WithCancelCause(t.Context())
	t.Cleanup(func() { end(nil) })
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() {
		time.AfterFunc(50*time.Millisecond, func() { end(cause) })
	}})
}

// A status says more than the time that ran out in what came after it.
func TestAnErrorAnswerThatHangs(t *testing.T) {
	url := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\n{")
		io.Copy(io.Discard, c)
	})
	clk := newClock()
	endpoint := newClient(t, url, func(cfg *Config) { cfg.Now = clk.Now }).Endpoint()
	_, err := endpoint.Do(whenAnswered(t, context.DeadlineExceeded), get)
	check(t, err, session.ReasonAuth, "HTTP 401")
	check(t, endpoint.BackedOff(), session.ReasonAuth, "not asked for another 2m0s")

	endpoint = newClient(t, url, func(cfg *Config) { cfg.Now = clk.Now }).Endpoint()
	if _, err := endpoint.Do(whenAnswered(t, context.Canceled), get); err != context.Canceled {
		t.Error(err)
	}
	check(t, endpoint.BackedOff(), session.ReasonAuth, "HTTP 401") // the account can be locked all the same
}

func TestUnreadableSecretsSendNothing(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	missing := t.TempDir() + "/missing"
	for name, change := range map[string]func(*Config){
		"password": basicAuth(missing),
		"key":      func(c *Config) { c.SecretFiles = []string{missing} },
		"signer":   func(c *Config) { c.Sign = func(*http.Request) error { return errors.New("no key") } },
	} {
		var seen traceLog
		endpoint := newClient(t, s.URL, change).Endpoint()
		_, err := endpoint.Do(seen.in(soon(t)), get)
		part := "no such file"
		if name == "signer" {
			part = "no key"
		}
		check(t, err, session.ReasonAuth, part)
		if len(seen.sent) != 0 || endpoint.BackedOff() != nil {
			t.Errorf("%s: reported %v, backed off %v; want len 0", name, seen.sent, endpoint.BackedOff())
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, url := range []string{"", "host", "host:80", "//host", "file:///x", "http://", "http://u:" + canary + "@h", "http://h/p", "http://h?" + canary, "http://h#f", "http://h/%zz" + canary, "http://h:" + canary} {
		if c, err := New(Config{BaseURL: url}); err == nil {
			c.Close()
			t.Errorf("%q is taken", url)
		} else {
			checkSafe(t, err.Error())
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                     "plain",
		"a\r\nb\x00c\x1b[1m":        "a  b c [1m",
		"é✓\u202e":                  "é✓ ",
		"\xff\xfe":                  "  ",
		strings.Repeat("é", 15):     strings.Repeat("é", 8) + "...",
		strings.Repeat("x", 20):     strings.Repeat("x", 20),
		strings.Repeat("\u2028", 5): "     ",
	} {
		if got := clean(in, 20); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
