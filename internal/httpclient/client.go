// Package httpclient is the HTTP client that the sources share. A request has one
// deadline, is signed again for each attempt, retried a few times, bounded in size
// and connections, never redirected, and reported to the session.Trace of its
// refresh. None is sent while the client backs off, because an API limits the rate
// or has refused the credentials. TLS, proxies, basic authentication and OAuth2
// are those of https://pkg.go.dev/github.com/prometheus/common/config; the files
// pool and conn add bounds for the connections below them.
package httpclient

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// Config says whom to ask and how.
type Config struct {
	Name      string // the source's name
	BaseURL   string // scheme (http or https), host, optional port; a trailing slash is forgiven
	HTTP      promconfig.HTTPClientConfig
	UserAgent string

	// Sign, where set, signs each attempt just before it is sent. Its errors are
	// shown: they must hold no secret.
	Sign func(*http.Request) error
	// SecretFiles are files that Sign reads; a change of one ends a back-off that
	// refused credentials began. Those that HTTP names are known.
	SecretFiles []string
	// Cookies are sent back to the API that set them, to spare it a new session
	// for each request.
	Cookies bool
	// Explain returns what an error answer says, for logs. It must not pass on
	// free text of the answer. Control characters are removed from what it
	// returns, and its length is limited.
	Explain func(http.Header, []byte) string

	Now func() time.Time // our clock; time.Now where nil
}

// Client sends requests to one API. It is safe for concurrent use.
type Client struct {
	cfg    Config
	http   *http.Client
	tokens *tokenSource // nil without OAuth2
	jar    *jar         // nil without cookies
}

// New makes a client. An error names the file or setting that is wrong.
func New(cfg Config) (*Client, error) {
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if err := checkBase(cfg.BaseURL); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	rt, tokens, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, http: &http.Client{Transport: rt}, tokens: tokens}
	if cfg.Cookies && !setsCookies(cfg.HTTP.HTTPHeaders) {
		c.jar = newJar()
	}
	return c, nil
}

// connect makes what sends requests, and what fetches tokens for them: nil
// without OAuth2.
func connect(cfg Config) (http.RoundTripper, *tokenSource, error) {
	plain := cfg.HTTP
	plain.OAuth2 = nil
	rt, err := roundTripper(cfg, plain)
	if err != nil || cfg.HTTP.OAuth2 == nil {
		return rt, nil, err
	}
	endpoint, err := roundTripper(cfg, tokenEndpoint(cfg))
	if err != nil {
		return nil, nil, err
	}
	tokens := newTokenSource(cfg, endpoint)
	return rt, tokens, tokens.readSecret()
}

// checkBase keeps errors free of the URL, which may have a password in it.
func checkBase(base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return errors.New("the url can't be parsed")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("the url needs http or https, and a host")
	case u.User != nil:
		return errors.New("the url holds credentials: use basic_auth")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return errors.New("the url may hold nothing but scheme, host and port")
	}
	for _, r := range u.Host {
		if r > '~' { // net/http would encode it, and a signature covers the host as sent
			return errors.New("the url has an internationalised host: write its ASCII form (xn--...)")
		}
	}
	return nil
}

// Close releases idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	if c.tokens != nil {
		c.tokens.rt.CloseIdleConnections()
	}
}

// Request is one question to the API.
type Request struct {
	Method   string
	Path     string // begins with /
	Query    string // as it goes over the wire, without ?
	Body     []byte
	Header   http.Header
	What     string        // for traces and errors: what is asked, no secret or identity
	Buffer   *bytes.Buffer // where set, holds the answer's body instead of a new one
	MaxBody  int64         // the most bytes that the answer's body may have; 0: MaxBody
	Attempts int           // how often it is sent at most, where it fails in a way that may pass; 0: three times

	// KeepToken says that the API may refuse the request for want of a scope that
	// others don't need: a refusal costs them no OAuth2 token.
	KeepToken bool
}

// attempts is how often the request is sent at most.
func (r *Request) attempts() int {
	if r.Attempts > 0 {
		return r.Attempts
	}
	return maxAttempts
}

// Answer is a 200.
type Answer struct {
	Header http.Header
	Body   []byte    // valid until the request's Buffer is used again
	Date   time.Time // the server's clock; ours where it sent none

	Attempts int // how often it was sent
}

