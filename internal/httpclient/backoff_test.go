package httpclient

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func TestBackoff(t *testing.T) {
	serverNow := time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC) // far from our clock
	for _, c := range []struct {
		name       string
		code       int
		retryAfter string
		backoff    time.Duration
		reason     session.Reason
	}{
		{"unauthorized", 401, "", 2 * time.Minute, session.ReasonAuth},
		{"forbidden", 403, "", 2 * time.Minute, session.ReasonForbidden},
		{"forbidden, whatever it says", 403, "5", 2 * time.Minute, session.ReasonForbidden},
		{"too many", 429, "", 30 * time.Second, session.ReasonRateLimited},
		{"too many, seconds", 429, "7", 7 * time.Second, session.ReasonRateLimited},
		{"too many, blanks", 429, "  7 ", 7 * time.Second, session.ReasonRateLimited},
		{"too many, date", 429, serverNow.Add(time.Minute).Format(http.TimeFormat), time.Minute, session.ReasonRateLimited},
		{"too many, past date", 429, serverNow.Add(-time.Minute).Format(http.TimeFormat), 0, session.ReasonRateLimited},
		{"too many, at once", 429, "0", 0, session.ReasonRateLimited},
		{"too many, nonsense", 429, "soon", 30 * time.Second, session.ReasonRateLimited},
		{"too many, negative", 429, "-5", 30 * time.Second, session.ReasonRateLimited},
		{"too many, a day", 429, "86400", 15 * time.Minute, session.ReasonRateLimited},
		{"too many, for ever", 429, "99999999999999999999999", 15 * time.Minute, session.ReasonRateLimited},
		{"too many, far date", 429, serverNow.AddDate(100, 0, 0).Format(http.TimeFormat), 15 * time.Minute, session.ReasonRateLimited},
		{"unavailable", 503, "", 30 * time.Second, session.ReasonHTTP},
		{"unavailable, seconds", 503, "7", 7 * time.Second, session.ReasonRateLimited},
		{"unavailable, nonsense", 503, "soon", 30 * time.Second, session.ReasonRateLimited},
		{"not found", 404, "60", 0, session.ReasonHTTP},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", serverNow.Format(http.TimeFormat))
				if asked.Add(1) > 1 {
					return
				}
				if c.retryAfter != "" {
					w.Header().Set("Retry-After", c.retryAfter)
				}
				w.WriteHeader(c.code)
			})
			clk := newClock()
			client := newClient(t, s.URL, func(cfg *Config) { cfg.Now = clk.Now })
			endpoint := client.Endpoint()
			_, err := endpoint.Do(soon(t), get)
			check(t, err, c.reason, fmt.Sprintf("HTTP %d", c.code))
			if c.backoff > 0 {
				clk.Advance(c.backoff - time.Millisecond)
				var seen traceLog
				_, err = endpoint.Do(seen.in(soon(t)), get)
				check(t, err, c.reason, "not asked for another 1s after: GET /api: HTTP")
				check(t, endpoint.BackedOff(), c.reason, "not asked")
				if len(seen.sent) != 0 || asked.Load() != 1 {
					t.Errorf("asked while backed off; len(seen.sent) = %v, want 0; asked.Load() = %v, want 1", len(seen.sent), asked.Load())
				}
				if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != c.code {
					t.Errorf("the failure that began the back-off is lost; want e.Code %v", c.code)
				}
				if client.Endpoint().BackedOff() != nil {
					t.Error("another endpoint is backed off, too")
				}
				clk.Advance(time.Millisecond)
			}
			if err := endpoint.BackedOff(); err != nil {
				t.Errorf("backed off after %s: %v", c.backoff, err)
			}
			if _, err := endpoint.Do(soon(t), get); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNewCredentialsEndABackoff(t *testing.T) {
	for _, code := range []int{401, 403} {
		for _, kind := range []string{"password", "key"} {
			good := canary + "-good"
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if _, p, _ := r.BasicAuth(); p != good && r.Header.Get("Key") != good {
					w.WriteHeader(code)
				}
			})
			secret := file(t, canary+"-bad")
			clk := newClock()
			endpoint := newClient(t, s.URL, func(cfg *Config) {
				cfg.Now = clk.Now
				if kind == "password" {
					basicAuth(secret)(cfg)
					return
				}
				cfg.SecretFiles = []string{secret}
				cfg.Sign = func(r *http.Request) error {
					b, err := os.ReadFile(secret)
					r.Header.Set("Key", string(b))
					return err
				}
			}).Endpoint()
			if _, err := endpoint.Do(soon(t), get); err == nil {
				t.Fatal("let in")
			}
			write(t, secret, canary+"-bad") // the same
			if endpoint.BackedOff() == nil {
				t.Error("a file that was only touched ends a back-off")
			}
			write(t, secret, canary+"-worse")
			if endpoint.BackedOff() != nil {
				t.Error("still backed off")
			}
			_, err := endpoint.Do(soon(t), get)
			check(t, err, map[int]session.Reason{401: session.ReasonAuth, 403: session.ReasonForbidden}[code], "HTTP")
			if endpoint.BackedOff() == nil {
				t.Error("not backed off again")
			}
			write(t, secret, good)
			if _, err := endpoint.Do(soon(t), get); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNewCredentialsDoNotLiftARateLimit(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) })
	secret := file(t, "a")
	endpoint := newClient(t, s.URL, basicAuth(secret)).Endpoint()
	if _, err := endpoint.Do(soon(t), get); err == nil {
		t.Fatal("no error")
	}
	write(t, secret, "b")
	check(t, endpoint.BackedOff(), session.ReasonRateLimited, "HTTP 429")
}

func TestTheLongestBackoffCounts(t *testing.T) {
	clk := newClock()
	endpoint := newClient(t, "http://127.0.0.1", func(cfg *Config) { cfg.Now = clk.Now }).Endpoint()
	failed := func(code int, after string) error {
		return fail(statusReason(code, http.Header{"Retry-After": {after}}), "x", &StatusError{Code: code, Header: http.Header{"Retry-After": {after}}})
	}
	endpoint.backOff(failed(401, ""), 7)
	endpoint.backOff(failed(429, "5"), 7)
	clk.Advance(10 * time.Second)
	endpoint.creds = 0 // as if they had not changed
	check(t, endpoint.BackedOff(), session.ReasonAuth, "1m50s")
	endpoint.backOff(failed(429, "600"), 7)
	check(t, endpoint.BackedOff(), session.ReasonRateLimited, "10m0s")
}
