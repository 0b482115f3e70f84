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
	if reason, shown := answerFault(err); shown != nil {
		return fail(reason, what, shown)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		// Secret and certificate files are read at each request.
		return unreadable(cfg, what, e)
	}
	// In this order: what fails first says most.
	for _, fault := range []func(context.Context, error) (session.Reason, error){handshakeFault, socketTimeout, connectionFault, protocolFault} {
		if reason, shown := fault(ctx, err); shown != nil {
			return fail(reason, what, shown)
		}
	}
	return fail(session.ReasonConnect, what, fmt.Errorf("connection failed (%T)", err))
}

// answerFault is what this package itself found wrong with an answer, or did not do.
func answerFault(err error) (session.Reason, error) {
	if e, ok := errors.AsType[tooLargeError](err); ok {
		return session.ReasonDecode, e
	}
	for _, of := range []struct {
		reason session.Reason
		errs   []error
	}{
		{session.ReasonDecode, []error{errTruncated, errEncoding, errGarbled, errCached}},
		{session.ReasonConnect, []error{errConnections, errRefused, errFlood}},
	} {
		if i := slices.IndexFunc(of.errs, func(e error) bool { return errors.Is(err, e) }); i >= 0 {
			return of.reason, of.errs[i]
		}
	}
	return "", nil
}

// handshakeFault is a failure of the proxy's or TLS's part of a connection.
func handshakeFault(_ context.Context, err error) (session.Reason, error) {
	if e, ok := errors.AsType[proxyError](err); ok {
		return session.ReasonConnect, e
	}
	if shown := tlsFault(err); shown != nil {
		return session.ReasonTLS, shown
	}
	if strings.Contains(err.Error(), "http2: client conn could not be established") {
		// In TLS 1.3 a server refuses a client's certificate, or the lack of one,
		// when the client's handshake is over already; HTTP/2 then loses its alert.
		return session.ReasonTLS, &tlsError{fault: "the server ended the TLS connection as it began: does it ask for a client certificate?", remedy: wantsCertificate}
	}
	return "", nil
}

// socketTimeout is a failure by the socket's clock, which may be a moment ahead of the
// context's.
func socketTimeout(ctx context.Context, err error) (session.Reason, error) {
	if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() {
		return "", nil
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return session.ReasonTimeout, errNoAnswer
	}
	if strings.Contains(err.Error(), "TLS handshake") {
		return session.ReasonTLS, errors.New("TLS handshake timed out")
	}
	return session.ReasonConnect, errors.New("connection timed out")
}

// connectionFault is a connection that could not be made, or ended.
func connectionFault(_ context.Context, err error) (session.Reason, error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || mentions(err, "server closed idle connection", "client connection lost", "server sent GOAWAY") {
		return session.ReasonConnect, errClosed
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return session.ReasonConnect, e
	}
	return "", nil
}

// protocolFault is an answer that net/http does not take for HTTP.
func protocolFault(_ context.Context, err error) (session.Reason, error) {
	switch {
	case isTooManyHeaders(err):
		return session.ReasonDecode, errHeaders
	case strings.HasPrefix(err.Error(), "connection error: "): // so net/http begins, of an HTTP/2 connection
		return session.ReasonDecode, errNotHTTP2
	case isNotHTTP(err):
		return session.ReasonDecode, errNotHTTP
	}
	return "", nil
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
