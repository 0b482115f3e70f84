package oam

import (
	"fmt"
	"net/http"
)

// httpSession finds or makes the HTTP session of a request, with Cookie. It
// reports false where there are too many.
func (a *Handler) httpSession(w http.ResponseWriter, r *http.Request, o *Options, seed uint64) bool {
	if !o.Cookie {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range r.CookiesNamed("JSESSIONID") {
		if a.cookies[c.Value] {
			return true
		}
	}
	if o.MaxHTTPSessions > 0 && len(a.cookies) >= o.MaxHTTPSessions {
		return false
	}
	if a.cookies == nil {
		a.cookies = make(map[string]bool)
	}
	id := fmt.Sprintf("%s%016x!%d", CookieMark, seed, a.stats.Cookies)
	a.cookies[id] = true
	a.stats.Cookies++
	http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: id, Path: "/oam", HttpOnly: true})
	return true
}

// CookieMark begins the value of every cookie that the simulated OAM sets, so
// that a test can search for it where it must not be.
const CookieMark = "cookiecanary"

// ForgetCookies ends all HTTP sessions, as a restart of the server does.
func (a *Handler) ForgetCookies() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.cookies)
}
