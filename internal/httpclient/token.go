package httpclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	promconfig "github.com/prometheus/common/config"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"iam_session_exporter/internal/session"
)

// tokenSource fetches OAuth2 tokens and keeps one until shortly before it ends.
// It stands in for the token handling of prometheus/common/config, which
// fetches tokens outside of the request's deadline and out of our sight.
type tokenSource struct {
	cfg  Config
	o    *promconfig.OAuth2
	http *http.Client
	busy chan struct{} // a mutex that a deadline can interrupt; guards what follows

	secret  string
	grant   grant
	current string
	renewAt time.Time // our clock; zero: when it is refused
}

// grant is what a token is asked with.
type grant interface {
	TokenSource(context.Context) oauth2.TokenSource
}

func newTokenSource(cfg Config, o *promconfig.OAuth2, client *http.Client) *tokenSource {
	client.Transport = &traced{cfg: cfg, next: client.Transport}
	return &tokenSource{cfg: cfg, o: o, http: client, busy: make(chan struct{}, 1)}
}

const tokenRequest = "POST token_url: OAuth2 token"

func (t *tokenSource) lock(ctx context.Context) error {
	select {
	case t.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return classify(ctx, t.cfg, tokenRequest, ctx.Err())
	}
}

func (t *tokenSource) unlock() { <-t.busy }

// get returns a token that is good for a while.
func (t *tokenSource) get(ctx context.Context) (string, error) {
	if err := t.lock(ctx); err != nil {
		return "", err
	}
	defer t.unlock()
	secret, err := t.readSecret()
	if err != nil {
		return "", fail(session.ReasonAuth, tokenRequest, err)
	}
	if t.grant == nil || secret != t.secret {
		t.secret, t.grant, t.current = secret, t.newGrant(secret), ""
	}
	now := t.cfg.Now()
	if t.current != "" && (t.renewAt.IsZero() || now.Before(t.renewAt)) {
		return t.current, nil
	}
	tok, err := t.grant.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, t.http)).Token()
	if err != nil {
		return "", t.classify(ctx, err)
	}
	t.current, t.renewAt = tok.AccessToken, time.Time{}
	if !tok.Expiry.IsZero() { // the library reckons by the real clock
		life := max(time.Until(tok.Expiry), 0)
		t.renewAt = now.Add(life - min(life/10, time.Minute))
	}
	return t.current, nil
}

// drop forgets a token that the API refused.
func (t *tokenSource) drop(token string) {
	t.busy <- struct{}{}
	defer t.unlock()
	if t.current == token {
		t.current = ""
	}
}

func (t *tokenSource) jwtBearer() bool { return strings.HasSuffix(t.o.GrantType, "jwt-bearer") }

func (t *tokenSource) readSecret() (string, error) {
	file := t.o.ClientSecretFile
	if t.jwtBearer() {
		file = t.o.ClientCertificateKeyFile
	}
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err
}

func (t *tokenSource) newGrant(secret string) grant {
	params := url.Values{}
	for k, v := range t.o.EndpointParams {
		params.Set(k, v)
	}
	if !t.jwtBearer() {
		// Where the secret goes (header or form) is found out by the library:
		// both are seen with Intersight.
		return &clientcredentials.Config{
			ClientID: t.o.ClientID, ClientSecret: secret, TokenURL: t.o.TokenURL,
			Scopes: t.o.Scopes, EndpointParams: params,
		}
	}
	sig := jwt.SigningMethodRS256
	switch t.o.SignatureAlgorithm {
	case jwt.SigningMethodRS384.Name:
		sig = jwt.SigningMethodRS384
	case jwt.SigningMethodRS512.Name:
		sig = jwt.SigningMethodRS512
	}
	issuer := t.o.Iss
	if issuer == "" {
		issuer = t.o.ClientID
	}
	return &promconfig.JwtGrantTypeConfig{
		PrivateKey: []byte(secret), PrivateKeyID: t.o.ClientCertificateKeyID, SigningAlgorithm: sig,
		Iss: issuer, Subject: t.o.ClientID, Audience: t.o.Audience, PrivateClaims: t.o.Claims,
		TokenURL: t.o.TokenURL, Scopes: t.o.Scopes, EndpointParams: params,
	}
}

// oauthErrors are the error codes of RFC 6749 5.2; anything else that a token
// endpoint says is not repeated.
var oauthErrors = [...]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

func (t *tokenSource) classify(ctx context.Context, err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if _, isURL := errors.AsType[*url.Error](err); isURL || ctx.Err() != nil {
			return classify(ctx, t.cfg, tokenRequest, err)
		}
		return fail(session.ReasonDecode, tokenRequest, errors.New("the answer is not a token"))
	}
	status := &StatusError{Code: refused.Response.StatusCode, Header: refused.Response.Header}
	if slices.Contains(oauthErrors[:], refused.ErrorCode) {
		status.detail = refused.ErrorCode
	}
	reason := statusReason(status.Code, status.Header)
	if reason != session.ReasonRateLimited && (status.Code/100 == 4 || status.Code/100 == 2) {
		reason = session.ReasonAuth
	}
	return fail(reason, tokenRequest, status)
}

// traced reports token requests to the scrape's trace.
type traced struct {
	cfg  Config
	next http.RoundTripper
}

func (t *traced) RoundTrip(req *http.Request) (*http.Response, error) {
	seen := session.Request{What: tokenRequest, Sent: t.cfg.Now()}
	begin := time.Now()
	res, err := t.next.RoundTrip(req)
	seen.Duration = time.Since(begin)
	seen.RoundTrip = seen.Duration
	if err != nil {
		seen.Err = classify(req.Context(), t.cfg, tokenRequest, err)
	} else {
		seen.Code = res.StatusCode
		if res.StatusCode != http.StatusOK {
			seen.Err = fmt.Errorf("HTTP %d", res.StatusCode)
		}
	}
	session.TraceOf(req.Context()).Sent(seen)
	return res, err
}

// CloseIdleConnections is what http.Client looks for.
func (t *traced) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
