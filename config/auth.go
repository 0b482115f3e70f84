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

func basicAuthKeys(b *promconfig.BasicAuth) []Option {
	return []Option{
		inline("password", "password_file"),
		reference("password_ref", "password_file"),
		reference("username_ref", "username_file"),
		custom("username", "monitor", "the user's name; or username_file", func() schema { return textLike(`^[^:\x00-\x1f\x7f-\x9f]+$`) },
			func(o *object) { b.Username = o.username() }),
		nameFile(&b.UsernameFile, "username_file", "oam-user", "the file that holds the user's name, instead of username").not("username"),
		secretFile(&b.PasswordFile, "password_file", "oam-password", "required: the file that holds the password").must("name the file that holds the password"),
	}
}

func basicAuthSchema() schema {
	return mapping(basicAuthKeys(new(promconfig.BasicAuth)), needOne("username", "username_file"))
}

func (o *object) basicAuth() *promconfig.BasicAuth {
	a, ok := o.optional("basic_auth")
	if !ok {
		return nil
	}
	defer a.close()
	b := new(promconfig.BasicAuth)
	a.read(basicAuthKeys(b))
	return b
}

func (o *object) username() string {
	name, ok := o.text("username", "a user's name")
	switch {
	case o.has("username") && o.has("username_file"): // said at the latter
	case !o.has("username") && !o.given("username_file"):
		o.fail("username", "is missing; write the user's name here, or name a file that holds it with username_file")
	case ok && name == "":
		o.fail("username", "is empty; write the user's name")
	case strings.Contains(name, ":"):
		o.fail("username", "contains a colon, which basic authentication can't transmit in a user's name")
	}
	return name
}

func authorizationKeys(a *promconfig.Authorization) []Option {
	return []Option{
		inline("credentials", "credentials_file"),
		reference("credentials_ref", "credentials_file"),
		custom("type", "Bearer", "one word. Default Bearer",
			func() schema {
				return textLike(`^\s*` + strings.Trim(tokenPattern, "^$") + `\s*$`).without(`^\s*` + anyCase("basic") + `\s*$`)
			},
			func(o *object) { a.Type = o.authorizationType() }).shown(func() any { return a.Type }),
		secretFile(&a.CredentialsFile, "credentials_file", "gateway-token", "required: what follows the type in the Authorization header").
			must("name the file that holds the credentials"),
	}
}

func (o *object) authorization() *promconfig.Authorization {
	a, ok := o.optional("authorization")
	if !ok {
		return nil
	}
	defer a.close()
	out := new(promconfig.Authorization)
	a.read(authorizationKeys(out))
	return out
}

