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
	if left <= 0 || l.creds != 0 && l.creds != l.client.credentials() {
		l.err = nil
		return nil
	}
	return &session.Error{Reason: l.err.Reason, Err: fmt.Errorf("not asked for another %s after: %w", left.Round(time.Second), l.err.Err)}
}

// Do sends a request, unless the lane is held.
func (l *Lane) Do(ctx context.Context, r Request) (*Answer, error) {
	if err := l.Held(); err != nil {
		return nil, err
	}
	creds := l.client.credentials()
	a, err := l.client.do(ctx, r)
	if err != nil {
		l.hold(err, creds)
	}
	return a, err
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
	var d time.Duration
	switch {
	case failure.Reason == session.ReasonAuth, failure.Reason == session.ReasonForbidden:
		d = refusedHold
	case status.Code == http.StatusTooManyRequests, status.Code == http.StatusServiceUnavailable:
		d, creds = retryAfter(status.Header, l.client.cfg.Now()), 0
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.err, l.creds = l.client.cfg.Now().Add(d), failure, creds
}

// retryAfter reads Retry-After, in seconds or as a date on the server's clock.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return defaultHold
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
