package faults

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// Go's own client meets each fault.
func TestHTTP2Faults(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 100})
	start := func(t *testing.T) (*HTTP2, func(ctx context.Context) error) {
		var f HTTP2
		s, client := serve(t, oam.New(w, oam.Options{}), simulator.ServeOptions{TLS: true, ServeTLS: f.Serve})
		return &f, func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+oam.PathSearch, strings.NewReader("{}"))
			if err != nil {
				return err
			}
			r.Header.Set("Content-Type", "application/json")
			resp, err := client.Do(r)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != 200 || resp.ProtoMajor != 2 || !strings.Contains(string(b), "totalRecords")) {
				err = fmt.Errorf("%s %s %q", resp.Proto, resp.Status, b)
			}
			return err
		}
	}
	t.Run("well", func(t *testing.T) {
		f, ask := start(t)
		for range 5 {
			if err := ask(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.Connections(); n != 1 {
			t.Errorf("%d connections; want 1", n)
		}
	})
	t.Run("leaves after each answer", func(t *testing.T) {
		f, ask := start(t)
		f.Set(HTTP2Leave)
		for i := range 4 {
			if err := ask(t.Context()); err != nil {
				t.Fatal(err)
			}
			// A client that has not read the GOAWAY yet may try twice.
			if n := f.Connections(); n < i+1 || n > 2*(i+1) {
				t.Errorf("%d connections after %d requests; want one or two for each", n, i+1)
			}
		}
	})
	t.Run("refuses each request", func(t *testing.T) {
		f, ask := start(t)
		f.Set(HTTP2Refuse)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := ask(ctx); err == nil || f.Connections() < 3 {
			t.Errorf("%v, %d connections: a client retries a request that was not processed; want at least 3", err, f.Connections())
		}
		f.Set(HTTP2Well)
		err := ask(t.Context())
		if err != nil { // the client may still write to the connection that was refused last
			err = ask(t.Context())
		}
		if err != nil {
			t.Errorf("%v; want an answer once requests are not refused any more", err)
		}
	})
	t.Run("dead", func(t *testing.T) {
		f, ask := start(t)
		f.Set(HTTP2Dead)
		if err := ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := ask(ctx); err == nil || ctx.Err() == nil {
			t.Errorf("%v: a dead connection answers nothing", err)
		}
	})
	// The client logs each unknown frame.
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	for name, fault := range map[string]HTTP2Fault{"pings": HTTP2Pings, "empty frames": HTTP2Empty, "unknown frames": HTTP2Unknown} {
		t.Run("floods with "+name, func(t *testing.T) {
			f, ask := start(t)
			f.Set(fault)
			for range 2 {
				if err := ask(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What floods is really sent, and ends with the connection.
func TestHTTP2FloodIsAFlood(t *testing.T) {
	for _, fault := range []HTTP2Fault{HTTP2Pings, HTTP2Empty, HTTP2Unknown} {
		var f HTTP2
		conn := &sink{frames: make(chan byte, 64)}
		c := &http2Conn{Conn: conn, faults: &f, flooding: make(chan struct{})}
		c.in.http2 = true
		f.Set(fault)
		c.Write(append(frame(frameData, endStream, []byte("x")), frame(frameSettings, 1, nil)...))
		want := map[HTTP2Fault]byte{HTTP2Pings: framePing, HTTP2Empty: frameData, HTTP2Unknown: frameUnknown}[fault]
		for first := true; ; first = false {
			if kind := <-conn.frames; !first {
				if kind != want {
					t.Errorf("a frame of type %#x, want %#x", kind, want)
				}
				break
			}
		}
		c.Close()
		f.Set(HTTP2Well)
	}
}

// sink is a connection that notes the type of the first frame of each write.
type sink struct {
	http2Conn
	frames chan byte
}

func (s *sink) Write(p []byte) (int, error) {
	select {
	case s.frames <- p[3]:
	default:
	}
	return len(p), nil
}
func (s *sink) Close() error { return nil }

// Frames are followed however they are cut.
func TestFramesInPieces(t *testing.T) {
	all := append([]byte(prefaceHTTP2), frame(frameSettings, 0, make([]byte, 6))...)
	all = append(all, frame(frameHeaders, endStream, make([]byte, 30))...)
	all = append(all, frame(frameHeaders, 0, nil)...)
	for size := 1; size <= len(all); size++ {
		var f frames
		found := 0
		for p := all; len(p) > 0; {
			n := min(size, len(p))
			if f.pass(p[:n], true, func(kind, _ byte) bool { return kind == frameHeaders }) {
				found++
			}
			p = p[n:]
		}
		if found == 0 || !f.http2 || !f.between() {
			t.Errorf("pieces of %d bytes: %d found, %v; want more than 0", size, found, f.between())
		}
	}
}
