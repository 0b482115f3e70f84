package session

import (
	"context"
	"time"
)

// Source reads one session API.
type Source interface {
	// Facts says what the source can say. It is always the same.
	Facts() Facts
	// Info says what is known of the API so far. It may be called at any time,
	// also during a Snapshot.
	Info() Info
	// Snapshot asks the API who is logged in. It returns before ctx's deadline
	// or promptly after, and reports each request it sends to ctx's Trace. A
	// failure is an *Error; where the caller gave up, it is a context.Canceled.
	// It is not called again before it has returned.
	Snapshot(ctx context.Context, want Want) (*Snapshot, error)
	// Close releases idle connections. A Snapshot that comes after it works, and
	// Close is called again after that.
	Close()
}

// Request is one HTTP request that a source sent.
type Request struct {
	What      string        // method and path, and what it asks for; no secret or identity in it
	Code      int           // HTTP status, or 0 where none came
	Sent      time.Time     // our clock
	RoundTrip time.Duration // until the answer's headers were there
	Duration  time.Duration // until its whole body was read
	Date      time.Time     // the API's clock, zero without a Date header
	Err       error         // why there is no usable answer; safe to show
	Token     bool          // it asked for a token, perhaps another server than the API
}

// Trace is told what a refresh does. Its functions may be called concurrently;
// a nil one is not called.
type Trace struct {
	Request    func(Request)
	Connection func()       // one was opened
	Decision   func(string) // what was concluded from an answer; no secret or identity in it
}

type traceKey struct{}

// WithTrace returns a context whose refresh reports to t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns ctx's Trace, or an empty one.
func TraceOf(ctx context.Context) *Trace {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		return t
	}
	return &Trace{}
}

// Sent reports a request.
func (t *Trace) Sent(r Request) {
	if t.Request != nil {
		t.Request(r)
	}
}

// Connected reports that a connection was opened.
func (t *Trace) Connected() {
	if t.Connection != nil {
		t.Connection()
	}
}

// Decided reports a decision.
func (t *Trace) Decided(what string) {
	if t.Decision != nil {
		t.Decision(what)
	}
}
