package httpclient

import (
	"context"
	"net/http"
	"time"

	"iam_session_exporter/internal/session"
)

// Direct sends requests as a Client does, with the same credentials and within the
// same bounds, but leaves the rest to its caller: each is sent once, whatever came
// before, and each response is returned as it is. The request's context must have a
// deadline. Errors are safe to show. It is safe for concurrent use.
type Direct struct {
	cfg    Config
	rt     http.RoundTripper
	tokens *tokenSource // nil without OAuth2

	// Token, where set, is told of each request for a token: the status, 0 where
	// none came, and how long it took.
	Token func(status int, took time.Duration)
}

// NewDirect makes a Direct. Of cfg it uses HTTP, UserAgent and Now. An error names
// the file or setting that is wrong.
func NewDirect(cfg Config) (*Direct, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	rt, tokens, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	return &Direct{cfg: cfg, rt: rt, tokens: tokens}, nil
}

// TokenError is the failure to get a token, without which nothing is sent. Where
// the token endpoint gave a status, it wraps a *StatusError.
type TokenError struct{ Err error }

func (e *TokenError) Error() string { return e.Err.Error() }
func (e *TokenError) Unwrap() error { return e.Err }

// RoundTrip sends a request.
func (d *Direct) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := countDials(req.Context())
	token := ""
	if d.tokens != nil {
		var err error
		if token, err = d.tokens.get(d.traced(countDials(ctx))); err != nil {
			return nil, &TokenError{err}
		}
	}
	req = req.Clone(ctx)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := d.rt.RoundTrip(req)
	if err != nil {
		return nil, classify(ctx, d.cfg, req.Method, err)
	}
	if token != "" && (res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden) {
		d.tokens.drop(ctx, token)
	}
	return res, nil
}

func (d *Direct) traced(ctx context.Context) context.Context {
	return session.WithTrace(ctx, &session.Trace{Request: func(r session.Request) {
		if d.Token != nil {
			d.Token(r.Code, r.Duration)
		}
	}})
}

// CloseIdleConnections is what http.Client looks for.
func (d *Direct) CloseIdleConnections() {
	for _, rt := range d.transports() {
		if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

func (d *Direct) transports() []http.RoundTripper {
	if d.tokens == nil {
		return []http.RoundTripper{d.rt}
	}
	return []http.RoundTripper{d.rt, d.tokens.rt}
}
