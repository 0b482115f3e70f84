package faults

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Reset closes the connection with a TCP reset and no answer. Where that can't
// be done (HTTP/2), the request is aborted.
func Reset() Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		raw := conn
		if t, ok := conn.(*tls.Conn); ok {
			raw = t.NetConn()
		}
		if t, ok := raw.(*net.TCPConn); ok {
			t.SetLinger(0)
		}
		// Not conn: TLS would say goodbye first.
		raw.Close()
	}
}

// Dropped closes the connection without an answer.
func Dropped() Effect {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// SwitchingProtocols answers 101 and never says anything more, nor closes.
// HTTP/2 has no such status: there the request is aborted.
func SwitchingProtocols() Effect {
	return takeOver(func(conn net.Conn, _ []byte) {
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	})
}

// FloodAfter gives the right answer, and then sends garbage on the connection
// for as long as the client keeps it. With HTTP/2, see HTTP2.
func FloodAfter() Effect {
	return takeOver(func(conn net.Conn, right []byte) {
		garbage := bytes.Repeat([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 100)
		for _, err := conn.Write(right); err == nil; {
			_, err = conn.Write(garbage)
		}
	})
}

// takeOver makes an effect of what is done with the connection and the right
// answer as HTTP/1.1. When that is done, the connection stays open until the
// client or the server closes it.
func takeOver(do func(conn net.Conn, right []byte)) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer conn.Close()
		defer context.AfterFunc(r.Context(), func() { conn.Close() })()
		do(conn, a.bytes())
		io.Copy(io.Discard, conn)
	}
}

// bytes is the answer as it is sent with HTTP/1.1.
func (a *answer) bytes() []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\r\n")
	header := a.header.Clone()
	header.Set("Content-Length", strconv.Itoa(a.body.Len()))
	header.Write(&b)
	b.WriteString("\r\n")
	b.Write(a.body.Bytes())
	return b.Bytes()
}

// TimeoutOnReuse answers 408 to each request that is not the first one of its
// connection and closes it, as a server does whose idle timeout is shorter than
// the client's. The Fault must fall on all requests,
// and the server needs CountRequests.
func TimeoutOnReuse() Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if numberOnConnection(r) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		Answer(http.StatusRequestTimeout, "text/html", "<html><body><h1>408 Request Time-out</h1></body></html>", "Connection", "close")(w, r, next)
	}
}

// Drip sends the right answer byte by byte, one each time.
func Drip(each time.Duration) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		a.head(w, a.body.Len())
		http.NewResponseController(w).Flush()
		tick := time.NewTicker(each)
		defer tick.Stop()
		for b := a.body.Bytes(); len(b) > 0; b = b[1:] {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
			w.Write(b[:1])
			http.NewResponseController(w).Flush()
		}
	}
}

// EarlyHints sends n answers of status 103 before the right one.
func EarlyHints(n int) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		for range n {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		next.ServeHTTP(w, r)
	}
}
