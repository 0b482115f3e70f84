package session

import (
	"context"
	"errors"
)

// Reason says why a refresh failed. Its values are those of the metric label
// "reason" of iam_source_errors_total.
type Reason string

const (
	ReasonAuth        Reason = "auth"         // 401, token endpoint 4xx, unreadable secret
	ReasonForbidden   Reason = "forbidden"    // 403
	ReasonRateLimited Reason = "rate_limited" // 429, or 503 with Retry-After
	ReasonTimeout     Reason = "timeout"      // our deadline
	ReasonConnect     Reason = "connect"      // DNS, refused, reset
	ReasonTLS         Reason = "tls"          // handshake, certificate
	ReasonHTTP        Reason = "http"         // 3xx and every other status
	ReasonDecode      Reason = "decode"       // HTML, unparsable, truncated, too large
	ReasonUntrusted   Reason = "untrusted"    // answers that contradict each other
)

// Reasons lists every reason.
func Reasons() []Reason {
	var all []Reason
	for _, a := range reasonsAdvice() {
		all = append(all, a.reason)
	}
	return all
}

// ErrBug is why a refresh failed over which our own code panicked.
var ErrBug = errors.New("the exporter failed to process this response; see its log")

// Error is a failed refresh. Err's text is safe to log and to show: it holds no
// secret, token, user name or piece of an answer's body.
type Error struct {
	Reason Reason
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ReasonOf returns the reason of a failed refresh. It reports false where the
// refresh did not fail but was given up because nobody waits for it any more.
func ReasonOf(err error) (Reason, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason, true
	}
	if errors.Is(err, context.Canceled) {
		return "", false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ReasonTimeout, true
	}
	return ReasonDecode, true
}
