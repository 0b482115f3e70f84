package intersight

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// minBesideWait is how long a finished listing waits at least for what is asked
// beside it; else it waits three times as long as it took itself. Where they are
// asked one after the other, they take about the same.
const minBesideWait = time.Second

// provingWait is how long a finished listing waits while it is being proven, once an
// hour, which properties the API does not know.
const provingWait = 10 * time.Second

var (
	errLate      = errors.New("no answer by the time the sessions were listed")
	errAbandoned = errors.New("the sessions could not be listed")
)

// errand reads something beside the sessions.
type errand[T any] struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when what follows is set
	result T
	err    error
}

func begin[T any](ctx context.Context, logger log.Logger, read func(context.Context) (T, error)) *errand[T] {
	ctx, cancel := context.WithCancelCause(ctx)
	e := &errand[T]{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		defer func() { // else it would end the process
			if p := recover(); p != nil {
				logging.Bug(logger, "reading what belongs to sessions panicked and counts as failed", p)
				e.err = &session.Error{Reason: session.ReasonDecode, Err: session.ErrBug}
			}
		}()
		e.result, e.err = read(ctx)
	}()
	return e
}

// abandon ends the errand without a result.
func (e *errand[T]) abandon() {
	e.cancel(errAbandoned)
	<-e.done
}

// ended waits for the errand to end, until a time, and reports whether it has.
func (e *errand[T]) ended(ctx context.Context, until time.Time) bool {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-e.done:
	case <-t.C:
	case <-ctx.Done():
	}
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// wait returns the result if it comes before a time, else errLate.
func (e *errand[T]) wait(ctx context.Context, until time.Time) (T, error) {
	e.ended(ctx, until)
	e.cancel(errLate)
	<-e.done
	return e.result, e.err
}

// patience says until when a listing waits for what is asked beside it.
type patience struct {
	listed   time.Time     // when the listing was finished
	took     time.Duration // by the listing
	least    time.Duration
	deadline time.Time // of the refresh; zero: none
}

func newPatience(ctx context.Context, took, least time.Duration) patience {
	deadline, _ := ctx.Deadline()
	return patience{listed: time.Now(), took: took, least: least, deadline: deadline}
}

// until returns when an errand must have ended that asks an endpoint.
func (p patience) until(e *endpoint) time.Time {
	d := max(3*p.took, p.least)
	if e.proving.Load() {
		d = max(d, provingWait)
	}
	if !p.deadline.IsZero() {
		d = min(d, p.deadline.Sub(p.listed)/2)
	}
	return p.listed.Add(d)
}

// beside is what one refresh asks beside the sessions.
type beside struct {
	limits     *errand[session.Limits]
	users      *errand[*userList] // nil, like the next two: not asked now
	providers  *errand[providerNames]
	references *errand[providerNames]
}

func (s *Source) askBeside(ctx context.Context) *beside {
	b := &beside{limits: begin(ctx, s.cfg.Logger, s.readLimits)}
	if d := s.directory; d != nil {
		b.users, b.providers, b.references = d.ask(ctx, s.cfg.Now())
	}
	return b
}

// abandon ends all of it, for sessions that could not be listed.
func (b *beside) abandon() {
	if b == nil {
		return
	}
	b.limits.abandon()
	for _, e := range []*errand[providerNames]{b.providers, b.references} {
		if e != nil {
			e.abandon()
		}
	}
	if b.users != nil {
		b.users.abandon()
	}
}

// tell adds to a snapshot what could be read in time. referring says that the
// sessions were asked for their users.
func (s *Source) tell(ctx context.Context, b *beside, snap *session.Snapshot, p patience, referring bool) {
	limits, err := b.limits.wait(ctx, p.until(s.limits))
	if err != nil {
		session.TraceOf(ctx).Decided("limits: none: " + err.Error())
	} else {
		snap.Limits = limits
	}
	if ctx.Err() == nil {
		s.limitsHealth.report(s.cfg.Logger, err)
	}
	if d := s.directory; d != nil {
		d.take(ctx, b, p)
		d.tell(snap, s.cfg.Now(), referring)
	}
}

// health logs when something begins to fail and when it is well again; not each time.
type health struct {
	what  string                // as a log line begins with it
	once  bool                  // whatever the reason; else another reason is logged, too
	state logging.State[string] // "" is well
}

func (h *health) report(logger log.Logger, err error) {
	if _, changed := h.state.Set(h.describe(err)); !changed {
		return
	}
	if err == nil {
		level.Info(logger).Log("msg", h.what+" can be read again")
		return
	}
	level.Warn(logger).Log("msg", h.what+" can't be read; sessions are not affected", "err", err)
}

// describe returns the state that an error means.
func (h *health) describe(err error) string {
	switch {
	case err == nil:
		return ""
	case h.once:
		return "failed"
	case errors.Is(err, errLate):
		return "late"
	}
	reason, _ := session.ReasonOf(err)
	return "failed: " + string(reason)
}
