package httpclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
)

// tlsFault says what is wrong with TLS and what helps, without the names in the
// server's certificate. It reports false where err is of another kind.
func tlsFault(err error) (text string, ok bool) {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return http.ErrSchemeMismatch.Error(), true
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return e.Error(), true
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "tls: failed to verify certificate: " + certificateFault(e.Err), true
	}
	for e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil; e, ok = errors.AsType[*net.OpError](err) {
		err = e.Err // an alert of either side
	}
	// The rest has no type. Text that a server sent never begins like this.
	text = err.Error()
	switch {
	case strings.HasPrefix(text, "tls: failed to parse certificate"):
		return "tls: the server's certificate can't be parsed", true
	case strings.HasPrefix(text, "tls: "), strings.HasPrefix(text, "unable to use specified "):
		return text, true
	}
	return "", false
}

func certificateFault(err error) string {
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if e.Cert != nil && e.Cert.CheckSignatureFrom(e.Cert) == nil {
			return "self-signed, so by an unknown authority: put this certificate into tls_config.ca_file"
		}
		return "signed by an unknown authority: put its certificate into tls_config.ca_file"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		if c := e.Certificate; len(c.DNSNames)+len(c.IPAddresses)+len(c.URIs)+len(c.EmailAddresses) == 0 {
			return "it has no subjectAltName, and its Common Name is not looked at: the server needs a certificate with a subjectAltName for " + e.Host
		}
		return "it is not for " + e.Host + ": set url or tls_config.server_name to a name in its subjectAltName"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch e.Reason {
		case x509.Expired:
			return "it, or one above it, has expired or is not yet valid: the server needs a new one, unless this machine's clock is wrong"
		case x509.NotAuthorizedToSign:
			return "one above it is not that of an authority (CA:TRUE)"
		case x509.IncompatibleUsage:
			return "it is not for servers (extended key usage serverAuth)"
		}
		return "an authority's constraints forbid it"
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return "this machine has no list of authorities: put theirs into tls_config.ca_file"
	}
	return "it can't be used"
}
