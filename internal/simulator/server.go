package simulator

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// ServeOptions say how to serve a handler.
type ServeOptions struct {
	Address      string // default 127.0.0.1:0
	TLS          bool   // HTTPS (with HTTP/2), by a certificate of a new authority
	DisableHTTP2 bool
	ErrorLog     *log.Logger // of net/http; default: discarded

	// What follows is for what is broken on purpose.
	ConnContext func(context.Context, net.Conn) context.Context // of net/http
	ServeTLS    func(*http.Server, net.Listener) error          // default: as net/http does, with the server's TLSConfig
}

// Server is a handler being served.
type Server struct {
	URL string // scheme, host and port
	// CA is the certificate of the authority in PEM, with TLS.
	CA []byte

	server   *http.Server
	stop     context.CancelFunc
	done     chan struct{} // Serve has returned
	running  *tracker
	pool     *x509.CertPool
	serveErr error
}

// Serve starts to serve a handler. Close ends it.
func Serve(h http.Handler, o ServeOptions) (*Server, error) {
	listener, err := net.Listen("tcp", cmp.Or(o.Address, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		URL:     "http://" + listener.Addr().String(),
		stop:    stop,
		done:    make(chan struct{}),
		running: newTracker(),
	}
	if o.ErrorLog == nil {
		o.ErrorLog = log.New(io.Discard, "", 0)
	}
	s.server = &http.Server{
		Handler:           s.running.handler(h),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          o.ErrorLog,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       o.ConnContext,
		ConnState:         s.running.connState,
	}
	serve := s.server.Serve
	if o.TLS {
		certificate, ca, err := newCertificate(listener.Addr().String())
		if err != nil {
			stop()
			return nil, errors.Join(err, listener.Close())
		}
		s.URL = "https://" + listener.Addr().String()
		s.CA = ca
		s.pool = x509.NewCertPool()
		s.pool.AppendCertsFromPEM(ca)
		s.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		serve = func(l net.Listener) error { return s.server.ServeTLS(l, "", "") }
		switch {
		case o.DisableHTTP2:
			p := new(http.Protocols)
			p.SetHTTP1(true)
			s.server.Protocols = p
		case o.ServeTLS != nil:
			serve = func(l net.Listener) error { return o.ServeTLS(s.server, l) }
		}
	}
	go func() {
		defer close(s.done)
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.serveErr = err
		}
	}()
	return s, nil
}

// Client returns a new client that trusts the server and follows no redirects.
// The caller closes its idle connections.
func (s *Server) Client() *http.Client {
	t := &http.Transport{ForceAttemptHTTP2: true}
	if s.pool != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close stops at once: it cuts connections, ends handlers by their contexts and
// returns when no goroutine of the server is left.
func (s *Server) Close() error {
	s.stop()
	err := s.server.Close()
	<-s.done
	// A connection may have been accepted while the others were being closed.
	err = errors.Join(err, s.server.Close())
	s.running.wait()
	return errors.Join(err, s.serveErr)
}

// tracker knows how many connections and handlers there are.
type tracker struct {
	mu    sync.Mutex
	none  *sync.Cond
	count int
	conns map[net.Conn]bool
}

func newTracker() *tracker {
	t := &tracker{conns: make(map[net.Conn]bool)}
	t.none = sync.NewCond(&t.mu)
	return t
}

func (t *tracker) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count += n
	if t.count == 0 {
		t.none.Broadcast()
	}
}

func (t *tracker) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.count > 0 {
		t.none.Wait()
	}
}

func (t *tracker) handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.add(1)
		defer t.add(-1)
		h.ServeHTTP(w, r)
	})
}

func (t *tracker) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		t.mu.Lock()
		t.conns[c] = true
		t.count++
		t.mu.Unlock()
	case http.StateClosed, http.StateHijacked:
		t.mu.Lock()
		known := t.conns[c]
		delete(t.conns, c)
		t.mu.Unlock()
		if known {
			t.add(-1)
		}
	}
}
