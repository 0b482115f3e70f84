package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"

	"go.uber.org/goleak"
)

// serve starts a server that is closed at the test's end, when nothing of it
// may be left.
func serve(t *testing.T, h http.Handler, o simulator.ServeOptions) (*simulator.Server, *http.Client) {
	t.Helper()
	s, err := simulator.Serve(h, o)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t)
	})
	return s, client
}

func TestEffects(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 100})
	right := testkit.Post(oam.New(w, oam.Options{Rows: oam.RowsFixed}), oam.PathSearch, "{}").Body.Bytes()
	retry := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	header := func(name, want string) func(*testing.T, *http.Response, []byte, error) {
		return func(t *testing.T, r *http.Response, _ []byte, _ error) {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	for _, c := range []struct {
		name   string
		effect Effect
		status int // 0: no answer
		check  func(t *testing.T, r *http.Response, body []byte, err error)
	}{
		{"latency", Latency(time.Millisecond), 200, func(t *testing.T, _ *http.Response, b []byte, _ error) {
			if !bytes.Equal(b, right) {
				t.Errorf("%s; want %q", b, right)
			}
		}},
		{"status", Status(502), 502, nil},
		{"429", RetryAfter(429, 7*time.Second), 429, header("Retry-After", "7")},
		{"503 with a date", RetryAfterDate(503, retry), 503, header("Retry-After", "Mon, 02 Mar 2026 10:00:00 GMT")},
		{"redirect", Redirect("https://login.example.com/"), 302, header("Location", "https://login.example.com/")},
		{"login page", LoginPage(), 200, header("Content-Type", "text/html; charset=utf-8")},
		{"empty", Empty(), 200, func(t *testing.T, _ *http.Response, b []byte, err error) {
			if len(b) > 0 || err != nil {
				t.Errorf("%s, %v; want len 0", b, err)
			}
		}},
		{"wrong type", JSON("[1]"), 200, func(t *testing.T, _ *http.Response, b []byte, _ error) {
			if string(b) != "[1]" {
				t.Errorf(`%s; want "[1]"`, b)
			}
		}},
		{"garbage", Garbage(1), 200, func(t *testing.T, _ *http.Response, b []byte, _ error) {
			if len(b) != 4096 || json.Valid(b) {
				t.Errorf("%q; want len 4096", b)
			}
		}},
		{"truncated", Truncated(), 200, func(t *testing.T, _ *http.Response, b []byte, err error) {
			if err != nil || !bytes.Equal(b, right[:len(right)/2]) {
				t.Errorf("%d bytes, %v; %q, want %q", len(b), err, b, right[:len(right)/2])
			}
		}},
		{"cut", Cut(), 200, func(t *testing.T, r *http.Response, b []byte, err error) {
			if err == nil || r.ContentLength != int64(len(right)) && r.ProtoMajor == 1 {
				t.Errorf("%d bytes of %d, %v", len(b), r.ContentLength, err)
			}
		}},
		{"rewrite", Rewrite(func(b []byte) []byte { return append(b, "tail"...) }), 200, func(t *testing.T, _ *http.Response, b []byte, _ error) {
			if string(b) != string(right)+"tail" {
				t.Errorf("%s; want %v", b, string(right)+"tail")
			}
		}},
		{"oversize", Oversize(17 << 20), 200, func(t *testing.T, _ *http.Response, b []byte, err error) {
			if len(b) < 17<<20 || err != nil || !json.Valid(b) {
				t.Errorf("%d bytes, %v; want at least %d", len(b), err, 17<<20)
			}
		}},
		{"bomb", GzipBomb(17 << 20), 200, func(t *testing.T, r *http.Response, b []byte, _ error) {
			if r.Header.Get("Content-Encoding") != "gzip" || len(b) > 1<<20 {
				t.Fatalf(`%d bytes, %v; want Content-Encoding "gzip", at most %d`, len(b), r.Header, 1<<20)
			}
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, z); n < 17<<20 || err != nil {
				t.Errorf("%d bytes inside, %v; want at least %d", n, err, 17<<20)
			}
		}},
		{"reset", Reset(), 0, func(t *testing.T, r *http.Response, _ []byte, err error) {
			if err == nil || r == nil && !errors.Is(err, syscall.ECONNRESET) && !strings.Contains(err.Error(), "http2") && !strings.Contains(err.Error(), "stream") {
				t.Error(err)
			}
		}},
	} {
		for _, o := range []simulator.ServeOptions{{}, {TLS: true}, {TLS: true, DisableHTTP2: true}} {
			if o.TLS && (c.name == "oversize" || c.name == "bomb") {
				continue // the same, and slow
			}
			t.Run(c.name, func(t *testing.T) {
				f := New(oam.New(w, oam.Options{Rows: oam.RowsFixed}), 1)
				f.Clock = func() time.Time { return retry }
				f.Set(Fault{Effect: c.effect})
				s, client := serve(t, f, o)
				r, err := http.NewRequest(http.MethodPost, s.URL+oam.PathSearch, strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/json")
				r.Header.Set("Accept-Encoding", "gzip")
				resp, err := client.Do(r)
				if err != nil {
					if c.status != 0 {
						t.Fatal(err)
					}
					c.check(t, nil, nil, err)
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode != c.status {
					t.Errorf("status %d; want %d", resp.StatusCode, c.status)
				}
				if h2 := resp.ProtoMajor == 2; h2 != (o.TLS && !o.DisableHTTP2) {
					t.Errorf("%v; want HTTP/2: %v", resp.Proto, o.TLS && !o.DisableHTTP2)
				}
				if c.check != nil {
					c.check(t, resp, b, err)
				}
			})
		}
	}
}

func TestHangsEnd(t *testing.T) {
	for _, effect := range []Effect{Hang(), HangBody(), Latency(time.Hour)} {
		for _, o := range []simulator.ServeOptions{{}, {TLS: true}} {
			f := New(http.NotFoundHandler(), 1)
			entered := make(chan bool, 1)
			left := make(chan bool, 1)
			f.Set(Fault{Effect: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				entered <- true
				defer func() { left <- true }()
				effect(w, r, next)
			}})
			s, client := serve(t, f, o)
			ctx, cancel := context.WithCancel(t.Context())
			ask := func() {
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader("{}"))
				if resp, err := client.Do(r); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
			// The client leaves.
			done := make(chan bool)
			go func() { ask(); done <- true }()
			<-entered
			cancel()
			<-left
			<-done
			// The server closes.
			ctx = t.Context()
			go func() { ask(); done <- true }()
			<-entered
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			<-left
			<-done
		}
	}
}

func TestWhichRequestsAFaultFallsOn(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	f := New(ok, 1)
	run := func(paths ...string) (out []int) {
		for _, p := range paths {
			out = append(out, testkit.Get(f, p).Code)
		}
		return out
	}
	check := func(got []int, want ...int) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%v; want len %v", got, len(want))
		}
		for n := range got {
			if got[n] != want[n] {
				t.Errorf("got %v, want %v", got, want)
				return
			}
		}
	}
	check(run("/a"), 200)
	f.Set(Fault{Path: "/a", From: 2, Count: 2, Effect: Status(503)}, Fault{Path: "/", Effect: Status(429), From: 5})
	check(run("/a", "/b", "/a", "/a", "/a", "/b"), 200, 200, 503, 503, 429, 429)
	if f.Requests() != 7 || f.Hits() != 4 {
		t.Errorf("%d requests, %d hits; want 7, 4", f.Requests(), f.Hits())
	}
	f.Clear()
	check(run("/a"), 200)
	f.Set(Fault{Probability: 0.3, Effect: Status(500)})
	hits := 0
	for range 1000 {
		if run("/a")[0] == 500 {
			hits++
		}
	}
	if hits < 200 || hits > 400 {
		t.Errorf("%d of 1000; want at least 200, at most 400", hits)
	}
}
