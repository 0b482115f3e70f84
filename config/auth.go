package config

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	promconfig "github.com/prometheus/common/config"
	yaml "go.yaml.in/yaml/v3"
)

const (
	clientCredentials = "client_credentials"
	jwtBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

func (o *object) basicAuth() *promconfig.BasicAuth {
	a, ok := o.optional("basic_auth")
	if !ok {
		return nil
	}
	defer a.close()
	a.inline("password", "password_file")
	a.reference("password_ref", "password_file")
	a.reference("username_ref", "username_file")
	b := &promconfig.BasicAuth{UsernameFile: a.nameFile("username_file"), PasswordFile: a.secretFile("password_file")}
	b.Username, ok = a.text("username", "a user's name")
	switch {
	case a.has("username") && a.has("username_file"):
		a.fail("username_file", "username is also set (line %d); remove one", a.fields["username"].line)
	case !a.has("username") && !a.given("username_file"):
		a.fail("username", "is missing; write the user's name here, or name a file that holds it with username_file")
	case ok && b.Username == "":
		a.fail("username", "is empty; write the user's name")
	case strings.Contains(b.Username, ":"):
		a.fail("username", "contains a colon, which basic authentication can't transmit in a user's name")
	}
	if !a.given("password_file") {
		a.fail("password_file", "is missing; name the file that holds the password")
	}
	return b
}

func (o *object) authorization() *promconfig.Authorization {
	a, ok := o.optional("authorization")
	if !ok {
		return nil
	}
	defer a.close()
	a.inline("credentials", "credentials_file")
	a.reference("credentials_ref", "credentials_file")
	out := &promconfig.Authorization{Type: "Bearer", CredentialsFile: a.secretFile("credentials_file")}
	if typ, ok := a.text("type", "one word such as Bearer"); ok {
		out.Type = strings.TrimSpace(typ)
		switch {
		case strings.EqualFold(out.Type, "basic"):
			a.fail("type", "can't be Basic here; use basic_auth")
		case !isToken(out.Type):
			a.fail("type", "must be one word such as Bearer; what follows that word belongs in credentials_file")
		}
	}
	if !a.given("credentials_file") {
		a.fail("credentials_file", "is missing; name the file that holds the credentials")
	}
	return out
}

// isToken reports whether s can be a header's name or a scheme of
// authentication.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if !isAlnum(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// oauth2 reads the key of that name. Where it has no tls_config or no proxy of
// its own, it gets the source's: an appliance's token endpoint has the
// appliance's certificate.
func (o *object) oauth2(api *API, base string, tls promconfig.TLSConfig, proxy promconfig.ProxyConfig) *promconfig.OAuth2 {
	a, ok := o.optional("oauth2")
	if !ok {
		return nil
	}
	defer a.close()
	a.inline("client_secret", "client_secret_file")
	a.reference("client_secret_ref", "client_secret_file")
	a.inline("client_certificate_key", "client_certificate_key_file")
	a.reference("client_certificate_key_ref", "client_certificate_key_file")
	c := &promconfig.OAuth2{
		ClientSecretFile:         a.secretFile("client_secret_file"),
		ClientCertificateKeyFile: a.keyFile("client_certificate_key_file"),
		TLSConfig:                a.tls("tls_config"),
		ProxyConfig:              a.proxy(),
		Scopes:                   a.texts("scopes", "[read]"),
		EndpointParams:           a.endpointParams(),
		Claims:                   a.claims(),
	}
	c.ClientCertificateKeyID, _ = a.text("client_certificate_key_id", "a text")
	c.Iss, _ = a.text("iss", "a text")
	c.Audience, _ = a.text("audience", "a text")
	id, ok := a.text("client_id", "the client's id")
	c.ClientID = strings.TrimSpace(id)
	if !a.has("client_id") || ok && c.ClientID == "" {
		a.fail("client_id", "is missing; write the id of the client (for Intersight, of the app registration)")
	}
	a.tokenURL(c, api, base)
	if !a.has("tls_config") {
		c.TLSConfig = inheritTLS(tls, base, c.TokenURL)
	}
	if !slices.ContainsFunc(proxyKeys(), a.has) {
		c.ProxyConfig = proxy
	}
	a.grant(c, api)
	return c
}

// grant reads the grant type, and refuses the keys of the other one, which
// would silently do nothing.
func (o *object) grant(c *promconfig.OAuth2, api *API) {
	jwtOnly := []string{"client_certificate_key_file", "client_certificate_key_id", "signature_algorithm", "iss", "audience", "claims"}
	grant, ok := o.text("grant_type", clientCredentials+" or "+jwtBearer)
	if o.has("grant_type") {
		if ok && grant != clientCredentials && grant != jwtBearer {
			o.fail("grant_type", "%s is not supported; use %s or %s", quote(grant), clientCredentials, jwtBearer)
			ok = false
		}
		c.GrantType = grant
	}
	c.SignatureAlgorithm = o.signatureAlgorithm()
	if o.has("grant_type") && !ok {
		return
	}
	if grant == jwtBearer {
		if !o.given("client_certificate_key_file") {
			o.fail("client_certificate_key_file", "is missing; name the file that holds the key which signs the grant")
		}
		if o.has("client_secret_file") {
			o.fail("client_secret_file", "is not used with this grant_type; remove it")
		}
		return
	}
	for _, key := range jwtOnly {
		if o.has(key) {
			o.fail(key, "is used only with grant_type: %s; set that, or remove this", jwtBearer)
		}
	}
	// A client may prove itself by its certificate instead, where the API takes that.
	certified := api.Certificate && c.TLSConfig.Cert+c.TLSConfig.CertFile != ""
	if !o.given("client_secret_file") && !certified {
		o.fail("client_secret_file", "is missing; name the file that holds the client's secret")
	}
}

func (o *object) signatureAlgorithm() string {
	algorithms := []string{"RS256", "RS384", "RS512"}
	s, ok := o.text("signature_algorithm", anyOf(algorithms))
	if ok && !slices.Contains(algorithms, s) {
		o.fail("signature_algorithm", "%s is not supported; use %s", quote(s), anyOf(algorithms))
	}
	return s
}

func (o *object) tokenURL(c *promconfig.OAuth2, api *API, base string) {
	s, ok := o.text("token_url", "a URL such as https://login.example.com/oauth2/token")
	switch {
	case !o.has("token_url") && api.TokenPath != "":
		if base != "" {
			c.TokenURL = base + api.TokenPath
		}
	case !o.has("token_url"):
		o.fail("token_url", "is missing; write the URL that gives out tokens, such as https://login.example.com/oauth2/token")
	case ok:
		u, problem := endpointURL(strings.TrimSpace(s), "https", "http")
		if problem != "" {
			o.fail("token_url", "%s", problem)
			return
		}
		if u.Scheme == "http" && !isLoopback(u) {
			o.warn("token_url", "sends the client's secret over an unencrypted connection; use https://")
		}
		c.TokenURL = u.String()
	}
}

// inheritTLS gives the token endpoint the source's TLS settings, without those
// that are about one host if it is another one.
func inheritTLS(c promconfig.TLSConfig, base, token string) promconfig.TLSConfig {
	b, err1 := url.Parse(base)
	t, err2 := url.Parse(token)
	if err1 == nil && err2 == nil && !strings.EqualFold(b.Hostname(), t.Hostname()) {
		c.ServerName, c.InsecureSkipVerify = "", false
	}
	return c
}

func (o *object) endpointParams() map[string]string {
	p := o.object("endpoint_params")
	var params map[string]string
	for _, name := range p.keys() {
		if secretName(name) {
			p.fail(name, "looks like a secret, and inline secrets are refused; use client_secret_file")
			continue
		}
		if s, ok := p.d.text(p.fields[name], "a text"); ok {
			if params == nil {
				params = make(map[string]string)
			}
			params[name] = s
		}
	}
	return params
}

func (o *object) claims() map[string]any {
	p := o.object("claims")
	var claims map[string]any
	for _, name := range p.keys() {
		if claims == nil {
			claims = make(map[string]any)
		}
		claims[name] = p.claim(name)
	}
	return claims
}

func (o *object) claim(name string) any {
	if secretName(name) {
		o.fail(name, "looks like a secret, and inline secrets are refused; a claim is not a place for one")
		return nil
	}
	return o.d.plain(o.fields[name])
}

// plain reads a value of any type that JSON has.
func (d *decoder) plain(v value) any {
	switch {
	case d.tagged(v) || isNull(v.node):
		return nil
	case v.node.Kind == yaml.MappingNode:
		o, out := d.object(v), make(map[string]any)
		for _, key := range o.keys() {
			out[key] = o.claim(key)
		}
		return out
	case v.node.Kind == yaml.SequenceNode:
		out := make([]any, len(v.node.Content))
		for i, n := range v.node.Content {
			out[i] = d.plain(child(n, v.path+"["+strconv.Itoa(i)+"]"))
		}
		return out
	}
	s := v.node.Value
	switch v.node.Tag {
	case "!!bool":
		return s[0] == 't' || s[0] == 'T'
	case "!!int":
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
		d.failAt(v, "is not a plain whole number; quote it if it is a text")
	case "!!float":
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
		d.failAt(v, "is not a plain number; quote it if it is a text")
	default:
		return s
	}
	return nil
}
