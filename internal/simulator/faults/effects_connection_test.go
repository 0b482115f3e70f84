package faults

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"syscall"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// asker asks a server over one client.
type asker struct {
	t      *testing.T
	server *simulator.Server
	client *http.Client
	reused int // answers on a connection that had been used
	hints  int // informational answers
}

func newAsker(t *testing.T, e Effect, o simulator.ServeOptions) *asker {
	t.Helper()
	f := New(oam.New(world.NewStatic(world.Static{API: session.OAM, Sessions: 100}), oam.Options{Rows: oam.RowsFixed}), 1)
	f.Set(Fault{Effect: e})
	s, client := serve(t, f, o)
	return &asker{t: t, server: s, client: client}
}

func (a *asker) ask(ctx context.Context) (status int, body string, err error) {
	trace := &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			if i.Reused {
				a.reused++
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error { a.hints++; return nil },
	}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, a.server.URL+oam.PathSearch, strings.NewReader("{}"))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// No deadline ends a read of this one.
		ended := make(chan error, 1)
		go func() { _, err := resp.Body.Read(make([]byte, 1)); ended <- err }()
		select {
		case err := <-ended:
			return resp.StatusCode, "", err
		case <-ctx.Done():
			resp.Body.Close()
			<-ended
			return resp.StatusCode, "", ctx.Err()
		}
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestTimeoutOnReuse(t *testing.T) {
	a := newAsker(t, TimeoutOnReuse(), simulator.ServeOptions{ConnContext: CountRequests})
	for i, want := range []int{200, 408, 200, 408} {
		if status, _, err := a.ask(t.Context()); status != want || err != nil {
			t.Errorf("request %d: %d, %v; want %d", i, status, err, want)
		}
	}
	if a.reused != 2 {
		t.Errorf("%d connections reused; want 2", a.reused)
	}
}

func TestSwitchingProtocolsNeverEnds(t *testing.T) {
	for name, o := range map[string]simulator.ServeOptions{"plain": {}, "TLS": {TLS: true, DisableHTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAsker(t, SwitchingProtocols(), o)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			status, _, err := a.ask(ctx)
			if status != http.StatusSwitchingProtocols || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d, %v; want %d", status, err, http.StatusSwitchingProtocols)
			}
		})
	}
	t.Run("HTTP/2", func(t *testing.T) {
		a := newAsker(t, SwitchingProtocols(), simulator.ServeOptions{TLS: true})
		if _, _, err := a.ask(t.Context()); err == nil {
			t.Error("HTTP/2 has no 101")
		}
	})
}

func TestDropped(t *testing.T) {
	for name, o := range map[string]simulator.ServeOptions{"plain": {}, "HTTP/2": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := newAsker(t, Dropped(), o).ask(t.Context()); err == nil || errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
		})
	}
}

// Right after the right answer come others that nobody asked for. Whether a client
// takes one of them for its next answer is a race, so this one asks only once.
func TestFloodAfter(t *testing.T) {
	a := newAsker(t, FloodAfter(), simulator.ServeOptions{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST "+oam.PathSearch+" HTTP/1.1\r\nHost: oam\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	for i := range 500 {
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || err != nil || strings.Contains(string(body), "sessionData") != (i == 0) {
			t.Fatalf("answer %d: %d %v %.80s; want 200", i, resp.StatusCode, err, body)
		}
	}
}

func TestDrip(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		a := newAsker(t, Drip(time.Hour), simulator.ServeOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if status, body, err := a.ask(ctx); status != 200 || err == nil || body != "" {
			t.Errorf(`%d %q %v; want 200, ""`, status, body, err)
		}
	})
	t.Run("fast", func(t *testing.T) {
		a := newAsker(t, Drip(time.Nanosecond), simulator.ServeOptions{})
		if status, body, err := a.ask(t.Context()); status != 200 || err != nil || !strings.HasSuffix(body, "</SessionResults>\n") {
			t.Errorf(`%d %q %v; want 200, "</SessionResults>\n" at its end`, status, body, err)
		}
	})
}

func TestEarlyHints(t *testing.T) {
	a := newAsker(t, EarlyHints(3), simulator.ServeOptions{})
	if status, _, err := a.ask(t.Context()); status != 200 || err != nil || a.hints != 3 {
		t.Errorf("%d %v, %d hints; want 200, 3", status, err, a.hints)
	}
}