// do sends a request until it has a 200, an answer that retrying would not
// mend, or no time left.
func (c *Client) do(ctx context.Context, r Request) (*Answer, error) {
	api, endpoint := countDials(ctx), countDials(ctx)
	for attempt, renewed := 1, false; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, classify(ctx, c.cfg, r.What, err)
		}
		token, err := c.token(endpoint)
		if err == nil {
			var a *Answer
			if a, err = c.once(api, r, token); err == nil {
				a.Attempts = attempt
				return a, nil
			}
			doubted := token != "" && !r.KeepToken
			if doubted && !renewed && statusOf(err) == http.StatusUnauthorized {
				// The API may have revoked a token before its time.
				renewed = true
				c.tokens.drop(ctx, token)
				continue
			}
			if doubted && statusOf(err) == http.StatusForbidden {
				// It may have ended unseen; the next one is fetched after the back-off.
				c.tokens.drop(ctx, token)
			}
		}
		if attempt >= r.attempts() || !retryable(err) || !pause(ctx, attempt) {
			return nil, err
		}
	}
}

// statusOf is the status of the answer that an error is about, or 0.
func statusOf(err error) int {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Code
	}
	return 0
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
		req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	// Set by hand: net/http's own decompression would hide the encoding, and
	// prometheus/common turns it off.
	req.Header.Set("Accept-Encoding", "gzip")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.cfg.Sign != nil {
		if err := c.cfg.Sign(req); err != nil {
			return nil, unreadable(c.cfg, r.What, err)
		}
	}
	return c.exchange(req, r)
}

// exchange sends one request and reads its whole answer, reporting both to the
// trace.
func (c *Client) exchange(req *http.Request, r Request) (*Answer, error) {
	ctx := req.Context()
	seen := session.Request{What: r.What, Sent: c.cfg.Now()}
	begin := time.Now()
	cookies := c.jar.add(req)
	req, reused := watchReuse(req)
	res, err := c.http.Do(req)
	seen.RoundTrip = time.Since(begin)
	var a *Answer
	if err == nil {
		c.jar.learn(cookies, req.URL, res)
		seen.Code = res.StatusCode
		seen.Date, _ = http.ParseTime(res.Header.Get("Date"))
		a, err = c.answer(res, r)
	}
	seen.Duration = time.Since(begin)
	if err != nil {
		if e, ok := errors.AsType[*StatusError](err); ok {
			e.stale = e.Code == http.StatusRequestTimeout && *reused
		}
		err = classify(ctx, c.cfg, r.What, err)
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

func (c *Client) answer(res *http.Response, r Request) (*Answer, error) {
	defer res.Body.Close()
	limit := r.MaxBody
	if limit <= 0 {
		limit = MaxBody
	}
	body, err := readBody(res, r.Buffer, limit)
	if res.StatusCode != http.StatusOK {
		// What an error answer says is welcome but not needed.
		e := &StatusError{Code: res.StatusCode, Header: res.Header, Body: bytes.Clone(body)}
		if err == nil && c.cfg.Explain != nil {
			e.detail = clean(c.withoutEchoes(c.cfg.Explain(res.Header, body), res.Request), maxDetailText)
		}
		return nil, e
	}
	if err == nil && fromCache(res.Header) {
		err = errCached
	}
	if err != nil {
		return nil, err
	}
	return &Answer{Header: res.Header, Body: body}, nil
}

// certificateFiles are those that hold no secret. One that can't be read is a
// fault of TLS, not of the credentials.
func (cfg Config) certificateFiles() []string {
	t := cfg.HTTP.TLSConfig
	files := []string{t.CAFile, t.CertFile}
	if o := cfg.HTTP.OAuth2; o != nil {
		files = append(files, o.TLSConfig.CAFile, o.TLSConfig.CertFile)
	}
	return files
}

// tokenEndpoint is how to reach the OAuth2 token endpoint. What it has in common
// with the API has been settled by the configuration.
func tokenEndpoint(cfg Config) promconfig.HTTPClientConfig {
	o := cfg.HTTP.OAuth2
	return promconfig.HTTPClientConfig{TLSConfig: o.TLSConfig, ProxyConfig: o.ProxyConfig, EnableHTTP2: cfg.HTTP.EnableHTTP2}
}
