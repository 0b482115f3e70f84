package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"iam_session_exporter/internal/session"
)

// What happened is told without what was asked for, and something can be done about
// each cause that is known.
func TestFault(t *testing.T) {
	dial := func(op string, err error) error {
		return &url.Error{Op: "Get", URL: "https://api.example.com", Err: &net.OpError{Op: op, Net: "tcp", Err: err}}
	}
	dns := func(e net.DNSError) error { e.Name = "api.example.com"; return dial("dial", &e) }
	called := func(err error) error { return classify(context.Background(), Config{}, "GET /what", err) }
	alert := func(text string) error { return dial("remote error", errors.New("tls: "+text)) }
	for _, c := range []struct {
		name          string
		err           error
		fault, remedy string // parts
	}{
		{"no such name", called(dns(net.DNSError{Err: "no such host", IsNotFound: true})), "lookup api.example.com: no such host", "DNS does not know this name"},
		{"no DNS", called(dns(net.DNSError{Err: "server misbehaving", IsTemporary: true})), "server misbehaving", "the DNS server does not answer"},
		{"refused", called(dial("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))), "connection refused", "nothing listens there"},
		{"no route", called(dial("dial", os.NewSyscallError("connect", syscall.EHOSTUNREACH))), "no route to host", "no route"},
		{"no network", called(dial("dial", os.NewSyscallError("connect", syscall.ENETUNREACH))), "network is unreachable", "no route"},
		{"proxy with an unknown name", called(dial("proxyconnect", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}})), "proxyconnect", "the proxy can't be reached"},
		{"proxy that wants credentials", called(proxyError(http.StatusProxyAuthRequired)), "HTTP 407", "HTTPS_PROXY"},
		{"proxy that refuses", called(proxyError(http.StatusForbidden)), "HTTP 403", "allow it there"},
		{"a plain proxy that wants credentials", called(&StatusError{Code: http.StatusProxyAuthRequired}), "HTTP 407", "HTTPS_PROXY"},
		{"client certificate", called(alert("certificate required")), "tls: certificate required", "tls_config.cert_file"},
		{"another client certificate", called(alert("bad certificate")), "tls: bad certificate", "tls_config.cert_file"},
		{"client certificate of another authority", called(alert("unknown certificate authority")), "tls: unknown certificate authority", "tls_config.cert_file"},
		{"no cipher in common", called(alert("handshake failure")), "tls: handshake failure", "in common"},
		{"another alert", called(alert("internal error")), "tls: internal error", ""},
		{"redirect", called(&StatusError{Code: http.StatusFound}), "HTTP 302 Found", "login"},
		{"gateway", called(&StatusError{Code: http.StatusBadGateway}), "HTTP 502 Bad Gateway", "out of order"},
		{"a status of the API's own", called(&StatusError{Code: http.StatusConflict}), "HTTP 409 Conflict", ""},
		{"unknown client", called(&StatusError{Code: http.StatusBadRequest, detail: "invalid_client"}), "HTTP 400 Bad Request (invalid_client)", "client_id"},
		{"signed grant", called(&StatusError{Code: http.StatusBadRequest, detail: "invalid_grant"}), "(invalid_grant)", "clock"},
		{"another grant", called(&StatusError{Code: http.StatusBadRequest, detail: "unsupported_grant_type"}), "(unsupported_grant_type)", "oauth2.grant_type"},
		{"parameters", called(&StatusError{Code: http.StatusBadRequest, detail: "invalid_request"}), "(invalid_request)", "oauth2.endpoint_params"},
		{"cut off", called(errTruncated), "ends in the middle", "cut off or damaged"},
		{"compressed by nobody", called(errEncoding), "Content-Encoding", "cut off or damaged"},
		{"SSH", called(errors.New("malformed HTTP response")), "not HTTP", "correct the port"},
		{"an API's own text", &session.Error{Reason: session.ReasonAuth, Err: told{"short", &StatusError{Code: http.StatusUnauthorized, detail: "long"}}}, "short", ""},
		{"an API's own check", &session.Error{Reason: session.ReasonDecode, Err: fmt.Errorf("GET /what: %w", errors.New("no JSON"))}, "no JSON", ""},
		{"an error of anybody", errors.New("odd"), "odd", ""},
	} {
		fault, remedy := Fault(c.err)
		if !strings.Contains(fault, c.fault) || strings.Contains(fault, "GET") || !strings.Contains(remedy, c.remedy) || (c.remedy == "") != (remedy == "") {
			t.Errorf("%s: got %q, %q; want %q, %q in them", c.name, fault, remedy, c.fault, c.remedy)
		}
	}
}

// told is an error with a text of its own.
type told struct {
	text string
	err  error
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.err }

// A port for HTTPS does not answer HTTP, or with a 400 that no API sends.
func TestNotHTTP(t *testing.T) {
	called := func(err error) error { return classify(context.Background(), Config{}, "GET /what", err) }
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"Go and nginx", called(&StatusError{Code: http.StatusBadRequest, Body: []byte("Client sent an HTTP request to an HTTPS server.\n")}), true},
		{"a TLS alert", called(errors.New("malformed HTTP response")), true},
		{"an end", called(io.EOF), true},
		{"a reset", called(&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), true},
		{"an API's JSON as text", called(&StatusError{Code: http.StatusBadRequest, Body: []byte(` {"code":"InvalidRequest"}`)}), false},
		{"an API's JSON", called(&StatusError{Code: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}}}), false},
		{"another status", called(&StatusError{Code: http.StatusNotFound}), false},
		{"refused", called(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), false},
	} {
		if got := NotHTTP(c.err); got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, got, c.want)
		}
	}
}
