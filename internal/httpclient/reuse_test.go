package httpclient

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"iam_session_exporter/internal/session"
)

// Idle connections that a firewall has forgotten cost no request, however many
// they are.
func TestForgottenIdleConnections(t *testing.T) {
	for _, n := range []int{1, 3, 8} {
		var forgotten atomic.Bool
		var waiting sync.WaitGroup
		waiting.Add(n)
		url := rawTCP(t, func(c net.Conn) {
			for old := !forgotten.Load(); readHeader(c) == nil; {
				if old && forgotten.Load() {
					c.(*net.TCPConn).SetLinger(0) // a reset
					return
				}
				if old { // so that each request has a connection of its own
					waiting.Done()
					waiting.Wait()
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
			}
		})
		l := newClient(t, url, nil).Endpoint()
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if _, err := l.Do(soon(t), get); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		forgotten.Store(true)
		if _, err := l.Do(soon(t), get); err != nil {
			t.Errorf("after %d connections were forgotten: %v", n, err)
		}
	}
}

// What HTTP/2 refuses on one connection is tried on others, a few times.
func TestRefusedStreams(t *testing.T) {
	t.Parallel()                       // net/http waits a second before it sends a request for the third time
	const refused = "\x00\x00\x00\x07" // REFUSED_STREAM
	for bad, want := range map[int32]string{1: "200", 1 << 30: ""} {
		var requests, conns atomic.Int32
		s := serveH2(t, func(c *h2) {
			n := conns.Add(1)
			for id := c.next(h2Headers); id != 0; id = c.next(h2Headers) {
				requests.Add(1)
				if n <= bad {
					c.send(h2Reset, 0, id, refused)
				} else {
					c.send(h2Headers, h2EndHeaders|h2EndStream, id, h2OK)
				}
			}
		})
		var seen traceLog
		_, err := newClient(t, s.URL, func(cfg *Config) { cfg.HTTP.TLSConfig.CAFile = caFile(t, s) }).Endpoint().Do(seen.in(soon(t)), get)
		if want != "" {
			if err != nil || seen.sent[len(seen.sent)-1].Code != http.StatusOK {
				t.Errorf("refused on the first connection only: %v, answers %s; want seen.sent[len(seen.sent)-1].Code %v", err, seen.codes(), http.StatusOK)
			}
			continue
		}
		check(t, err, session.ReasonConnect, "the server refuses the request")
		if requests.Load() > maxAttempts*(1+maxResends) || conns.Load() > maxConnections {
			t.Errorf("%d requests, %d connections; want at most %d, at most %d", requests.Load(), conns.Load(), maxAttempts*(1+maxResends), maxConnections)
		}
	}
}
