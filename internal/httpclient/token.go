package httpclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	promconfig "github.com/prometheus/common/config"
	"golang.org/x/oauth2"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/smallfile"
)

// tokenSource fetches OAuth2 tokens and keeps one until shortly before it ends.
// It stands in for the token handling of prometheus/common/config, which
// fetches tokens outside of the request's deadline and out of our sight.
type tokenSource struct {
	cfg  Config
	o    *promconfig.OAuth2
	rt   *traced
	busy chan struct{} // a mutex that a deadline can interrupt; guards what follows

	secret  string
	grant   grant
	current string
	renewAt time.Time // our clock; zero: when it is refused
	endsAt  time.Time // our clock; while renewing it fails, it is used until then
	refused error     // the latest refusal

	refusals atomic.Int64
	issued   recent
}

func newTokenSource(cfg Config, rt http.RoundTripper) *tokenSource {
	return &tokenSource{cfg: cfg, o: cfg.HTTP.OAuth2, rt: &traced{cfg: cfg, next: rt}, busy: make(chan struct{}, 1)}
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
	refusals := t.refusals.Load()
	if err := t.lock(ctx); err != nil {
		return "", err
	}
	defer t.unlock()
	if t.refusals.Load() != refusals {
		// Refused while we waited our turn: asking again would not help, and
		// might lock the account.
		return "", t.refused
	}
	if err := t.readSecret(); err != nil {
		return "", unreadable(t.cfg, tokenRequest, err)
	}
	now := t.cfg.Now()
	if t.current != "" && (t.renewAt.IsZero() || now.Before(t.renewAt)) {
		return t.current, nil
	}
	if t.current != "" && now.Before(t.endsAt) {
		return t.renew(ctx, now)
	}
	t.current = ""
	if err := t.replace(ctx, now); err != nil {
		if status, ok := errors.AsType[*StatusError](err); ok && !status.stale {
			t.refused = err
			t.refusals.Add(1)
		}
		return "", err
	}
	return t.current, nil
}

