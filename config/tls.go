package config

import (
	"crypto/x509"
	"maps"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"
)

func tlsKeys(c *promconfig.TLSConfig) []Option {
	return []Option{
		inline("key", "key_file"),
		reference("key_ref", "key_file"),
		reference("cert_ref", "cert_file"),
		reference("ca_ref", "ca_file"),
		certificates(&c.CA, "ca", "trusted certificate authorities as PEM text, instead of ca_file"),
		certificates(&c.Cert, "cert", "the client's certificate as PEM text, instead of cert_file"),
		Boolean(&c.InsecureSkipVerify, "insecure_skip_verify", false, "true: any certificate is accepted. Default false"),
		tlsVersion(&c.MinVersion, "min_version", "TLS12", "TLS10, TLS11, TLS12 or TLS13. Default TLS12"),
		tlsVersion(&c.MaxVersion, "max_version", "TLS13", "TLS10, TLS11, TLS12 or TLS13. Default: the newest"),
		custom("server_name", "appliance.example.com", "the name in the server's certificate. Default: the host of url",
			func() schema { return textLike(`^(` + namePattern + `)?$`) }, func(o *object) { c.ServerName = o.serverName() }),
		certificateFile(&c.CAFile, "ca_file", "appliance-ca.pem", "trusted certificate authorities, PEM. Default: the system's").not("ca"),
		certificateFile(&c.CertFile, "cert_file", "monitor.crt", "the client's certificate, PEM; needs key_file").not("cert"),
		keyFile(&c.KeyFile, "key_file", "monitor.key", "the private key of the client's certificate, PEM"),
	}
}

// tlsSchema: a certificate needs its key, and a key its certificate. The newest
// version is not below the oldest.
func tlsSchema() schema {
	rules := []schema{{"dependencies": schema{"cert": need("key_file"), "cert_file": need("key_file"), "key_file": needOne("cert_file", "cert")}}}
	versions := tlsVersions()
	for i, least := range versions {
		rules = append(rules, when(has("min_version", schema{"const": least}), schema{"properties": schema{"max_version": schema{"enum": versions[i:]}}}))
	}
	return mapping(tlsKeys(new(promconfig.TLSConfig)), rules...)
}

// tlsVersions are the words for them, oldest first.
func tlsVersions() []string { return slices.Sorted(maps.Keys(promconfig.TLSVersions)) }

func (o *object) tls(key string) promconfig.TLSConfig {
	t := o.object(key)
	defer t.close()
	var c promconfig.TLSConfig
	t.read(tlsKeys(&c))
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

func (o *object) serverName() string {
	name, _ := o.text("server_name", "the host name in the server's certificate")
	if name != "" && !validHost(name) {
		o.fail("server_name", "%s is not a host name; write the one in the server's certificate", quote(name))
	}
	return name
}

func certificates(v *string, key, doc string) Option {
	return custom(key, "", doc, func() schema { return textOnly("-----BEGIN CERTIFICATE-----").without("PRIVATE KEY") },
		func(o *object) { *v = o.certificates(key) })
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

func tlsVersion(v *promconfig.TLSVersion, key, example, doc string) Option {
	return custom(key, example, doc, func() schema { return oneWord(tlsVersions())() }, func(o *object) { *v = o.tlsVersion(key) })
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
