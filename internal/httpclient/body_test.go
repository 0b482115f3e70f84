package httpclient

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
)

func zip(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func TestBodies(t *testing.T) {
	most := bytes.Repeat([]byte("x"), MaxBody)
	more := append(most[:MaxBody:MaxBody], 'x')
	hello := []byte("hello")
	zipped := zip(hello)
	broken := bytes.Clone(zip(bytes.Repeat([]byte(canary), 1000)))
	broken[len(broken)-6] ^= 0xFF
	for _, c := range []struct {
		name     string
		encoding string
		body     []byte
		length   bool // tells its length
		want     []byte
		text     string // of the error
	}{
		{"plain", "", hello, true, hello, ""},
		{"chunked", "", hello, false, hello, ""},
		{"identity", "identity", hello, true, hello, ""},
		{"gzip", "gzip", zipped, true, hello, ""},
		{"GZIP, chunked", " GZIP ", zipped, false, hello, ""},
		{"empty", "", nil, true, nil, ""},
		{"the most", "", most, true, most, ""},
		{"the most, chunked", "", most, false, most, ""},
		{"the most, gzip", "gzip", zip(most), true, most, ""},
		{"too much", "", more, true, nil, "larger than 16 MiB"},
		{"too much, chunked", "", more, false, nil, "larger than 16 MiB"},
		{"too much, gzip", "gzip", zip(more), true, nil, "larger than 16 MiB"},
		{"empty gzip", "gzip", nil, false, nil, "ends in the middle"},
		{"cut gzip", "gzip", zipped[:len(zipped)-9], true, nil, "ends in the middle"},
		{"gzip without its sum", "gzip", zipped[:len(zipped)-4], true, nil, "ends in the middle"},
		{"wrong sum", "gzip", broken, true, nil, "Content-Encoding"},
		{"not gzip", "gzip", []byte(strings.Repeat(canary, 9)), true, nil, "Content-Encoding"},
		{"corrupt gzip", "gzip", append(bytes.Clone(zipped[:10]), 0xFF, 0xFF, 0xFF), true, nil, "Content-Encoding"},
		{"unknown encoding", canary, hello, true, nil, "Content-Encoding"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				if c.length {
					w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
				} else {
					w.(http.Flusher).Flush()
				}
				w.Write(c.body)
			})
			var seen traceLog
			a, err := newClient(t, s.URL, nil).Endpoint().Do(seen.in(soon(t)), get)
			if c.text != "" {
				check(t, err, session.ReasonDecode, c.text)
				if seen.codes() != "200" {
					t.Errorf(`answers %s; want "200"`, seen.codes())
				}
				return
			}
			if err != nil || !bytes.Equal(a.Body, c.want) {
				t.Errorf("%v: %d bytes; want a.Body %q", err, len(a.Body), c.want)
			}
		})
	}
}

func TestAGzipBombIsDefused(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for zeros := make([]byte, 1<<20); bomb.Len() < 24<<10; {
		z.Write(zeros)
	}
	z.Close()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	})
	c := newClient(t, s.URL, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Endpoint().Do(soon(t), get)
	runtime.ReadMemStats(&after)
	check(t, err, session.ReasonDecode, "larger than 16 MiB")
	if got := after.TotalAlloc - before.TotalAlloc; got > 160<<20 {
		t.Errorf("%d MiB allocated; want at most 160", got>>20)
	}
}

func TestErrorBodiesAreCutShort(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	got := 0
	c := newClient(t, s.URL, func(cfg *Config) {
		cfg.Explain = func(_ http.Header, b []byte) string { got = len(b); return "" }
	})
	_, err := c.Endpoint().Do(soon(t), get)
	check(t, err, session.ReasonHTTP, "HTTP 400")
	if got != maxErrorBody {
		t.Errorf("%d bytes; want %d", got, maxErrorBody)
	}
}
