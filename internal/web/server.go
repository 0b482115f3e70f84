package web

import (
	"net/http"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
)

// What a caller may cost. A caller who sends or reads too slowly loses its
// connection: otherwise a few of them would use up the process's descriptors
// and memory.
const (
	headerTime = 10 * time.Second // for a request's headers
	bodyTime   = 10 * time.Second // for the whole request
	writeTime  = 30 * time.Second // for each write of the answer
	idleTime   = 10 * time.Second // between two requests of a connection
	maxHeader  = 64 << 10         // bytes

	// maxAnswers is how many answers with metrics may be under way at once: each
	// of them is held in memory until the caller has read it.
	maxAnswers = 40
)

// NewServer returns a server for h that bounds what a caller may cost.
func NewServer(h http.Handler, logger log.Logger) *http.Server {
	return &http.Server{
		Handler:           patient{h, logger},
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       bodyTime,
		WriteTimeout:      writeTime, // of what exporter-toolkit answers itself, such as a 401
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: writeTime},
		ErrorLog:          logging.Std(level.Warn(logger)),
	}
}

// patient replaces the server's WriteTimeout, which begins with the request, by
// a time for each write: a scrape may take longer than any write should.
type patient struct {
	next   http.Handler
	logger log.Logger
}

func (p patient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer p.abort()
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{})
	pw := &patientWriter{ResponseWriter: w, control: c}
	defer pw.extend() // for what the server has buffered
	p.next.ServeHTTP(pw, r)
}

// abort ends a connection over a panic. net/http would log its message, too.
func (p patient) abort() {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		logging.Bug(p.logger, "a page panicked", v)
	}
	panic(http.ErrAbortHandler)
}

type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Unwrap is what http.ResponseController looks for.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *patientWriter) Write(p []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(p)
}

// extend can fail only where the connection has ended, which a write reports.
func (w *patientWriter) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(writeTime)) }
