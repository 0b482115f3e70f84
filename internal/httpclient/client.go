// Package httpclient is what the sources share of HTTP: requests that keep one
// deadline, are signed anew at each attempt, retried a few times, bounded in
// size, never redirected, reported to the scrape's session.Trace, and held back
// while an API has asked for quiet or refused our credentials. TLS, proxies,
// basic auth and secret files are prometheus/common/config's.
package httpclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// Config says whom to ask and how.
type Config struct {
	Name      string // the source's name
	BaseURL   string // scheme, host, optional port
	HTTP      promconfig.HTTPClientConfig
	UserAgent string

	// Sign, where set, signs each attempt just before it is sent.
	Sign func(*http.Request) error
	// SecretFiles are files that Sign reads; a change of one ends a hold that
	// refused credentials began. Those that HTTP names are known.
	SecretFiles []string
	// Explain returns what an error answer says, for logs. It must not pass on
	// free text of the answer.
	Explain func(http.Header, []byte) string

	Now func() time.Time
}

// Client sends requests to one API. It is safe for concurrent use.
type Client struct {
	cfg    Config
	http   *http.Client
	tokens *tokenSource // nil without OAuth2
}

// New makes a client. An error names the file or setting that is wrong.
func New(cfg Config) (*Client, error) {
	plain := cfg.HTTP
	plain.OAuth2 = nil
	rt, err := roundTripper(cfg, plain)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, http: noRedirects(rt)}
	if o := cfg.HTTP.OAuth2; o != nil {
		rt, err := roundTripper(cfg, promconfig.HTTPClientConfig{
			TLSConfig: o.TLSConfig, ProxyConfig: o.ProxyConfig, EnableHTTP2: cfg.HTTP.EnableHTTP2,
		})
		if err != nil {
			return nil, err
		}
		c.tokens = newTokenSource(cfg, o, noRedirects(rt))
	}
	return c, nil
}

func roundTripper(cfg Config, h promconfig.HTTPClientConfig) (http.RoundTripper, error) {
	return promconfig.NewRoundTripperFromConfigWithContext(context.Background(), h, cfg.Name,
		promconfig.WithUserAgent(cfg.UserAgent), promconfig.WithIdleConnTimeout(5*time.Minute))
}

// A redirect is an answer like any other that is not 200: a signature covers
// the host, and credentials must not travel.
func noRedirects(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// Close releases idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	if c.tokens != nil {
		c.tokens.http.CloseIdleConnections()
	}
}

// Request is one question to the API.
type Request struct {
	Method string
	Path   string // begins with /
	Query  string // as it goes over the wire, without ?
	Body   []byte
	Header http.Header
	What   string        // for traces and errors: what is asked, no secret or identity
	Buffer *bytes.Buffer // where set, holds the answer's body instead of a new one
}

// Answer is a 200.
type Answer struct {
	Header http.Header
	Body   []byte    // valid until the request's Buffer is used again
	Date   time.Time // the server's clock; ours where it sent none
}

// StatusError is an answer that is not a 200. Its text is safe to show; Body is
// not.
type StatusError struct {
	Code   int
	Header http.Header
	Body   []byte
	detail string
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("HTTP %d %s", e.Code, http.StatusText(e.Code))
	if e.detail != "" {
		s += " (" + e.detail + ")"
	}
	return s
}

const (
	maxAttempts = 3
	retryBase   = 150 * time.Millisecond
)

// do sends a request until it has a 200, an answer that retrying would not
// mend, or no time left.
func (c *Client) do(ctx context.Context, r Request) (*Answer, error) {
	renewed := false
	for attempt := 1; ; attempt++ {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		a, err := c.once(ctx, r, token)
		if err == nil {
			return a, nil
		}
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusUnauthorized && token != "" && !renewed {
			// The API may have revoked a token before its time.
			renewed = true
			c.tokens.drop(token)
			continue
		}
		if attempt == maxAttempts || !retryable(err) || !pause(ctx, attempt) {
			return nil, err
		}
	}
}

func (c *Client) token(ctx context.Context) (string, error) {
	if c.tokens == nil {
		return "", nil
	}
	return c.tokens.get(ctx)
}

func (c *Client) once(ctx context.Context, r Request, token string) (*Answer, error) {
	u, err := url.Parse(c.cfg.BaseURL + r.Path)
	if err != nil {
		return nil, fail(session.ReasonConnect, r.What, errors.New("the url is not valid"))
	}
	u.RawQuery = r.Query
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, fail(session.ReasonConnect, r.What, errors.New("the url is not valid"))
	}
	if len(r.Body) == 0 {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	req.Header.Set("Accept-Encoding", "gzip")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.cfg.Sign != nil {
		if err := c.cfg.Sign(req); err != nil {
			return nil, fail(session.ReasonAuth, r.What, err)
		}
	}
	return exchange(c.http, c.cfg, req, r)
}

// exchange sends one request and reads its whole answer, reporting both to the
// trace.
func exchange(client *http.Client, cfg Config, req *http.Request, r Request) (*Answer, error) {
	ctx := req.Context()
	seen := session.Request{What: r.What, Sent: cfg.Now()}
	begin := time.Now()
	res, err := client.Do(req)
	seen.RoundTrip = time.Since(begin)
	var a *Answer
	if err == nil {
		seen.Code = res.StatusCode
		seen.Date, _ = http.ParseTime(res.Header.Get("Date"))
		a, err = answer(cfg, res, r)
	}
	seen.Duration = time.Since(begin)
	if err != nil {
		err = classify(ctx, cfg, r.What, err)
		seen.Err = err
	}
	session.TraceOf(ctx).Sent(seen)
	if err != nil {
		return nil, err
	}
	if a.Date = seen.Date; a.Date.IsZero() {
		a.Date = seen.Sent
	}
	return a, nil
}

func answer(cfg Config, res *http.Response, r Request) (*Answer, error) {
	defer res.Body.Close()
	body, err := readBody(res, r.Buffer)
	if res.StatusCode != http.StatusOK {
		// What an error answer says is welcome but not needed.
		e := &StatusError{Code: res.StatusCode, Header: res.Header, Body: bytes.Clone(body)}
		if err == nil && cfg.Explain != nil {
			e.detail = cfg.Explain(res.Header, body)
		}
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	return &Answer{Header: res.Header, Body: body}, nil
}

func fail(reason session.Reason, what string, err error) error {
	return &session.Error{Reason: reason, Err: fmt.Errorf("%s: %w", what, err)}
}
