package httpclient

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"iam_session_exporter/internal/session"
)

// What a peer may send, in bytes: a handshake and a proxy's answer before the
// first request; the answer to a request; and what HTTP/2 sends for itself while
// no request is under way. A peer that sends more is not one to read from: a
// flood of empty frames would keep a core busy.
const (
	handshakeBytes = 1 << 20
	answerBytes    = 2 * MaxBody
	idleBytes      = 64 << 10
)

var errFlood = errors.New("the server sends without being asked")

// conn is a connection that is closed when the request it was made for ends,
// unless a request (this or another) has got it by then; when a request on it
// timed out; and when its peer sends too much.
type conn struct {
	net.Conn
	keep func() bool // it does not end with the request it was made for

	left atomic.Int64 // bytes that may still come

	mu    sync.Mutex
	busy  int // requests under way
	stale bool
}

// connOf returns what dial made of a connection that net/http has wrapped.
func connOf(c net.Conn) *conn {
	for {
		switch x := c.(type) {
		case *conn:
			return x
		case interface{ NetConn() net.Conn }: // *tls.Conn
			c = x.NetConn()
		default:
			return nil
		}
	}
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.left.Add(int64(-n)) < 0 {
		c.Close()
		return 0, errFlood
	}
	return n, err
}

func (c *conn) acquire() {
	c.keep()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy++; c.busy == 1 {
		c.left.Store(idleBytes)
	}
	c.left.Add(answerBytes)
}

// release closes a stale connection with its last request.
func (c *conn) release(stale bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = c.stale || stale
	if c.busy--; c.busy > 0 {
		return
	}
	c.left.Store(idleBytes)
	if c.stale {
		c.Close()
	}
}

// dials counts the connections that a request opens.
type dials struct{ n atomic.Int32 }

type dialsKey struct{}

// countDials returns a context whose request may open maxConnections.
func countDials(ctx context.Context) context.Context {
	return context.WithValue(ctx, dialsKey{}, new(dials))
}

// dial connects within the time of the request that wants the connection.
// net/http goes on dialling and shaking hands after that request was given up,
// for the benefit of later ones; behind a host that hangs, attempts would pile
// up.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d, ok := ctx.Value(dialsKey{}).(*dials); ok && d.n.Add(1) > maxConnections {
		return nil, errConnections
	}
	request := ctx
	if u, ok := ctx.Value(useKey{}).(*use); ok {
		request = u.ctx
	}
	// Half a minute without a sign of life ends an idle connection.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	nc, err := dialer.DialContext(request, network, addr)
	if err != nil {
		return nil, err
	}
	session.TraceOf(ctx).Connected()
	c := &conn{Conn: nc, keep: context.AfterFunc(request, func() { nc.Close() })}
	c.left.Store(handshakeBytes)
	return c, nil
}
