package httpclient

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

func newDirect(t *testing.T, change func(*Config)) *Direct {
	t.Helper()
	cfg := Config{UserAgent: "test-agent", Now: newClock().Now}
	if change != nil {
		change(&cfg)
	}
	d, err := NewDirect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.CloseIdleConnections)
	return d
}

// send returns the status of one request, 0 where none came.
func send(t *testing.T, d *Direct, url string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(soon(t), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := d.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// Whatever the status, each request is sent once, also after a refusal.
func TestDirectSendsOnce(t *testing.T) {
	password := file(t, "first")
	for _, code := range []int{200, 204, 302, 400, 401, 403, 408, 429, 500, 502, 503} {
		var asked atomic.Int32
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		})
		d := newDirect(t, basicAuth(password))
		for n := int32(1); n <= 2; n++ {
			if got, err := send(t, d, s.URL); got != code || err != nil || asked.Load() != n {
				t.Errorf("status %d, error %v, asked %d times; want %d, none, %d", got, err, asked.Load(), code, n)
			}
		}
	}
}

func TestDirectReadsSecretsAgain(t *testing.T) {
	password := file(t, "first")
	var sent []string
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, p, _ := r.BasicAuth()
		sent = append(sent, p+" "+r.UserAgent())
	})
	d := newDirect(t, basicAuth(password))
	send(t, d, s.URL)
	write(t, password, "second")
	send(t, d, s.URL)
	remove(t, password)
	_, err := send(t, d, s.URL)
	check(t, err, session.ReasonAuth, "no such file")
	if want := []string{"first test-agent", "second test-agent"}; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
}

func TestDirectErrorsAreSafe(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	s.Close()
	_, err := send(t, newDirect(t, func(c *Config) {
		c.HTTP.Authorization = &promconfig.Authorization{Type: "Bearer", Credentials: canary}
	}), s.URL+"/"+canary)
	check(t, err, session.ReasonConnect, "connection refused")
}

func TestDirectTokens(t *testing.T) {
	p := newIDP(t)
	secret := file(t, p.secret)
	var told []int
	d := newDirect(t, oauth(p.URL+"/token", secret))
	d.Token = func(status int, _ time.Duration) { told = append(told, status) }
	for range 2 {
		if code, err := send(t, d, p.URL); code != 200 || err != nil {
			t.Errorf("status %d, %v; want 200", code, err)
		}
	}
	// A token that is refused is not used again, and the request not repeated.
	p.set(func() { clear(p.valid) })
	var codes []int
	for range 2 {
		code, _ := send(t, d, p.URL)
		codes = append(codes, code)
	}
	if want := []int{401, 200}; !slices.Equal(codes, want) {
		t.Errorf("with a token that ended early: %v, want %v", codes, want)
	}
	// Without a token nothing is sent.
	write(t, secret, canary+"-2")
	_, err := send(t, d, p.URL)
	check(t, err, session.ReasonAuth, "HTTP 401")
	status, _ := errors.AsType[*StatusError](err)
	if _, ok := errors.AsType[*TokenError](err); !ok || status == nil || status.Code != 401 {
		t.Errorf("%T, want a TokenError of status 401", err)
	}
	// A new secret is tried in the header, then in the form.
	if got, want := fmt.Sprint(told), "[200 200 401 401]"; got != want {
		t.Errorf("token requests %s, want %s", got, want)
	}
}

func TestNewDirectSaysWhatIsWrong(t *testing.T) {
	for _, h := range []promconfig.HTTPClientConfig{
		{TLSConfig: promconfig.TLSConfig{CAFile: "/does/not/exist"}},
		{OAuth2: &promconfig.OAuth2{ClientID: "x", TokenURL: "http://127.0.0.1/", ClientSecretFile: "/does/not/exist"}},
	} {
		if _, err := NewDirect(Config{HTTP: h}); err == nil {
			t.Errorf("%+v: no error", h)
		}
	}
}

// Whatever a server writes, the wait has an end.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "7", " 120 ", "-5", "1e9", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "soon"} {
		f.Add(s, "Sun, 06 Nov 1994 08:49:37 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		d, ok := RetryAfter(h, newClock().Now())
		if d < 0 || d > maxRetryAfter || !ok && d != 0 {
			t.Errorf("%q at %q: %s, %t; want 0 to %s", value, date, d, ok, maxRetryAfter)
		}
	})
}