func (o *object) authorizationType() string {
	typ, ok := o.text("type", "one word such as Bearer")
	if !ok {
		return "Bearer"
	}
	typ = strings.TrimSpace(typ)
	switch {
	case strings.EqualFold(typ, "basic"):
		o.fail("type", "can't be Basic here; use basic_auth")
	case !isToken(typ):
		o.fail("type", "must be one word such as Bearer; what follows that word belongs in credentials_file")
	}
	return typ
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

func oauth2Keys(c *promconfig.OAuth2, api *API, base string) []Option {
	keys := []Option{
		inline("client_secret", "client_secret_file"),
		reference("client_secret_ref", "client_secret_file"),
		inline("client_certificate_key", "client_certificate_key_file"),
		reference("client_certificate_key_ref", "client_certificate_key_file"),
		secretFile(&c.ClientSecretFile, "client_secret_file", "appliance-client-secret", "required, unless the grant is signed: the file that holds the client's secret"),
		keyFile(&c.ClientCertificateKeyFile, "client_certificate_key_file", "grant-signing.key", "required with the grant_type of a signed grant: RSA, PEM"),
		custom("tls_config", "{ca_file: idp-ca.pem}", "TLS to the token endpoint. Default: that of the source", tlsSchema,
			func(o *object) { c.TLSConfig = o.tls("tls_config") }),
	}
	keys = append(keys, proxyKeys(&c.ProxyConfig)...)
	return append(keys,
		custom("scopes", "[read]", "default none; Intersight has none", func() schema { return listOf(notEmpty()) },
			func(o *object) { c.Scopes = o.texts("scopes", "[read]") }),
		custom("endpoint_params", "{audience: sessions}", "additional parameters of the token request; no secrets. Default none",
			func() schema { return anyMapping("", anyText()) }, func(o *object) { c.EndpointParams = o.endpointParams() }),
		custom("claims", "{tenant: example}", "additional claims; no secrets. Default none", func() schema { return anyMapping("", schema{}) },
			func(o *object) { c.Claims = o.claims() }),
		Text(&c.ClientCertificateKeyID, "client_certificate_key_id", "a text", "key-2025", "default none"),
		Text(&c.Iss, "iss", "a text", "monitor", "default: client_id"),
		Text(&c.Audience, "audience", "a text", "https://idp.example.com", "default: token_url"),
		custom("client_id", "monitor", "required", func() schema { return textLike(someText) },
			func(o *object) { c.ClientID = o.clientID() }).must(""),
		custom("token_url", "https://idp.example.com/oauth2/token", "default for Intersight: <url>/iam/token; for oam required",
			func() schema { return urlOf(true, "https", "http") }, func(o *object) { o.tokenURL(c, api, base) }),
		custom("grant_type", clientCredentials, clientCredentials+", or that of a signed grant, which is "+jwtBearer+". Default "+clientCredentials,
			oneWord([]string{clientCredentials, jwtBearer}), func(o *object) { c.GrantType = o.grantType() }),
		custom("signature_algorithm", "RS256", "RS256, RS384 or RS512. Default RS256", oneWord(signatureAlgorithms()),
			func(o *object) { c.SignatureAlgorithm = o.signatureAlgorithm() }),
	)
}

// signed is a mapping whose grant is signed.
func signed() schema { return has("grant_type", schema{"const": jwtBearer}) }

// ofSignedGrants are the keys that nothing else uses.
func ofSignedGrants() []string {
	return []string{"client_certificate_key_file", "client_certificate_key_id", "signature_algorithm", "iss", "audience", "claims"}
}

func oauth2Schema() schema {
	grant := schema{"if": signed(), "then": refuse("client_secret_file").with(need("client_certificate_key_file")), "else": refuse(ofSignedGrants()...)}
	return mapping(oauth2Keys(new(promconfig.OAuth2), new(API), ""), append(proxyRules(), grant)...)
}

// oauth2Rules are what an API demands of the key oauth2 beside it.
func oauth2Rules(api *API) []schema {
	of := func(s schema) schema { return schema{"properties": schema{"oauth2": s}} }
	var rules []schema
	if api.TokenPath == "" {
		rules = append(rules, of(need("token_url")))
	}
	if !api.Certificate {
		return append(rules, of(when(not(signed()), need("client_secret_file"))))
	}
	certified := has("tls_config", needOne("cert", "cert_file").with(schema{"type": "object"}))
	alone := schema{"anyOf": []schema{signed(), certified}}
	return append(rules, schema{"if": certified,
		"then": of(when(need("tls_config"), when(not(alone), need("client_secret_file")))),
		"else": of(when(not(alone), need("client_secret_file")))})
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
	c := new(promconfig.OAuth2)
	keys := oauth2Keys(c, api, base)
	a.read(keys)
	a.checkProxy(&c.ProxyConfig)
	if !a.has("tls_config") {
		c.TLSConfig = inheritTLS(tls, base, c.TokenURL)
	}
	if !slices.ContainsFunc(proxyKeys(new(promconfig.ProxyConfig)), func(k Option) bool { return a.has(k.Key) }) {
		c.ProxyConfig = proxy
	}
	a.grant(c, api)
	return c
}

func (o *object) clientID() string {
	id, ok := o.text("client_id", "the client's id")
	id = strings.TrimSpace(id)
	if !o.has("client_id") || ok && id == "" {
		o.fail("client_id", "is missing; write the id of the client (for Intersight, of the app registration)")
	}
	return id
}

// grantType reads which it is; "" is the default, and what is left of a mistake.
func (o *object) grantType() string {
	grant, ok := o.text("grant_type", clientCredentials+" or "+jwtBearer)
	if ok && grant != clientCredentials && grant != jwtBearer {
		o.fail("grant_type", "%s is not supported; use %s or %s", quote(grant), clientCredentials, jwtBearer)
		return ""
	}
	return grant
}

// grant refuses the keys of the other grant type, which would silently do nothing.
func (o *object) grant(c *promconfig.OAuth2, api *API) {
	if o.has("grant_type") && c.GrantType == "" {
		return
	}
	if c.GrantType == jwtBearer {
		if !o.given("client_certificate_key_file") {
			o.fail("client_certificate_key_file", "is missing; name the file that holds the key which signs the grant")
		}
		if o.has("client_secret_file") {
			o.fail("client_secret_file", "is not used with this grant_type; remove it")
		}
		return
	}
	for _, key := range ofSignedGrants() {
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

func signatureAlgorithms() []string { return []string{"RS256", "RS384", "RS512"} }

func (o *object) signatureAlgorithm() string {
	algorithms := signatureAlgorithms()
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
