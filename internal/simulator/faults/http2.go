package faults

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// HTTP2Fault is what a broken or hostile peer does on an HTTP/2 connection.
type HTTP2Fault int32

const (
	HTTP2Well HTTP2Fault = iota
	// HTTP2Refuse ends the connection with a GOAWAY at the first request, and
	// says that it was not processed: it may be sent again elsewhere.
	HTTP2Refuse
	// HTTP2Leave answers one request and ends the connection with a GOAWAY.
	HTTP2Leave
	// HTTP2Dead answers one request, then swallows all that comes and sends
	// nothing, as where a firewall has forgotten the connection.
	HTTP2Dead
	// The others send frames without end after an answer: PING, empty DATA of a
	// stream that is closed, and frames of a type that nobody knows.
	HTTP2Pings
	HTTP2Empty
	HTTP2Unknown
)

// Types and flags of frames.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7
	frameUnknown  = 0xbe
	endStream     = 0x1
	frameHead     = 9
)

const prefaceHTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// HTTP2 makes faults on the HTTP/2 connections of a server. The zero value
// makes none; it may be changed while the server runs.
type HTTP2 struct {
	fault       atomic.Int32
	connections atomic.Int64
}

// Set makes a fault on all connections from now on.
func (f *HTTP2) Set(fault HTTP2Fault) { f.fault.Store(int32(fault)) }

// Connections is how many connections, of any HTTP version, were opened.
func (f *HTTP2) Connections() int { return int(f.connections.Load()) }

// Serve serves instead of http.Server's ServeTLS. It ends TLS itself and gives
// net/http plain connections, on which frames can be read, kept and added.
func (f *HTTP2) Serve(s *http.Server, l net.Listener) error {
	config := s.TLSConfig.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s.Serve(&http2Listener{Listener: l, config: config, faults: f})
}

type http2Listener struct {
	net.Listener
	config *tls.Config
	faults *HTTP2
}

func (l *http2Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.faults.connections.Add(1)
	return &http2Conn{Conn: tls.Server(c, l.config), faults: l.faults, flooding: make(chan struct{})}, nil
}

// http2Conn is a connection whose frames are watched as they pass.
type http2Conn struct {
	net.Conn
	faults *HTTP2

	in frames // of the client, after its preface

	gone atomic.Bool // nothing is sent or read any more

	mu     sync.Mutex // of writing, complete frames each time
	out    frames     // of the server
	begun  bool       // something was sent
	served bool       // an answer was sent

	flood    sync.Once
	flooding chan struct{} // closed with the connection
	closing  sync.Once
}

var errGoAway = errors.New("simulator: the connection has been ended with a GOAWAY")

func (c *http2Conn) fault() HTTP2Fault { return HTTP2Fault(c.faults.fault.Load()) }

func (c *http2Conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil {
			return n, err
		}
		request := c.in.pass(p[:n], true, func(kind, _ byte) bool { return kind == frameHeaders })
		if request && c.fault() == HTTP2Refuse {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.goAway(0)
			return 0, errGoAway
		}
		if !c.gone.Load() {
			return n, nil
		}
	}
}

// Write passes on what the server sends, and adds the fault once an answer is
// complete.
func (c *http2Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone.Load() {
		return len(p), nil
	}
	answered := c.out.pass(p, false, func(kind, flags byte) bool {
		return (kind == frameData || kind == frameHeaders) && flags&endStream != 0
	})
	c.begun = true
	n, err := c.Conn.Write(p)
	if err != nil || !answered && !c.served || !c.in.http2 || !c.out.between() {
		c.served = c.served || answered
		return n, err
	}
	c.served = true
	switch fault := c.fault(); fault {
	case HTTP2Leave:
		c.goAway(1)
	case HTTP2Dead:
		c.gone.Store(true)
	case HTTP2Pings, HTTP2Empty, HTTP2Unknown:
		c.flood.Do(func() { go c.sendFlood(fault) })
	}
	return n, err
}

// goAway ends the connection; lastStream is the last request that was processed.
func (c *http2Conn) goAway(lastStream uint32) {
	var b []byte
	if !c.begun { // a connection begins with SETTINGS
		b = frame(frameSettings, 0, nil)
	}
	payload := binary.BigEndian.AppendUint32(nil, lastStream)
	c.Conn.Write(append(b, frame(frameGoAway, 0, append(payload, 0, 0, 0, 0))...))
	c.gone.Store(true)
	if lastStream == 0 {
		c.Conn.Close()
	}
}

// sendFlood sends frames until the connection is closed.
func (c *http2Conn) sendFlood(fault HTTP2Fault) {
	one := frame(framePing, 0, make([]byte, 8))
	switch fault {
	case HTTP2Empty:
		one = frame(frameData, 0, nil)
		one[frameHead-1] = 1 // the first stream
	case HTTP2Unknown:
		one = frame(frameUnknown, 0, nil)
	}
	many := bytes.Repeat(one, 64)
	for c.fault() == fault {
		select {
		case <-c.flooding:
			return
		default:
		}
		c.mu.Lock()
		var err error
		if c.out.between() {
			_, err = c.Conn.Write(many)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *http2Conn) Close() error {
	c.closing.Do(func() { close(c.flooding) })
	return c.Conn.Close()
}

// frame is one frame on stream 0.
func frame(kind, flags byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, 0, 0}, payload...)
}

// frames follows the frames of one direction as they pass in pieces.
type frames struct {
	http2   bool // it is HTTP/2
	decided bool
	preface []byte // seen of the client's
	head    []byte // of a frame that has begun
	left    int    // bytes of its payload to come
}

// between reports whether the next byte begins a frame.
func (f *frames) between() bool { return len(f.head) == 0 && f.left == 0 }

// pass follows a piece, and reports whether a frame that is wanted has ended
// with it, or has begun if begin is true.
func (f *frames) pass(p []byte, begin bool, wanted func(kind, flags byte) bool) (found bool) {
	if begin && !f.decided { // the client's direction
		n := min(len(prefaceHTTP2)-len(f.preface), len(p))
		f.preface = append(f.preface, p[:n]...)
		p = p[n:]
		if !bytes.HasPrefix([]byte(prefaceHTTP2), f.preface) {
			f.decided = true
			return false
		}
		if len(f.preface) < len(prefaceHTTP2) {
			return false
		}
		f.decided, f.http2 = true, true
	}
	if begin && !f.http2 {
		return false
	}
	for len(p) > 0 {
		if f.left == 0 {
			n := min(frameHead-len(f.head), len(p))
			f.head = append(f.head, p[:n]...)
			p = p[n:]
			if len(f.head) < frameHead {
				break
			}
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			if begin && wanted(f.head[3], f.head[4]) {
				found = true
			}
		}
		n := min(f.left, len(p))
		f.left, p = f.left-n, p[n:]
		if f.left == 0 {
			if !begin && wanted(f.head[3], f.head[4]) {
				found = true
			}
			f.head = f.head[:0]
		}
	}
	return found
}
