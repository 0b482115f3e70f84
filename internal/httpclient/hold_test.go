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

func TestHolds(t *testing.T) {
	serverNow := time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC) // far from our clock
	for _, c := range []struct {
		name       string
		code       int
		retryAfter string
		hold       time.Duration
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
			lane := client.Lane()
			_, err := lane.Do(soon(t), get)
			check(t, err, c.reason, fmt.Sprintf("HTTP %d", c.code))
			if c.hold > 0 {
				clk.Advance(c.hold - time.Millisecond)
				var seen traceLog
				_, err = lane.Do(seen.in(soon(t)), get)
				check(t, err, c.reason, "not asked for another 1s after: GET /api: HTTP")
				check(t, lane.Held(), c.reason, "not asked")
				if len(seen.sent) != 0 || asked.Load() != 1 {
					t.Errorf("asked in a hold; len(seen.sent) = %v, want 0; asked.Load() = %v, want 1", len(seen.sent), asked.Load())
				}
				if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != c.code {
					t.Errorf("the failure that began the hold is lost; want e.Code %v", c.code)
				}
				if client.Lane().Held() != nil {
					t.Error("the hold is on another lane, too")
				}
				clk.Advance(time.Millisecond)
			}
			if err := lane.Held(); err != nil {
				t.Errorf("held after %s: %v", c.hold, err)
			}
			if _, err := lane.Do(soon(t), get); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNewCredentialsEndAHold(t *testing.T) {
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
			lane := newClient(t, s.URL, func(cfg *Config) {
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
			}).Lane()
			if _, err := lane.Do(soon(t), get); err == nil {
				t.Fatal("let in")
			}
			write(t, secret, canary+"-bad") // the same
			if lane.Held() == nil {
				t.Error("a file that was only touched ends a hold")
			}
			write(t, secret, canary+"-worse")
			if lane.Held() != nil {
				t.Error("still held")
			}
			_, err := lane.Do(soon(t), get)
			check(t, err, map[int]session.Reason{401: session.ReasonAuth, 403: session.ReasonForbidden}[code], "HTTP")
			if lane.Held() == nil {
				t.Error("not held again")
			}
			write(t, secret, good)
			if _, err := lane.Do(soon(t), get); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCredentialsDoNotEndQuiet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) })
	secret := file(t, "a")
	lane := newClient(t, s.URL, basicAuth(secret)).Lane()
	if _, err := lane.Do(soon(t), get); err == nil {
		t.Fatal("no error")
	}
	write(t, secret, "b")
	check(t, lane.Held(), session.ReasonRateLimited, "HTTP 429")
}

func TestTheLongestHoldCounts(t *testing.T) {
	clk := newClock()
	lane := newClient(t, "http://127.0.0.1", func(cfg *Config) { cfg.Now = clk.Now }).Lane()
	failed := func(code int, after string) error {
		return fail(statusReason(code, http.Header{"Retry-After": {after}}), "x", &StatusError{Code: code, Header: http.Header{"Retry-After": {after}}})
	}
	lane.hold(failed(401, ""), 7)
	lane.hold(failed(429, "5"), 7)
	clk.Advance(10 * time.Second)
	lane.creds = 0 // as if they had not changed
	check(t, lane.Held(), session.ReasonAuth, "1m50s")
	lane.hold(failed(429, "600"), 7)
	check(t, lane.Held(), session.ReasonRateLimited, "10m0s")
}
