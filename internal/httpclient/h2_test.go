package httpclient

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Frames of HTTP/2, RFC 9113 section 6.
const (
	h2Data     = 0
	h2Headers  = 1
	h2Reset    = 3
	h2Settings = 4
	h2Ping     = 6
	h2GoAway   = 7

	h2EndStream  = 1
	h2EndHeaders = 4

	h2OK = "\x88" // :status: 200, in HPACK
)

// h2 is the server's side of a connection, without rules.
type h2 struct {
	*tls.Conn
	r *bufio.Reader
}

func (c *h2) send(kind, flags byte, stream uint32, payload string) error {
	b := make([]byte, 9, 9+len(payload))
	b[0], b[1], b[2], b[3], b[4] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags
	binary.BigEndian.PutUint32(b[5:], stream)
	_, err := c.Write(append(b, payload...))
	return err
}

// next reads frames until one of the kind, and returns its stream; 0 where the
// connection ended.
func (c *h2) next(kind byte) uint32 {
	for {
		var b [9]byte
		if _, err := io.ReadFull(c.r, b[:]); err != nil {
			return 0
		}
		if _, err := c.r.Discard(int(b[0])<<16 | int(b[1])<<8 | int(b[2])); err != nil {
			return 0
		}
		if b[3] == kind {
			return binary.BigEndian.Uint32(b[5:])
		}
	}
}

// serveH2 has a handler of connections that both sides have greeted each other
// on. They are closed with the test.
func serveH2(t *testing.T, h func(*h2)) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	open := map[*tls.Conn]bool{}
	s := serveTLS(t, func(s *httptest.Server) {
		s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
			"h2": func(_ *http.Server, nc *tls.Conn, _ http.Handler) {
				mu.Lock()
				open[nc] = true
				mu.Unlock()
				defer nc.Close()
				c := &h2{nc, bufio.NewReader(nc)}
				if _, err := c.r.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err == nil && c.send(h2Settings, 0, 0, "") == nil {
					h(c)
				}
			},
		}
	}, nil)
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for nc := range open {
			nc.NetConn().Close()
		}
	})
	return s
}
