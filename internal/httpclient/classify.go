package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
)

var (
	errNoAnswer = errors.New("no answer within the time allowed")
	errNotHTTP  = errors.New("the answer is not HTTP")
	errClosed   = errors.New("connection closed before an answer")
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
	for _, e := range []error{errTruncated, errEncoding, errGarbled} {
		if errors.Is(err, e) {
			return fail(session.ReasonDecode, what, e)
		}
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		// prometheus/common reads secret and certificate files at each request.
		if slices.Contains(cfg.certificateFiles(), e.Path) {
			return fail(session.ReasonTLS, what, e)
		}
		return fail(session.ReasonAuth, what, e)
	}
	if isTLS(err) {
		return fail(session.ReasonTLS, what, err)
	}
	if strings.Contains(err.Error(), "http2: client conn could not be established") {
		// In TLS 1.3 a server refuses a client's certificate, or the lack of one,
		// when the client's handshake is over already; HTTP/2 then loses its alert.
		return fail(session.ReasonTLS, what, errors.New("the server ended the TLS connection as it began: does it ask for a client certificate?"))
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		// The socket's clock may be a moment ahead of the context's.
		if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
			return fail(session.ReasonTimeout, what, errNoAnswer)
		}
		if strings.Contains(err.Error(), "TLS handshake") {
			return fail(session.ReasonTLS, what, errors.New("TLS handshake timed out"))
		}
		return fail(session.ReasonConnect, what, errors.New("connection timed out"))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "server closed idle connection") {
		return fail(session.ReasonConnect, what, errClosed)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fail(session.ReasonConnect, what, e)
	}
	if isNotHTTP(err) {
		return fail(session.ReasonDecode, what, errNotHTTP)
	}
	return fail(session.ReasonConnect, what, fmt.Errorf("connection failed (%T)", err))
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

func isTLS(err error) bool {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return true
	}
	// Alerts of either side and unusable client certificates have no type.
	text := err.Error()
	return strings.HasPrefix(text, "tls: ") || strings.Contains(text, ": tls: ") ||
		strings.HasPrefix(text, "unable to use specified CA cert")
}

// isNotHTTP reports whether net/http could not make sense of what came. Its
// errors have no type, and quote what came.
func isNotHTTP(err error) bool {
	text := err.Error()
	for _, s := range [...]string{"malformed", "bad Content-Length", "transfer encoding", "Content-Length headers",
		"response headers exceeded", "transport connection broken", "1xx informational responses", "HTTP version"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
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
