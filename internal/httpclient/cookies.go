package httpclient

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"

	promconfig "github.com/prometheus/common/config"
)

// What a server may have us keep.
const (
	maxCookies     = 20
	maxCookieBytes = 4 << 10
)

// jar keeps the cookies of one API in memory: those that belong to one set of
// credentials. A nil jar keeps none. It is safe for concurrent use.
type jar struct {
	mu    sync.Mutex
	jar   *cookiejar.Jar
	creds uint64
}

func newJar() *jar {
	j := new(jar)
	j.forget()
	return j
}

// forget needs no lock where nobody else has j yet.
func (j *jar) forget() { j.jar, _ = cookiejar.New(nil) } // it never fails

// keepFor forgets the cookies of other credentials.
func (j *jar) keepFor(creds uint64) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.creds != creds {
		j.creds = creds
		j.forget()
	}
}

// add adds the cookies to a request, and returns what learn needs.
func (j *jar) add(req *http.Request) *cookiejar.Jar {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	return j.jar
}

// learn takes the cookies out of an answer. It keeps them where the answer is a
// good one (a 404 may be), and forgets all where one of them may be why it is
// not, where they become too many, or where they are those of a request that was
// sent before the last time.
func (j *jar) learn(sent *cookiejar.Jar, u *url.URL, res *http.Response) {
	set := res.Cookies()
	res.Header.Del("Set-Cookie")
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if sent != j.jar {
		return
	}
	switch code := res.StatusCode; code {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		j.forget()
		return
	case http.StatusNotFound:
	default:
		if code/100 != 2 {
			return
		}
	}
	for _, c := range set {
		if len(c.Name)+len(c.Value) > maxCookieBytes || !comesBack(c, u) {
			continue
		}
		if j.jar.SetCookies(u, []*http.Cookie{c}); len(j.jar.Cookies(u)) > maxCookies {
			j.forget()
			return
		}
	}
}

// comesBack reports whether a cookie would be sent to u again: one that would
// not is not counted by the jar, either.
func comesBack(c *http.Cookie, u *url.URL) bool {
	if c.Secure && u.Scheme != "https" {
		return false
	}
	rest, below := strings.CutPrefix(u.Path, c.Path)
	return !strings.HasPrefix(c.Path, "/") || below && (rest == "" || rest[0] == '/' || strings.HasSuffix(c.Path, "/"))
}

// setsCookies reports whether the configuration sends cookies of its own.
func setsCookies(h *promconfig.Headers) bool {
	if h == nil {
		return false
	}
	for name := range h.Headers {
		if http.CanonicalHeaderKey(name) == "Cookie" {
			return true
		}
	}
	return false
}
