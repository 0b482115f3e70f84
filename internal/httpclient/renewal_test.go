package httpclient

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// While a token is good, a token endpoint that fails costs no request, and is not
// asked for each.
func TestATokenIsUsedUntilItEnds(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   session.Reason
		asked  int // during the last 50 seconds
	}{
		"server error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, session.ReasonHTTP, 2},
		"refused":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, session.ReasonAuth, 1},
		"rate limited": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(429)
		}, session.ReasonRateLimited, 3},
		"not a token": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, session.ReasonDecode, 2},
		"closes":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, session.ReasonConnect, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			clk := newClock()
			l := newClient(t, p.URL, func(cfg *Config) {
				oauth(p.URL+"/token", file(t, canary+"-1"))(cfg)
				cfg.Now = clk.Now
			}).Endpoint()
			if _, err := l.Do(soon(t), get); err != nil {
				t.Fatal(err)
			}
			before := p.count()
			p.set(func() {
				p.token = func(w http.ResponseWriter, r *http.Request) bool {
					p.mu.Unlock()
					defer p.mu.Lock()
					c.answer(w, r)
					return true
				}
			})
			clk.Advance(time.Hour - 50*time.Second - time.Second) // the life is reckoned by the real clock
			for range 10 {
				if _, err := l.Do(soon(t), get); err != nil {
					t.Fatal(err)
				}
				clk.Advance(5 * time.Second)
			}
			if n := p.count() - before; n != c.asked {
				t.Errorf("asked for a token %d times, want %d", n, c.asked)
			}
			clk.Advance(time.Minute)
			_, err := l.Do(soon(t), get)
			check(t, err, c.want, tokenRequest)
		})
	}
}

// A token that the API refuses is not used again, however long it would be good.
func TestARefusedTokenIsNotUsedAgain(t *testing.T) {
	p := newIDP(t)
	l := newClient(t, p.URL, oauth(p.URL+"/token", file(t, canary+"-1"))).Endpoint()
	if _, err := l.Do(soon(t), get); err != nil {
		t.Fatal(err)
	}
	p.set(func() {
		clear(p.valid)
		p.token = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
	})
	var seen traceLog
	_, err := l.Do(seen.in(soon(t)), get)
	check(t, err, session.ReasonHTTP, tokenRequest)
	if seen.codes() != "401 503" {
		t.Errorf(`answers %s; want "401 503"`, seen.codes())
	}
}

// A lifetime that can't be true is taken for a day.
func TestTokensAreNotKeptForEver(t *testing.T) {
	for _, life := range []string{"-1", "10000000000", "1000000"} {
		p := newIDP(t)
		p.token = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			p.valid["t"] = true
			fmt.Fprintf(w, `{"access_token":"t","expires_in":%s}`, life)
			return true
		}
		clk := newClock()
		l := newClient(t, p.URL, func(cfg *Config) {
			oauth(p.URL+"/token", file(t, canary))(cfg)
			cfg.Now = clk.Now
		}).Endpoint()
		for range 8 {
			if _, err := l.Do(soon(t), get); err != nil {
				t.Fatal(err)
			}
			clk.Advance(12 * time.Hour)
		}
		if p.count() != 4 {
			t.Errorf("expires_in %s: fetched %d times in 4 days; want 4", life, p.count())
		}
	}
}
