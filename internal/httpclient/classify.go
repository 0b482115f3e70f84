package httpclient

import (
	"compress/flate"
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
	"strings"
	"syscall"
	"time"

	"iam_session_exporter/internal/session"
)

func isCorrupt(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}

// classify gives a failure its reason and a text that is safe to show: where
// the text of an error could quote what the server sent, it is replaced.
func classify(ctx context.Context, cfg Config, what string, err error) error {
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
			return cause
		}
		return fail(session.ReasonTimeout, what, errors.New("no answer within the time allowed"))
	}
	if e, ok := errors.AsType[*session.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*StatusError](err); ok {
		return fail(statusReason(e.Code, e.Header), what, e)
	}
	if errors.Is(err, errTooLarge) || errors.Is(err, errTruncated) || errors.Is(err, errEncoding) {
		return fail(session.ReasonDecode, what, err)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		// prometheus/common reads secret and certificate files at each request.
		t := cfg.HTTP.TLSConfig
		if e.Path == t.CAFile || e.Path == t.CertFile {
			return fail(session.ReasonTLS, what, e)
		}
		return fail(session.ReasonAuth, what, e)
	}
	if isTLS(err) {
		return fail(session.ReasonTLS, what, err)
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
			return fail(session.ReasonTimeout, what, errors.New("no answer within the time allowed"))
		}
		if strings.Contains(err.Error(), "TLS handshake") {
			return fail(session.ReasonTLS, what, errors.New("TLS handshake timed out"))
		}
		return fail(session.ReasonConnect, what, errors.New("connection timed out"))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "server closed idle connection") {
		return fail(session.ReasonConnect, what, errors.New("connection closed before an answer"))
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fail(session.ReasonConnect, what, e)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return fail(session.ReasonConnect, what, e)
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return fail(session.ReasonConnect, what, e)
	}
	if strings.Contains(err.Error(), "malformed") {
		return fail(session.ReasonDecode, what, errors.New("the answer is not HTTP"))
	}
	return fail(session.ReasonConnect, what, fmt.Errorf("connection failed (%T)", err))
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
	if _, ok := errors.AsType[tls.AlertError](err); ok {
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
	return strings.HasPrefix(err.Error(), "tls: ") || strings.Contains(err.Error(), ": tls: ")
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
