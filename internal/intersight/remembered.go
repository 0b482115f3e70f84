package intersight

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/session"
)

// remembered is a list that is asked for now and then, beside the sessions, and
// believed for a while. It is safe for concurrent use.
type remembered[T any] struct {
	health   health
	endpoint *endpoint
	last     time.Duration // how long it is believed
	read     func(context.Context, *endpoint) (T, error)

	mu     sync.Mutex
	asked  time.Time // the latest request; our clock, as the next. Zero: never
	listed time.Time // the request that brought the list
	list   T
	err    error // of the latest request
}

// ask asks for the list unless it was asked for not long ago: then it returns nil.
func (r *remembered[T]) ask(ctx context.Context, now time.Time, every time.Duration) *errand[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := now.Sub(r.asked); !r.asked.IsZero() && 0 <= d && d < every {
		return nil
	}
	r.asked = now
	return begin(ctx, func(ctx context.Context) (T, error) { return r.read(ctx, r.endpoint) })
}

// take waits for what was asked for, if anything was.
func (r *remembered[T]) take(ctx context.Context, e *errand[T], p patience, logger log.Logger) {
	if e == nil {
		return
	}
	list, err := e.wait(ctx, p.until(r.endpoint))
	if err != nil {
		session.TraceOf(ctx).Decided(r.endpoint.path + ": not read: " + err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err == nil {
		r.list, r.listed = list, r.asked
	}
	if ctx.Err() == nil {
		r.health.report(logger, err)
	}
}

// known returns the list if it can be believed.
func (r *remembered[T]) known(now time.Time) (T, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := now.Sub(r.listed); r.listed.IsZero() || d < 0 || d >= r.last {
		var none T
		return none, false
	}
	return r.list, true
}

// refused reports whether the latest request was refused for want of a right.
func (r *remembered[T]) refused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	reason, _ := session.ReasonOf(r.err)
	return r.err != nil && (reason == session.ReasonAuth || reason == session.ReasonForbidden)
}
