package faults

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"iam_session_exporter/internal/simulator/wire"
)

// Always is a handler that an effect falls on each time: a form of answers
// rather than a fault.
func (e Effect) Always(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e(w, r, next) })
}

// Latency answers rightly, but late.
func Latency(d time.Duration) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body := keepBody(r)
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			r.Body = body
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Hang answers nothing until the client has left or the server closes.
func Hang() Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		keepBody(r)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// HangBody sends the head and a few bytes of a JSON body, and then nothing.
func HangBody() Effect {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		keepBody(r)
		w.Header().Set("Content-Type", wire.JSON)
		io.WriteString(w, `{"ObjectType":`)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// keepBody reads the request's body, as net/http notices that a client has left
// only when nothing is left to read, and returns it to be read again.
func keepBody(r *http.Request) io.ReadCloser {
	b, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return io.NopCloser(bytes.NewReader(b))
}

// Answer gives a status with a body, and a header as pairs of name and value.
func Answer(status int, contentType, body string, header ...string) Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for n := 0; n+1 < len(header); n += 2 {
			w.Header().Set(header[n], header[n+1])
		}
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Status gives an error status with a short body of JSON.
func Status(code int) Effect {
	return Answer(code, wire.JSON, fmt.Sprintf(`{"code":"ServiceUnavailable","message":"%s"}`, http.StatusText(code)))
}

// RetryAfter gives a status (429, 503) with Retry-After in seconds.
func RetryAfter(code int, d time.Duration) Effect {
	return Answer(code, "text/plain", http.StatusText(code), "Retry-After", strconv.Itoa(int(d/time.Second)))
}

// RetryAfterDate gives a status (429, 503) with Retry-After as a date.
func RetryAfterDate(code int, t time.Time) Effect {
	return Answer(code, "text/plain", http.StatusText(code), "Retry-After", t.UTC().Format(http.TimeFormat))
}

// Redirect sends to another place, such as a login page.
func Redirect(location string) Effect {
	return Answer(http.StatusFound, "text/html", `<a href="`+location+`">Found</a>.`, "Location", location)
}

const loginHTML = `<!DOCTYPE html>
<html><head><title>Log in</title></head><body>
<form action="/login" method="post"><input name="user"><input name="password" type="password"></form>
</body></html>
`

// LoginPage answers 200 with a page of HTML to log in.
func LoginPage() Effect { return Answer(http.StatusOK, "text/html; charset=utf-8", loginHTML) }

// Empty answers 200 with nothing.
func Empty() Effect { return Answer(http.StatusOK, wire.JSON, "") }

// JSON answers 200 with some JSON: of the wrong type, say.
func JSON(body string) Effect { return Answer(http.StatusOK, wire.JSON, body) }

// Garbage answers 200 with bytes that mean nothing, said to be JSON.
func Garbage(seed uint64) Effect {
	random := rand.New(rand.NewPCG(seed, 5))
	b := make([]byte, 4096)
	for n := range b {
		b[n] = byte(random.Uint32())
	}
	return Answer(http.StatusOK, wire.JSON, string(b))
}

// Truncated sends the first half of the right body as if it were all.
func Truncated() Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		a.send(w, a.body.Bytes()[:a.body.Len()/2])
	}
}

// Cut promises the right body, sends half of it and closes the connection.
func Cut() Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		a.send(w, a.body.Bytes()[:a.body.Len()/2], a.body.Len())
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Rewrite changes the body of the right answer.
func Rewrite(change func([]byte) []byte) Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		a.send(w, change(a.body.Bytes()))
	}
}

// Oversize answers with more than n bytes of valid JSON.
func Oversize(n int) Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", wire.JSON)
		writeOversize(w, n)
	}
}

// GzipBomb is Oversize, compressed to a thousandth.
func GzipBomb(n int) Effect {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", wire.JSON)
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		writeOversize(z, n)
		z.Close()
	}
}

func writeOversize(w io.Writer, n int) {
	// An empty list under a member nobody knows: all right, if it were smaller.
	if _, err := io.WriteString(w, `{"ObjectType":"iam.Session.List","Count":0,"totalRecords":0,"Padding":"`); err != nil {
		return
	}
	block := bytes.Repeat([]byte{'x'}, 64<<10)
	for ; n > 0; n -= len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
	io.WriteString(w, `","Results":[]}`)
}

// answer is what a handler wanted to send.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func record(r *http.Request, next http.Handler) *answer {
	a := &answer{header: make(http.Header), status: http.StatusOK}
	next.ServeHTTP(a, r)
	return a
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// send passes the answer on with another body. The length said is that of the
// body, unless it is given.
func (a *answer) send(w http.ResponseWriter, body []byte, length ...int) {
	if len(length) == 0 {
		length = []int{len(body)}
	}
	a.head(w, length[0])
	w.Write(body)
}

// head passes on all but the body.
func (a *answer) head(w http.ResponseWriter, length int) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(a.status)
}
