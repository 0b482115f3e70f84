package httpclient

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// keeper is an API that makes a session for each request without its cookie.
type keeper struct {
	mu       sync.Mutex
	sessions int
	got      []string // the Cookie header of each request
	answer   func(http.ResponseWriter, *http.Request)
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, strings.Join(r.Header.Values("Cookie"), " | "))
	if _, err := r.Cookie("JSESSIONID"); err != nil {
		k.sessions++
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: fmt.Sprint(canary, "-", k.sessions), Path: "/oam", HttpOnly: true})
	}
	if k.answer != nil {
		k.answer(w, r)
	}
}

func (k *keeper) set(f func(http.ResponseWriter, *http.Request)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = f
}

func (k *keeper) last() string { k.mu.Lock(); defer k.mu.Unlock(); return k.got[len(k.got)-1] }

var search = Request{Method: "POST", Path: "/oam/sessions", Body: []byte("{}"), What: "POST /oam/sessions"}

func withCookies(c *Config) { c.Cookies = true }

func TestSessionCookiesAreSentBack(t *testing.T) {
	k := new(keeper)
	s := serve(t, k.ServeHTTP)
	endpoint := newClient(t, s.URL, withCookies).Endpoint()
	var seen traceLog
	for range 10 {
		a, err := endpoint.Do(seen.in(soon(t)), search)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(fmt.Sprint(a.Header), canary) {
			t.Error("the cookie is passed on")
		}
	}
	if k.sessions != 1 || k.last() != "JSESSIONID="+canary+"-1" {
		t.Errorf("%d sessions for 10 requests; %q; want 1, %q", k.sessions, k.last(), "JSESSIONID="+canary+"-1")
	}
	for _, r := range seen.sent {
		checkSafe(t, fmt.Sprint(r))
	}
	// Only where it is wanted: with Intersight a cookie is another way to log in.
	k = new(keeper)
	s = serve(t, k.ServeHTTP)
	endpoint = newClient(t, s.URL, nil).Endpoint()
	for range 3 {
		if _, err := endpoint.Do(soon(t), search); err != nil || k.last() != "" {
			t.Errorf(`%v, %v; want ""`, err, k.last())
		}
	}
}

func TestCookiesAreForgotten(t *testing.T) {
	k := new(keeper)
	s := serve(t, k.ServeHTTP)
	secret := file(t, "one")
	clk := newClock()
	endpoint := newClient(t, s.URL, func(cfg *Config) { withCookies(cfg); basicAuth(secret)(cfg); cfg.Now = clk.Now }).Endpoint()
	do := func(want string) {
		t.Helper()
		if _, err := endpoint.Do(soon(t), search); err != nil {
			checkSafe(t, err.Error())
		}
		if got := k.last(); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
		clk.Advance(refusedBackoff)
	}
	one, two := "JSESSIONID="+canary+"-1", "JSESSIONID="+canary+"-2"
	do("")
	do(one)
	write(t, secret, "two")
	do("")
	do(two)
	write(t, secret, "\ufefftwo\n") // the same
	do(two)
	for _, code := range []int{404, 500, 302} {
		k.set(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
		do(two)
	}
	for i, code := range []int{401, 403, 400, 431} {
		k.set(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
		do(fmt.Sprint("JSESSIONID=", canary, "-", i+2))
		k.set(nil)
		do("")
	}
}

// Not to the token endpoint, not to another host, not from the token endpoint.
func TestCookiesStayWithTheAPI(t *testing.T) {
	p := newIDP(t)
	var cookies atomic.Int32
	p.token = func(w http.ResponseWriter, r *http.Request) bool {
		if len(r.Cookies()) > 0 {
			t.Error("the token endpoint gets cookies")
		}
		http.SetCookie(w, &http.Cookie{Name: "T", Value: canary})
		return false
	}
	var api *keeper
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/token") {
			p.Config.Handler.ServeHTTP(w, r)
			return
		}
		if strings.Contains(r.Header.Get("Cookie"), "T=") {
			cookies.Add(1)
		}
		for _, c := range []http.Cookie{
			{Name: "elsewhere", Value: canary, Domain: "example.com"},
			{Name: "below", Value: canary, Path: "/oam/sessions/x"},
			{Name: "beside", Value: canary, Path: "/oa"},
			{Name: "secure", Value: canary, Secure: true},
			{Name: "past", Value: canary, MaxAge: -1},
			{Name: "long", Value: strings.Repeat("x", maxCookieBytes)},
		} {
			http.SetCookie(w, &c)
		}
		api.ServeHTTP(w, r)
	})
	api = new(keeper)
	clk := newClock()
	endpoint := newClient(t, s.URL, func(cfg *Config) {
		withCookies(cfg)
		oauth(s.URL+"/token", file(t, canary+"-1"))(cfg)
		cfg.Now = clk.Now
	}).Endpoint()
	for range 3 {
		if _, err := endpoint.Do(soon(t), search); err != nil {
			t.Fatal(err)
		}
		clk.Advance(2 * maxLifetime)
	}
	if p.count() != 3 || cookies.Load() != 0 || api.last() != "JSESSIONID="+canary+"-1" {
		t.Errorf("%d tokens, %d of their cookies; %q; want 3, 0, %q", p.count(), cookies.Load(), api.last(), "JSESSIONID="+canary+"-1")
	}
}

func TestCookiesAreBounded(t *testing.T) {
	n := 0
	k := &keeper{answer: func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			n++
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", n), Value: strings.Repeat("x", 1000), Path: []string{"/", "/oam", "/oam/", ""}[n%4]})
		}
		io.WriteString(w, "ok")
	}}
	s := serve(t, k.ServeHTTP)
	endpoint := newClient(t, s.URL, withCookies).Endpoint()
	most := 0
	for range 100 {
		if _, err := endpoint.Do(soon(t), search); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(k.last()))
	}
	if most > maxCookies*1100 || most < 1000 {
		t.Errorf("%d bytes of cookies; want at most %d, at least 1000", most, maxCookies*1100)
	}
}
