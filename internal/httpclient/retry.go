package httpclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"time"

	"iam_session_exporter/internal/session"
)

const (
	maxAttempts = 3
	retryBase   = 150 * time.Millisecond
)

// retryable reports whether asking again at once may help: where the connection
// failed, or a gateway or the server stumbled. What asks for quiet, refuses us,
// or was slow is left alone.
func retryable(err error) bool {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.stale || e.Code == http.StatusInternalServerError || e.Code == http.StatusBadGateway || e.Code == http.StatusGatewayTimeout
	}
	if e, ok := errors.AsType[*session.Error](err); ok {
		return e.Reason == session.ReasonConnect && !errors.Is(err, errConnections)
	}
	return false
}

// pause waits before the next attempt, a doubling time of which half is jitter.
// It reports false, at once, where the wait would leave no time for an attempt.
func pause(ctx context.Context, attempt int) bool {
	d := retryBase << (attempt - 1)
	d = d/2 + rand.N(d/2)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < 2*d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// watchReuse returns the request with a report of whether the connection that
// it was sent on had another one before.
func watchReuse(req *http.Request) (*http.Request, *bool) {
	reused := new(bool)
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { *reused = i.Reused },
	})), reused
}
