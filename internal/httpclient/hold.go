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
	refusedHold   = 2 * time.Minute  // after 401 or 403, so that no account is locked out
	defaultHold   = 30 * time.Second // after 429 or 503 without Retry-After
	maxRetryAfter = 15 * time.Minute
)

// Lane is a way to the API with a hold of its own: what is refused or asked to
// be quiet on one lane does not stop the others. It is safe for concurrent use.
type Lane struct {
	client *Client

	mu    sync.Mutex
	until time.Time // our clock
	err   *session.Error
	creds uint64 // those that were refused; 0 where the hold is not about them
}

// Lane returns a new lane.
func (c *Client) Lane() *Lane { return &Lane{client: c} }

// Held returns the failure that began a hold which is still on, else nil.
func (l *Lane) Held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return nil
	}
	left := l.until.Sub(l.client.cfg.Now())
	if left <= 0 || l.changed() {
		l.err = nil
		return nil
	}
	left = max(left.Round(time.Second), time.Second)
	return &session.Error{Reason: l.err.Reason, Err: fmt.Errorf("not asked for another %s after: %w", left, l.err.Err)}
}

// changed reports whether the credentials are no longer those refused. A file
// that can't be read just now may hold the same as before.
func (l *Lane) changed() bool {
	if l.creds == 0 {
		return false
	}
	now, err := l.client.credentials()
	return err == nil && now != l.creds
}

// Do sends a request, unless the lane is held or a secret file can't be read. A
// failure is a *session.Error; where the caller gave up, it is a
// context.Canceled that wraps ctx's cause.
func (l *Lane) Do(ctx context.Context, r Request) (*Answer, error) {
	if err := l.Held(); err != nil {
		return nil, err
	}
	creds, err := l.client.credentials()
	if err != nil {
		return nil, unreadable(l.client.cfg, r.What, err)
	}
	l.client.jar.keepFor(creds)
	a, err := l.client.do(ctx, r)
	if err == nil {
		return a, nil
	}
	// What the API said counts, even where nobody waits to hear it.
	l.hold(err, creds)
	if gone := hangUp(ctx); gone != nil {
		return nil, gone
	}
	return nil, err
}

func (l *Lane) hold(err error, creds uint64) {
	status, ok := errors.AsType[*StatusError](err)
	if !ok {
		return
	}
	failure, ok := errors.AsType[*session.Error](err)
	if !ok {
		return
	}
	now := l.client.cfg.Now()
	var d time.Duration
	switch {
	case failure.Reason == session.ReasonAuth, failure.Reason == session.ReasonForbidden:
		d = refusedHold
	case status.Code == http.StatusTooManyRequests, status.Code == http.StatusServiceUnavailable:
		d, creds = retryAfter(status.Header, now), 0
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Of requests that were under way together, the longest hold counts.
	if until := now.Add(d); l.err == nil || until.After(l.until) {
		l.until, l.err, l.creds = until, failure, creds
	}
}

// retryAfter reads Retry-After, in seconds or as a date on the server's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if d, ok := RetryAfter(h, now); ok {
		return d
	}
	return defaultHold
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
