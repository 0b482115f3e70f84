package httpclient

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"iam_session_exporter/internal/session"
)

// StatusError is an answer that is not a 200. Its text is safe to show; Header
// and Body are not. Body holds at most 64 KiB.
type StatusError struct {
	Code   int
	Header http.Header
	Body   []byte
	detail string
	stale  bool // the connection was idle for too long: another one may do
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("HTTP %d", e.Code)
	if t := http.StatusText(e.Code); t != "" {
		s += " " + t
	}
	if e.detail != "" {
		s += " (" + e.detail + ")"
	}
	return s
}

const (
	maxErrorText  = 800 // bytes
	maxDetailText = 500 // bytes
)

// failure is a session.Error's Err: what was asked and what went wrong. Its
// text is cleaned, as that of a TLS error quotes names in the certificate.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

func fail(reason session.Reason, what string, err error) error {
	return &session.Error{Reason: reason, Err: &failure{clean(what+": "+err.Error(), maxErrorText), err}}
}

// clean makes a text fit for a log line: printable, and at most limit bytes
// long.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, s)
	if len(s) <= limit {
		return s
	}
	const more = "..."
	return strings.ToValidUTF8(s[:limit-len(more)], "") + more
}