// renew returns a new token if one comes in time, else the one at hand, which is
// still good. An endpoint that fails is left alone for a while.
func (t *tokenSource) renew(ctx context.Context, now time.Time) (string, error) {
	part, cancel := ctx, func() {}
	if deadline, ok := ctx.Deadline(); ok {
		part, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	defer cancel()
	err := t.replace(part, now)
	if err == nil {
		return t.current, nil
	}
	if gone := hangUp(ctx); gone != nil {
		return "", gone
	}
	wait := defaultBackoff
	if status, ok := errors.AsType[*StatusError](err); ok {
		switch reason, _ := session.ReasonOf(err); {
		case reason == session.ReasonAuth:
			wait = refusedBackoff
		case status.Header.Get("Retry-After") != "":
			wait = retryAfter(status.Header, now)
		}
	}
	if t.renewAt = now.Add(wait); t.renewAt.After(t.endsAt) {
		t.renewAt = t.endsAt
	}
	session.TraceOf(ctx).Decided("using the OAuth2 token at hand until it ends: " + err.Error())
	return t.current, nil
}

// replace fetches a token.
func (t *tokenSource) replace(ctx context.Context, now time.Time) error {
	tok, err := t.fetch(ctx)
	if err != nil {
		return t.classify(ctx, err)
	}
	t.issued.add(tok.AccessToken)
	t.current, t.renewAt, t.endsAt = tok.AccessToken, time.Time{}, time.Time{}
	if life := lifetime(tok.Expiry); life > 0 {
		t.endsAt = now.Add(life)
		kept := max(life, minLifetime)
		t.renewAt = now.Add(kept - min(kept/10, time.Minute))
	}
	return nil
}

// A token is kept for this long, whatever its endpoint says: not fetched for
// each request, and not kept for ever.
const (
	minLifetime = 30 * time.Second
	maxLifetime = 24 * time.Hour
)

// lifetime is how long a token is good; 0: until the API refuses it, where its end
// is not known. A lifetime that is negative or too large for a clock ends in the
// past, and says nothing. The libraries reckon ends by the real clock.
func lifetime(end time.Time) time.Duration {
	life := time.Until(end)
	switch {
	case end.IsZero():
		return 0
	case life <= 0:
		return maxLifetime
	}
	return min(life, maxLifetime)
}

// drop forgets a token that the API refused.
func (t *tokenSource) drop(ctx context.Context, token string) {
	if t.lock(ctx) != nil {
		return
	}
	defer t.unlock()
	if t.current == token {
		t.current = ""
	}
}

// readSecret makes a new grant where the secret is not the one in use.
func (t *tokenSource) readSecret() error {
	file, inline := t.o.ClientSecretFile, t.o.ClientSecret
	if jwtBearer(t.o) {
		file, inline = t.o.ClientCertificateKeyFile, t.o.ClientCertificateKey
	}
	secret := string(inline)
	if file != "" {
		var err error
		if jwtBearer(t.o) {
			secret, err = smallfile.PEM(file)
		} else {
			secret, err = smallfile.Line(file)
		}
		if err != nil {
			return err
		}
	}
	if t.grant != nil && secret == t.secret {
		return nil
	}
	g, err := newGrant(t.o, secret)
	if err != nil {
		return err
	}
	t.secret, t.grant, t.current = secret, g, ""
	return nil
}

// maxToken is the most bytes that a token has.
const maxToken = 64 << 10

var errNotToken = errors.New("the answer is not a token")

func (t *tokenSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	client := &http.Client{Transport: inContext{ctx, t.rt}}
	tok, err := t.grant.token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return nil, err
	}
	// What is not visible ASCII can't be sent back, RFC 6750 2.1.
	if tok.AccessToken == "" || len(tok.AccessToken) > maxToken || strings.ContainsFunc(tok.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errNotToken
	}
	return tok, nil
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
		return fail(session.ReasonDecode, tokenRequest, errNotToken)
	}
	status := &StatusError{Code: refused.Response.StatusCode, Header: refused.Response.Header, stale: t.rt.stale.Load()}
	if status.stale {
		return fail(session.ReasonHTTP, tokenRequest, status)
	}
	if code := oauthCode(refused); slices.Contains(oauthErrors[:], code) {
		status.detail = code
	}
	reason := statusReason(status.Code, status.Header)
	if reason != session.ReasonRateLimited && (status.Code/100 == 4 || status.Code/100 == 2) {
		reason = session.ReasonAuth
	}
	return fail(reason, tokenRequest, status)
}

// oauthCode returns the error code of RFC 6749 5.2. Where prometheus/common
// asks, the library leaves it in the body.
func oauthCode(e *oauth2.RetrieveError) string {
	if e.ErrorCode != "" {
		return e.ErrorCode
	}
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(e.Body, &body) != nil {
		return ""
	}
	return body.Error
}

// inContext sends requests in a context of ours: prometheus/common's JWT grant
// sends them in none.
type inContext struct {
	ctx  context.Context
	next http.RoundTripper
}

func (t inContext) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.next.RoundTrip(req.WithContext(t.ctx))
}

// traced reports token requests to the refresh's trace.
type traced struct {
	cfg   Config
	next  http.RoundTripper
	stale atomic.Bool // the latest answer was a 408 on a connection that was idle for too long
}

func (t *traced) RoundTrip(req *http.Request) (*http.Response, error) {
	// No Date: the token endpoint may be another server than the API.
	seen := session.Request{What: tokenRequest, Sent: t.cfg.Now(), Token: true}
	begin := time.Now()
	req, reused := watchReuse(req)
	res, err := t.next.RoundTrip(req)
	if err == nil && res.StatusCode/100 == 2 && fromCache(res.Header) {
		seen.Code = res.StatusCode
		res.Body.Close()
		res, err = nil, errCached
	}
	seen.Duration = time.Since(begin)
	seen.RoundTrip = seen.Duration
	if err != nil {
		seen.Err = classify(req.Context(), t.cfg, tokenRequest, err)
	} else {
		seen.Code = res.StatusCode
		if t.stale.Store(res.StatusCode == http.StatusRequestTimeout && *reused); res.StatusCode/100 != 2 {
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
