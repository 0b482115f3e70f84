package httpclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	promconfig "github.com/prometheus/common/config"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// grant is what a token is asked with. It sends requests with the http.Client
// in its context.
type grant interface {
	token(context.Context) (*oauth2.Token, error)
}

func jwtBearer(o *promconfig.OAuth2) bool { return strings.HasSuffix(o.GrantType, "jwt-bearer") }

func newGrant(o *promconfig.OAuth2, secret string) (grant, error) {
	params := url.Values{}
	for k, v := range o.EndpointParams {
		params.Set(k, v)
	}
	if !jwtBearer(o) {
		return &clientGrant{config: clientcredentials.Config{
			ClientID: o.ClientID, ClientSecret: secret, TokenURL: o.TokenURL,
			Scopes: o.Scopes, EndpointParams: params,
		}}, nil
	}
	if _, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(secret)); err != nil {
		return nil, errors.New("the client certificate key is not an RSA key in PEM")
	}
	sig := jwt.SigningMethodRS256
	switch o.SignatureAlgorithm {
	case jwt.SigningMethodRS384.Name:
		sig = jwt.SigningMethodRS384
	case jwt.SigningMethodRS512.Name:
		sig = jwt.SigningMethodRS512
	}
	issuer := o.Iss
	if issuer == "" {
		issuer = o.ClientID
	}
	return jwtGrant{&promconfig.JwtGrantTypeConfig{
		PrivateKey: []byte(secret), PrivateKeyID: o.ClientCertificateKeyID, SigningAlgorithm: sig,
		Iss: issuer, Subject: o.ClientID, Audience: o.Audience, PrivateClaims: o.Claims,
		TokenURL: o.TokenURL, Scopes: o.Scopes, EndpointParams: params,
	}}, nil
}

// jwtGrant is RFC 7523's.
type jwtGrant struct {
	config *promconfig.JwtGrantTypeConfig
}

func (g jwtGrant) token(ctx context.Context) (*oauth2.Token, error) {
	return g.config.TokenSource(ctx).Token()
}

// clientGrant is RFC 6749's client credentials. Where the secret goes (header or
// form) is found out: both are seen with Intersight. The library could find it
// out too, but would also ask a second time where it was asked to be quiet, or
// where nothing answers.
type clientGrant struct {
	config clientcredentials.Config
}

func (g *clientGrant) token(ctx context.Context) (*oauth2.Token, error) {
	if g.config.AuthStyle != oauth2.AuthStyleAutoDetect {
		return g.config.Token(ctx)
	}
	g.config.AuthStyle = oauth2.AuthStyleInHeader
	tok, err := g.config.Token(ctx)
	if err != nil && mayBeStyle(err) {
		g.config.AuthStyle = oauth2.AuthStyleInParams
		tok, err = g.config.Token(ctx)
	}
	if err != nil {
		g.config.AuthStyle = oauth2.AuthStyleAutoDetect
	}
	return tok, err
}

// mayBeStyle reports whether the secret may have been looked for elsewhere.
func mayBeStyle(err error) bool {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return false
	}
	code := e.Response.StatusCode
	return code/100 == 2 || code == http.StatusBadRequest || code == http.StatusUnauthorized || code == http.StatusForbidden
}
