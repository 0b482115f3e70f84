package config

import (
	"crypto/x509"
	"strings"

	promconfig "github.com/prometheus/common/config"
)

func (o *object) tls(key string) promconfig.TLSConfig {
	t := o.object(key)
	defer t.close()
	t.inline("key", "key_file")
	t.reference("key_ref", "key_file")
	t.reference("cert_ref", "cert_file")
	t.reference("ca_ref", "ca_file")
	c := promconfig.TLSConfig{
		CA:                 t.certificates("ca"),
		Cert:               t.certificates("cert"),
		CAFile:             t.certificateFile("ca_file"),
		CertFile:           t.certificateFile("cert_file"),
		KeyFile:            t.keyFile("key_file"),
		InsecureSkipVerify: t.boolean("insecure_skip_verify", false),
		MinVersion:         t.tlsVersion("min_version"),
		MaxVersion:         t.tlsVersion("max_version"),
	}
	if name, ok := t.text("server_name", "the host name in the server's certificate"); ok {
		c.ServerName = name
		if name != "" && !validHost(name) {
			t.fail("server_name", "%s is not a host name; write the one in the server's certificate", quote(name))
		}
	}
	for _, k := range []string{"ca", "cert"} {
		if t.has(k) && t.has(k+"_file") {
			t.fail(k+"_file", "%s is also set (line %d); remove one", k, t.fields[k].line)
		}
	}
	certificate, private := t.has("cert") || t.given("cert_file"), t.given("key_file")
	switch {
	case certificate && !private:
		t.fail("key_file", "is missing; a client certificate needs its private key in a file")
	case private && !certificate:
		t.fail("cert_file", "is missing; a client's private key needs its certificate")
	}
	if c.InsecureSkipVerify {
		t.warn("insecure_skip_verify", "anyone on the way can pose as the server and take the credentials; trust its certificate with ca_file instead")
	}
	t.checkVersions(c.MinVersion, c.MaxVersion)
	return c
}

// checkVersions judges the oldest and the newest version allowed; 0 is not given.
func (o *object) checkVersions(least, most promconfig.TLSVersion) {
	if least != 0 && most != 0 && least > most {
		o.fail("max_version", "is below min_version; no connection is possible")
	}
	tls12 := promconfig.TLSVersions["TLS12"]
	if most != 0 && most < tls12 {
		o.warn("max_version", "TLS 1.0 and 1.1 are broken; raise it to TLS12 or more")
	} else if least != 0 && least < tls12 {
		o.warn("min_version", "TLS 1.0 and 1.1 are broken; raise it to TLS12 or more")
	}
}

// certificates reads PEM text. A private key in it would be an inline secret.
func (o *object) certificates(key string) string {
	v, ok := o.get(key)
	if !ok {
		return ""
	}
	s, ok := o.d.scalar(v, "a certificate as PEM text", "!!str")
	switch {
	case !ok:
	case strings.Contains(s, "PRIVATE KEY"):
		o.fail(key, "holds a private key, and inline secrets are refused; put it in a file and name the file with key_file")
	case !x509.NewCertPool().AppendCertsFromPEM([]byte(s)):
		o.fail(key, "is not a certificate as PEM text; to name a file, use %s_file", key)
	}
	return s
}

func (o *object) tlsVersion(key string) promconfig.TLSVersion {
	const want = "TLS10, TLS11, TLS12 or TLS13"
	s, ok := o.text(key, want)
	if !ok {
		return 0
	}
	v, ok := promconfig.TLSVersions[s]
	if !ok {
		o.fail(key, "%s is not a TLS version; write %s", quote(s), want)
	}
	return v
}
