package preflight

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"iam_session_exporter/internal/session"
)

// watch sees the requests of a check, and the connection to its host.
type watch struct {
	host string // with its port

	mu        sync.Mutex
	requests  []session.Request
	connected bool
	wants     string
	tls       *tls.ConnectionState // of the first connection to the host
}

func newWatch(base string) *watch {
	w := &watch{}
	if u, err := url.Parse(base); err == nil {
		if w.host = u.Host; u.Port() == "" {
			w.host += map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
		}
	}
	return w
}

// in returns a context in which requests are watched.
func (w *watch) in(ctx context.Context) context.Context {
	locked := func(f func()) {
		w.mu.Lock()
		defer w.mu.Unlock()
		f()
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(host string) { locked(func() { w.wants = host }) },
		GotConn: func(i httptrace.GotConnInfo) {
			c, ok := i.Conn.(interface{ ConnectionState() tls.ConnectionState })
			locked(func() {
				if ok && w.tls == nil && w.wants == w.host {
					s := c.ConnectionState()
					w.tls = &s
				}
			})
		},
	})
	return session.WithTrace(ctx, &session.Trace{
		Request: func(r session.Request) {
			locked(func() {
				w.requests = append(w.requests, r)
				w.connected = w.connected && !r.Token // the API has connections of its own
			})
		},
		Connection: func() { locked(func() { w.connected = true }) },
	})
}

// onlyTokens reports whether tokens were asked for, and nothing else.
func (w *watch) onlyTokens() bool {
	_, asked := w.first(func(*session.Request) bool { return true })
	return !asked && !w.silent()
}

// silent reports whether nothing was asked.
func (w *watch) silent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests) == 0
}

// first returns the first request to the API that is as wanted.
func (w *watch) first(wanted func(*session.Request) bool) (session.Request, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.requests {
		if r := &w.requests[i]; !r.Token && wanted(r) {
			return *r, true
		}
	}
	return session.Request{}, false
}

const soon = 14 * 24 * time.Hour // a certificate ends

// host says whether the API is there.
func (t *trial) host() line {
	const name = "host"
	r, answered := t.watch.first(func(r *session.Request) bool { return r.Code != 0 })
	switch t.reason {
	case session.ReasonAuth, session.ReasonForbidden, session.ReasonUntrusted, "":
	case session.ReasonTimeout:
		if !t.token {
			l := t.failure(name)
			l.text = fmt.Sprintf("no connection within %s", t.source.Timeout)
			if t.watch.connected {
				l.text = fmt.Sprintf("connected, but there was no response within %s", t.source.Timeout)
				if answered {
					l.text = fmt.Sprintf("responds, but not to the end within %s", t.source.Timeout)
				}
				l.remedy = "the server, or a gateway before it, is slow or hangs: see its state, and raise timeout if it needs longer"
			}
			return l
		}
	default:
		if !t.token {
			return t.failure(name)
		}
	}
	if !answered {
		return line{name: name}
	}
	l := line{name: name, state: good, text: "responds in " + milliseconds(r.RoundTrip)}
	if r.RoundTrip > t.source.Timeout/2 {
		l.state, l.remedy = doubtful, "raise timeout, which is "+model.Duration(t.source.Timeout).String()+": a refresh may take several requests"
	}
	s := t.watch.tls
	if s == nil || len(s.PeerCertificates) == 0 {
		if strings.HasPrefix(t.source.URL, "http://") {
			l.text += ", without TLS"
		}
		return l
	}
	end := s.PeerCertificates[0].NotAfter
	l.text += fmt.Sprintf("; %s, certificate valid until %s", tls.VersionName(s.Version), end.UTC().Format(time.DateOnly))
	switch {
	case t.source.HTTP.TLSConfig.InsecureSkipVerify:
		l.state, l.remedy = doubtful, "the certificate is not verified, so anybody between may read the credentials: set tls_config.ca_file instead of insecure_skip_verify"
	case end.Sub(r.Sent) < soon:
		l.state, l.remedy = doubtful, "renew the certificate of the server before that day"
	}
	return l
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
}

// tolerated is how much clocks may differ: as the alert IAMSourceClockSkew has it.
const tolerated = 30 * time.Second

// clock compares the API's clock with ours.
func (t *trial) clock() line {
	const name = "clock"
	r, ok := t.watch.first(func(r *session.Request) bool { return !r.Date.IsZero() })
	if !ok {
		l := line{name: name}
		if _, answered := t.watch.first(func(r *session.Request) bool { return r.Code != 0 }); answered {
			l.text = "the API does not tell its time"
		}
		return l
	}
	l := line{name: name}
	l.state, l.text = compared("the API", r.Date.Sub(r.Sent.Add(r.RoundTrip/2)))
	if l.state != good {
		l.remedy = "synchronize the clock of this host, or of the API, by NTP"
		if t.source.APIKey != nil && t.reason == session.ReasonAuth {
			l.state, l.text = failed, l.text+", which may be why the signature is refused"
		}
	}
	return l
}

// compared says how far another clock is ahead. A Date is cut to the second, so that
// about half a second is missing.
func compared(whose string, skew time.Duration) (state, string) {
	skew = min(skew, math.MaxInt64-time.Second) + 499*time.Millisecond
	by := skew.Abs().Round(time.Second)
	switch {
	case skew.Abs() < 1500*time.Millisecond:
		return good, "agrees to the second"
	case skew < 0:
		return past(by), fmt.Sprintf("%s is %s behind", whose, by)
	}
	return past(by), fmt.Sprintf("%s is %s ahead", whose, by)
}

func past(by time.Duration) state {
	if by > tolerated {
		return doubtful
	}
	return good
}
