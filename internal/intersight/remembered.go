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

	late *errand[T] // the latest request, where it was not answered in time; nil: none
}

// ask asks for the list unless it was asked for not long ago: then it returns nil.
// Its errand may outlive the refresh, but not the refresh's deadline.
func (r *remembered[T]) ask(ctx context.Context, now time.Time, every time.Duration) *errand[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := now.Sub(r.asked); r.late != nil || !r.asked.IsZero() && 0 <= d && d < every {
		return nil
	}
	r.asked = now
	return begin(context.WithoutCancel(ctx), r.endpoint.logger, func(own context.Context) (T, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			own, cancel = context.WithDeadline(own, deadline)
			defer cancel()
		}
		return r.read(own, r.endpoint)
	})
}

// take waits for what was asked for, if anything was. What is not answered in time
// is taken by a later refresh: a list that takes longer than the sessions costs them
// no more.
func (r *remembered[T]) take(ctx context.Context, e *errand[T], p patience, logger log.Logger) {
	until := p.until(r.endpoint)
	if e == nil {
		e, until = r.setLate(nil), p.listed // that was waited for
	}
	if e == nil {
		return
	}
	if !e.ended(ctx, until) {
		r.setLate(e)
		session.TraceOf(ctx).Decided(r.endpoint.path + ": not read yet: " + errLate.Error())
		return
	}
	list, err := e.result, e.err
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

// setLate sets what is late, and returns what was.
func (r *remembered[T]) setLate(e *errand[T]) *errand[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.late
	r.late = e
	return was
}

// close abandons what is late.
func (r *remembered[T]) close() {
	if e := r.setLate(nil); e != nil {
		e.abandon()
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
