package httpclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/session"
)

const (
	refusedBackoff = 2 * time.Minute  // after 401 or 403, so that no account is locked out
	defaultBackoff = 30 * time.Second // after 429 or 503 without Retry-After
	maxRetryAfter  = 15 * time.Minute
)

// Endpoint is a part of the API that backs off by itself: if one endpoint refuses
// the credentials or limits the rate, requests to the others go on. It is safe for
// concurrent use.
type Endpoint struct {
	client *Client

	mu    sync.Mutex
	until time.Time // our clock
	err   *session.Error
	creds uint64 // those that were refused; 0 if the rate is limited
}

// Endpoint returns a new endpoint, which does not back off yet.
func (c *Client) Endpoint() *Endpoint { return &Endpoint{client: c} }

// BackedOff returns why nothing is sent now: a *session.Error with the reason of the
// failure that began the back-off, and the time that is left. It is nil if requests
// are sent.
func (e *Endpoint) BackedOff() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		return nil
	}
	left := e.until.Sub(e.client.cfg.Now())
	if left <= 0 || e.changed() {
		e.err = nil
		return nil
	}
	left = max(left.Round(time.Second), time.Second)
	return &session.Error{Reason: e.err.Reason, Err: fmt.Errorf("not asked for another %s after: %w", left, e.err.Err)}
}

// changed reports whether the credentials are no longer those refused. A file
// that can't be read just now may hold the same as before.
func (e *Endpoint) changed() bool {
	if e.creds == 0 {
		return false
	}
	now, err := e.client.credentials()
	return err == nil && now != e.creds
}

// Do sends a request, unless the endpoint is backed off or a secret file can't be
// read. A failure is a *session.Error; if the caller gave up, it is a
// context.Canceled that wraps ctx's cause.
func (e *Endpoint) Do(ctx context.Context, r Request) (*Answer, error) {
	if err := e.BackedOff(); err != nil {
		return nil, err
	}
	creds, err := e.client.credentials()
	if err != nil {
		return nil, unreadable(e.client.cfg, r.What, err)
	}
	e.client.jar.keepFor(creds)
	a, err := e.client.do(ctx, r)
	if err == nil {
		return a, nil
	}
	// What the API said counts, even where nobody waits to hear it.
	e.backOff(err, creds)
	if gone := hangUp(ctx); gone != nil {
		return nil, gone
	}
	return nil, err
}

// backOff begins a back-off if a failure asks for one.
func (e *Endpoint) backOff(err error, creds uint64) {
	status, ok := errors.AsType[*StatusError](err)
	if !ok {
		return
	}
	failure, ok := errors.AsType[*session.Error](err)
	if !ok {
		return
	}
	now := e.client.cfg.Now()
	var d time.Duration
	switch {
	case failure.Reason == session.ReasonAuth, failure.Reason == session.ReasonForbidden:
		d = refusedBackoff
	case status.Code == http.StatusTooManyRequests, status.Code == http.StatusServiceUnavailable:
		d, creds = retryAfter(status.Header, now), 0
	default:
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	// Of requests that were under way together, the longest back-off counts.
	if until := now.Add(d); e.err == nil || until.After(e.until) {
		e.until, e.err, e.creds = until, failure, creds
	}
}

// retryAfter reads Retry-After, in seconds or as a date on the server's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if d, ok := RetryAfter(h, now); ok {
		return d
	}
	return defaultBackoff
}

// RetryAfter reads Retry-After, in seconds or as a date on the server's clock, up
// to 15 minutes. It reports false where there is none, or none that can be read.
// now is our clock, which stands in for a Date that is missing.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v != "" && strings.Trim(v, "0123456789") == "" {
		s, err := strconv.ParseUint(v, 10, 31)
		if err != nil { // too large for any clock
			return maxRetryAfter, true
		}
		return min(time.Duration(s)*time.Second, maxRetryAfter), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
