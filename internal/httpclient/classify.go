package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/smallfile"
)

var (
	errNoAnswer = errors.New("no answer within the time allowed")
	errNotHTTP  = errors.New("the answer is not HTTP")
	errClosed   = errors.New("connection closed before an answer")
	errHeaders  = fmt.Errorf("the answer's headers are larger than %d KiB", maxHeaders>>10)
	errNotHTTP2 = fmt.Errorf("the answer is not valid HTTP/2, or %w", errHeaders)
)

// classify gives a failure its reason and a text that is safe to show: where
// the text of an error could quote what the server sent, it is replaced. An
// answer that came, if only its status, says more than the time that ran out
// after it. Where the caller gave up, it returns hangUp's error.
func classify(ctx context.Context, cfg Config, what string, err error) error {
	if e, ok := errors.AsType[*session.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*StatusError](err); ok {
		return fail(statusReason(e.Code, e.Header), what, e)
	}
	if gone := hangUp(ctx); gone != nil {
		return gone
	}
	if ctx.Err() != nil {
		return fail(session.ReasonTimeout, what, errNoAnswer)
	}
	if e, ok := errors.AsType[tooLargeError](err); ok {
		return fail(session.ReasonDecode, what, e)
	}
	for _, of := range []struct {
		reason session.Reason
		errs   []error
	}{
		{session.ReasonDecode, []error{errTruncated, errEncoding, errGarbled, errCached}},
		{session.ReasonConnect, []error{errConnections, errRefused, errFlood}},
	} {
		if i := slices.IndexFunc(of.errs, func(e error) bool { return errors.Is(err, e) }); i >= 0 {
			return fail(of.reason, what, of.errs[i])
		}
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		// Secret and certificate files are read at each request.
		return unreadable(cfg, what, e)
	}
	if e, ok := errors.AsType[proxyError](err); ok {
		return fail(session.ReasonConnect, what, e)
	}
	if text, ok := tlsFault(err); ok {
		return fail(session.ReasonTLS, what, errors.New(text))
	}
	if strings.Contains(err.Error(), "http2: client conn could not be established") {
		// In TLS 1.3 a server refuses a client's certificate, or the lack of one,
		// when the client's handshake is over already; HTTP/2 then loses its alert.
		return fail(session.ReasonTLS, what, errors.New("the server ended the TLS connection as it began: does it ask for a client certificate?"))
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return timedOut(ctx, what, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || mentions(err, "server closed idle connection", "client connection lost", "server sent GOAWAY") {
		return fail(session.ReasonConnect, what, errClosed)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fail(session.ReasonConnect, what, e)
	}
	if isTooManyHeaders(err) {
		return fail(session.ReasonDecode, what, errHeaders)
	}
	if strings.HasPrefix(err.Error(), "connection error: ") {
		// How net/http calls what it does not take on an HTTP/2 connection.
		return fail(session.ReasonDecode, what, errNotHTTP2)
	}
	if isNotHTTP(err) {
		return fail(session.ReasonDecode, what, errNotHTTP)
	}
	return fail(session.ReasonConnect, what, fmt.Errorf("connection failed (%T)", err))
}

// timedOut classifies a failure by the socket's clock.
func timedOut(ctx context.Context, what string, err error) error {
	// It may be a moment ahead of the context's.
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return fail(session.ReasonTimeout, what, errNoAnswer)
	}
	if strings.Contains(err.Error(), "TLS handshake") {
		return fail(session.ReasonTLS, what, errors.New("TLS handshake timed out"))
	}
	return fail(session.ReasonConnect, what, errors.New("connection timed out"))
}

// hangUp returns why nobody waits for an answer any more; nil where somebody
// does, or where it is our own deadline that ended the wait. A context that
// several callers share is cancelled rather than timed out, and tells by its
// cause which of the two it was. The error is a context.Canceled.
func hangUp(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(cause, context.DeadlineExceeded):
		return nil
	case errors.Is(cause, context.Canceled):
		return cause
	}
	return fmt.Errorf("%w: %w", context.Canceled, cause)
}

// unreadable is the failure of a secret or certificate file. Where it is this
// machine that fails, neither the credentials nor the certificate are at fault.
func unreadable(cfg Config, what string, err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	switch {
	case smallfile.MachineFault(err):
		return fail(session.ReasonConnect, what, fmt.Errorf("a fault of this machine: %w", err))
	case ok && slices.Contains(cfg.certificateFiles(), e.Path):
		return fail(session.ReasonTLS, what, err)
	}
	return fail(session.ReasonAuth, what, err)
}

// isNotHTTP reports whether net/http could not make sense of what came. Its
// errors have no type, and quote what came.
func isNotHTTP(err error) bool {
	return mentions(err, "malformed", "bad Content-Length", "transfer encoding", "Content-Length headers", "transport connection broken", "HTTP version")
}

// isTooManyHeaders reports whether the headers of an answer, or of the 1xx ones
// before it, were too large, by the texts of HTTP/1 and HTTP/2.
func isTooManyHeaders(err error) bool {
	return mentions(err, "response headers exceeded", "1xx informational responses", "response header list larger", "header list too large", "read limit of")
}

func mentions(err error, texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(err.Error(), s) })
}

func statusReason(code int, h http.Header) session.Reason {
	switch {
	case code == http.StatusUnauthorized:
		return session.ReasonAuth
	case code == http.StatusForbidden:
		return session.ReasonForbidden
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && h.Get("Retry-After") != "":
		return session.ReasonRateLimited
	}
	return session.ReasonHTTP
}
