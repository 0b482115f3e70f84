package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// maxConnections is how many connections one request may open, or how often
// net/http may send it by itself: it sends again without end what an HTTP/2
// server refuses on one connection after the other.
const maxConnections = 3

var errConnections = errors.New("each connection was closed before an answer; not tried any more")

// pool keeps connections. One on which a request timed out is not used again,
// nor are those beside it, which likely lead to the same dead end. net/http can
// only forget all of its connections: so each time a new http.Transport takes
// the place of the old one, whose requests under way go on.
type pool struct {
	make    func() *http.Transport
	current atomic.Pointer[http.Transport]
}

func newPool(make func() *http.Transport) *pool {
	p := &pool{make: make}
	p.current.Store(make())
	return p
}

// retire lets no later request use t's connections.
func (p *pool) retire(t *http.Transport) {
	if p.current.Load() == t {
		p.current.CompareAndSwap(t, p.make())
	}
	t.CloseIdleConnections()
}

// CloseIdleConnections is what http.Client looks for.
func (p *pool) CloseIdleConnections() { p.current.Load().CloseIdleConnections() }

// RoundTrip sends a request. It follows no redirect, and leaves no body that
// could be read for longer than the request lasts.
func (p *pool) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	u := &use{ctx: req.Context(), cancel: cancel, pool: p, transport: p.current.Load()}
	ctx = context.WithValue(ctx, useKey{}, u)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: u.got})
	res, err := u.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if errors.Is(context.Cause(ctx), errConnections) {
			err = errConnections
		}
		// Connections beside one that the server has closed may be closed, too.
		u.end(u.timedOut() || u.reused && u.ctx.Err() == nil)
		return nil, err
	}
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols:
		// Its body is the connection, and knows of no deadline.
		res.Body.Close()
		res.Body = http.NoBody
		u.end(false)
		return res, nil
	case res.StatusCode == http.StatusRequestTimeout && u.reused:
		// Sent to a connection that was idle for too long.
		u.stale = true
	case res.StatusCode/100 == 3:
		// http.Client returns a 3xx without a place to go as it is, as any other
		// answer: a signature covers the host, and credentials must not travel.
		// (With CheckRedirect it would first quote an unparsable place.)
		res.Header.Del("Location")
	}
	res.Body = &body{ReadCloser: res.Body, use: u}
	return res, nil
}

type useKey struct{}

// use is one request's use of the pool. Its methods are called one after the
// other.
type use struct {
	ctx       context.Context // the request's
	cancel    context.CancelCauseFunc
	pool      *pool
	transport *http.Transport

	conn   *conn // the one that has the request
	reused bool  // conn had another one before
	sent   int   // how often net/http got a connection
	stale  bool  // conn must not be used again
	once   sync.Once
}

func (u *use) got(i httptrace.GotConnInfo) {
	if u.conn != nil {
		u.conn.release(false)
	}
	u.conn, u.reused = connOf(i.Conn), i.Reused
	if u.conn != nil {
		u.conn.acquire()
	}
	if u.sent++; u.sent > maxConnections {
		u.cancel(errConnections)
	}
}

// end is called when the request's answer was read, or when it has failed.
func (u *use) end(stale bool) {
	u.once.Do(func() {
		stale = stale || u.stale
		if u.conn != nil {
			u.conn.release(stale)
		}
		if stale {
			u.pool.retire(u.transport)
		} else if u.transport != u.pool.current.Load() {
			u.transport.CloseIdleConnections()
		}
		u.cancel(nil)
	})
}

// timedOut reports whether the request's time is over, rather than that nobody
// waits for its answer.
func (u *use) timedOut() bool { return u.ctx.Err() != nil && hangUp(u.ctx) == nil }

// body ends a use with the answer.
type body struct {
	io.ReadCloser
	use      *use
	complete bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.complete = b.complete || err == io.EOF
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.use.end(!b.complete && b.use.timedOut())
	return err
}
