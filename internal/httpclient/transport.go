package httpclient

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// transport adds to prometheus/common's what a scrape needs: connections that
// do not outlive the request they were made for unless it got to use them, and
// no redirects.
type transport struct{ next http.RoundTripper }

type requestKey struct{}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := context.WithValue(req.Context(), requestKey{}, req.Context())
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		i.Conn.SetDeadline(time.Time{}) // reaches pendingConn through whatever wraps it
	}})
	res, err := t.next.RoundTrip(req.WithContext(ctx))
	if err == nil && res.StatusCode/100 == 3 {
		// http.Client returns a 3xx without a place to go as it is, as any other
		// answer: a signature covers the host, and credentials must not travel.
		// (With CheckRedirect it would first quote an unparsable place.)
		res.Header.Del("Location")
	}
	return res, err
}

// CloseIdleConnections is what http.Client looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// dial connects within the time of the request that wants the connection.
// net/http goes on dialling and shaking hands after that request was given up,
// for the benefit of later ones; behind a host that hangs, attempts would pile
// up.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	request, ok := ctx.Value(requestKey{}).(context.Context)
	if !ok {
		request = ctx
	}
	conn, err := new(net.Dialer).DialContext(request, network, addr)
	if err != nil {
		return nil, err
	}
	return &pendingConn{conn, context.AfterFunc(request, func() { conn.Close() })}, nil
}

// pendingConn is closed when the request it was made for ends, unless a request
// (this or another) has got it by then and cleared its deadline.
type pendingConn struct {
	net.Conn
	keep func() bool
}

func (c *pendingConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.keep()
	}
	return c.Conn.SetDeadline(t)
}
