package httpclient

import (
	"bytes"
	"cmp"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"

	"iam_session_exporter/internal/session"
)

// Fault parts a failure of a request into what happened, without what was asked
// for, and what people can do about it; "" where no more is known than its reason
// says. Both are safe to show.
func Fault(err error) (fault, remedy string) {
	fault = err.Error()
	if f, ok := errors.AsType[*failure](err); ok {
		fault = clean(f.err.Error(), maxErrorText)
	} else if e, ok := errors.AsType[*session.Error](err); ok {
		fault = e.Err.Error()
		if inner := errors.Unwrap(e.Err); inner != nil && strings.HasSuffix(fault, inner.Error()) {
			fault = inner.Error()
		}
	}
	if e, ok := errors.AsType[*tlsError](err); ok {
		return clean(e.fault, maxErrorText), e.remedy
	}
	if e, ok := errors.AsType[*StatusError](err); ok {
		return fault, cmp.Or(oauthRemedy(e.detail), StatusRemedy(e.Code))
	}
	return fault, connectionRemedy(err)
}

// oauthRemedy says what helps against an error code of RFC 6749 5.2.
func oauthRemedy(code string) string {
	switch code {
	case "invalid_client", "unauthorized_client":
		return "the token endpoint does not take this client or its secret: correct client_id and the secret's file, and see whether the client was disabled or has expired"
	case "invalid_grant":
		return "the token endpoint does not take this grant: correct client_id and the secret's or key's file; with a signed grant also iss, audience, client_certificate_key_id and this host's clock"
	case "unsupported_grant_type":
		return "the token endpoint does not know this kind of grant: correct oauth2.grant_type, or the token_url"
	case "invalid_request":
		return "the token endpoint wants other parameters: see its documentation, and set oauth2.scopes or oauth2.endpoint_params"
	case "invalid_scope":
		return "the token endpoint does not grant these scopes: correct oauth2.scopes, or leave them out"
	}
	return ""
}

// StatusRemedy says what people can do about a status that an API does not mean; "" if
// that is not known.
func StatusRemedy(code int) string {
	switch {
	case code == http.StatusProxyAuthRequired:
		return "a proxy wants credentials: set proxy_from_environment: true and HTTPS_PROXY, or have the proxy let this host through without"
	case code/100 == 3:
		return "a gateway asks for a login, or the API has another host (curl -i shows where this leads): have the gateway let this path through, or correct the url"
	case code == http.StatusTooManyRequests:
		return "the API limits the rate: wait, and see which other clients use it"
	case code/100 == 5:
		return "the server, or a gateway before it, is out of order: see its state and log, and try again"
	}
	return ""
}

// NotHTTP reports whether a connection was made, but HTTP did not come back: so may
// end what is sent without TLS to a port that wants it.
func NotHTTP(err error) bool {
	if e, ok := errors.AsType[*StatusError](err); ok {
		body := bytes.TrimSpace(e.Body)
		return e.Code == http.StatusBadRequest && !bytes.HasPrefix(body, []byte("{")) && !strings.Contains(e.Header.Get("Content-Type"), "json")
	}
	return errors.Is(err, errNotHTTP) || errors.Is(err, errClosed) || errors.Is(err, syscall.ECONNRESET)
}

// connectionRemedy says what helps where no connection was made. A proxy comes first,
// as the rest is then about it.
func connectionRemedy(err error) string {
	if e, ok := errors.AsType[proxyError](err); ok && e == http.StatusProxyAuthRequired {
		return StatusRemedy(int(e))
	} else if ok {
		return "the proxy does not connect to this host: allow it there, or correct proxy_url or no_proxy"
	}
	op, _ := errors.AsType[*net.OpError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case op != nil && op.Op == "proxyconnect":
		return "the proxy can't be reached: correct proxy_url, or the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY with proxy_from_environment"
	case isDNS && dns.IsNotFound:
		return "DNS does not know this name: correct the url, or the resolver of this host"
	case isDNS:
		return "the DNS server does not answer: see the resolver of this host (/etc/resolv.conf)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: correct the port in the url, or start the server; a firewall may refuse, too"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to it: see the network, VPN and firewalls between this host and it, or set proxy_url"
	}
	for _, damage := range []error{errTruncated, errEncoding, errGarbled} {
		if errors.Is(err, damage) {
			return "the response was cut off or damaged on its way: see the state and log of the server and of gateways and proxies before it, and try again"
		}
	}
	if errors.Is(err, errNotHTTP) {
		return "what responds there does not speak HTTP: correct the port in the url"
	}
	if reason, _ := session.ReasonOf(err); reason == session.ReasonTimeout {
		return "DNS does not answer, a firewall drops what is sent, or the server hangs: try it from this host with curl -v"
	}
	return ""
}
