package httpclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
)

// tlsError is a failure of TLS.
type tlsError struct {
	fault, remedy string
	told          bool // the remedy is in the error's text
}

func (e *tlsError) Error() string {
	if e.told {
		return e.fault + ": " + e.remedy
	}
	return e.fault
}

const (
	wantsTLS         = "the server does not speak TLS at this port: correct the port, or write http://"
	wantsCertificate = "the server asks for a client certificate that it trusts: set tls_config.cert_file and tls_config.key_file"
	nothingInCommon  = "the server has no version or cipher of TLS in common with this program, whose least is TLS 1.2: see tls_config.min_version, and the server"
)

// tlsFault says what is wrong with TLS and what helps, without the names in the
// server's certificate. It returns nil where err is of another kind.
func tlsFault(err error) error {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return &tlsError{fault: http.ErrSchemeMismatch.Error(), remedy: wantsTLS}
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return &tlsError{fault: e.Error(), remedy: wantsTLS}
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		fault, remedy := certificateFault(e.Err)
		return &tlsError{"tls: failed to verify certificate: " + fault, remedy, remedy != ""}
	}
	for e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil; e, ok = errors.AsType[*net.OpError](err) {
		err = e.Err // an alert of either side
	}
	// The rest has no type. Text that a server sent never begins like this.
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "tls: failed to parse certificate"):
		return &tlsError{fault: "tls: the server's certificate can't be parsed"}
	case strings.HasPrefix(text, "tls: "):
		return &tlsError{fault: text, remedy: alertRemedy(text)}
	case strings.HasPrefix(text, "unable to use specified "):
		return &tlsError{fault: text}
	}
	return nil
}

// alertRemedy says what helps where either side ended a handshake.
func alertRemedy(text string) string {
	switch {
	case mentions(errors.New(text), "certificate required", "bad certificate", "unknown certificate", "certificate unknown", "expired certificate"):
		return wantsCertificate
	case mentions(errors.New(text), "protocol version", "handshake failure", "insufficient security"):
		return nothingInCommon
	}
	return ""
}

// certificateFault says what is wrong with a certificate, and what helps.
func certificateFault(err error) (fault, remedy string) {
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if e.Cert != nil && e.Cert.CheckSignatureFrom(e.Cert) == nil {
			return "self-signed, so by an unknown authority", "put this certificate into tls_config.ca_file"
		}
		return "signed by an unknown authority", "put its certificate into tls_config.ca_file"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		if c := e.Certificate; len(c.DNSNames)+len(c.IPAddresses)+len(c.URIs)+len(c.EmailAddresses) == 0 {
			return "it has no subjectAltName, and its Common Name is not looked at", "the server needs a certificate with a subjectAltName for " + e.Host
		}
		return "it is not for " + e.Host, "set url or tls_config.server_name to a name in its subjectAltName"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch e.Reason {
		case x509.Expired:
			return "it, or one above it, has expired or is not yet valid", "the server needs a new one, unless this machine's clock is wrong"
		case x509.NotAuthorizedToSign:
			return "one above it is not that of an authority (CA:TRUE)", ""
		case x509.IncompatibleUsage:
			return "it is not for servers (extended key usage serverAuth)", ""
		}
		return "an authority's constraints forbid it", ""
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return "this machine has no list of authorities", "put theirs into tls_config.ca_file"
	}
	return "it can't be used", ""
}
