package intersight

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// With OAuth2 nothing is signed, and one token serves both lists and several
// refreshes.
func TestOAuth2(t *testing.T) {
	var tokens atomic.Int64
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":600,"token_type":"Bearer"}`, tokens.Add(1))
	}))
	t.Cleanup(issuer.Close)
	f := newFakeAPI(t, rows(3)...)
	check := func(r *http.Request, token string) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+token || r.Header.Get("Digest") != "" {
			t.Errorf(`%s: %s; want %s; r.Header.Get("Digest") = %v, want ""`, r.URL.Path, got, "Bearer "+token, r.Header.Get("Digest"))
		}
	}
	var want atomic.Value
	want.Store("token-1")
	f.sessions = func(_ int, _ http.ResponseWriter, r *http.Request) bool { check(r, want.Load().(string)); return false }
	limits := f.limits
	f.limits = func(w http.ResponseWriter, r *http.Request) { check(r, want.Load().(string)); limits(w, r) }
	b := newBench(t, f.url, func(c *Config) {
		c.HTTP.OAuth2 = &promconfig.OAuth2{ClientID: "c", ClientSecretFile: writeFile(t, "secret", "s"), TokenURL: issuer.URL}
	})
	b.snapshot(t)
	b.snapshot(t)
	want.Store("token-2")
	b.clock.Advance(10 * time.Minute)
	b.snapshot(t)
	if n := tokens.Load(); n != 2 {
		t.Errorf("%d tokens; want 2", n)
	}
}
