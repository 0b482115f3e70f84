package collector

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errAbandoned is why a scrape ends that nobody waits for any more.
var errAbandoned = errors.New("nobody waits for this scrape")

// flight is one scrape that several pulls may wait for. It runs to the latest
// deadline among them. When all have left it ends early, unless it lasts.
type flight struct {
	done chan struct{} // closed when out is there
	out  outcome
	seen *seen

	start  time.Time // the real clock, as the deadlines
	began  time.Time // the collector's clock
	ctx    *flightContext
	cancel context.CancelCauseFunc
	lasts  bool // what it comes to answers later pulls, too

	outdated bool // it has other labels than are wanted now; the source's mutex guards it

	mu      sync.Mutex
	waiters int
	limit   time.Time // the latest deadline among the waiters
	timer   *time.Timer
}

// landing returns what is kept back of the time a pull allows, for the scrape to
// tell its outcome after its own deadline.
func landing(allowed time.Duration) time.Duration {
	return min(allowed/20, 50*time.Millisecond)
}

// flightContext has a deadline that can move.
type flightContext struct {
	context.Context
	mu       sync.Mutex
	deadline time.Time
}

func (c *flightContext) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline, true
}

func (c *flightContext) move(deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = deadline
}

// newFlight prepares a scrape for one waiter who can wait until limit.
func newFlight(start, began, limit time.Time, lasts bool) *flight {
	ctx, cancel := context.WithCancelCause(context.Background())
	deadline := limit.Add(-landing(limit.Sub(start)))
	f := &flight{
		done: make(chan struct{}), seen: &seen{begin: start}, start: start, began: began,
		ctx: &flightContext{Context: ctx, deadline: deadline}, cancel: cancel, lasts: lasts,
		waiters: 1, limit: limit,
	}
	f.timer = time.AfterFunc(time.Until(deadline), func() { cancel(context.DeadlineExceeded) })
	return f
}

// join adds a waiter who can wait until limit. It reports false where the
// flight's time has run out, or it has been given up.
func (f *flight) join(limit time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return false
	}
	if limit.After(f.limit) {
		if !f.timer.Stop() {
			return false
		}
		deadline := limit.Add(-landing(limit.Sub(f.start)))
		f.limit = limit
		f.ctx.move(deadline)
		f.timer.Reset(time.Until(deadline))
	}
	f.waiters++
	return true
}

// leave removes a waiter, and says why: errAbandoned for a caller who hung up,
// context.DeadlineExceeded for one whose time ended. The last one to leave ends a
// flight that does not last.
func (f *flight) leave(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters--
	if f.waiters == 0 && !f.lasts {
		f.cancel(why)
	}
}

// allowed is how long the flight may take.
func (f *flight) allowed() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limit.Sub(f.start)
}

// expired reports whether the flight's time ran out.
func (f *flight) expired() bool {
	return errors.Is(context.Cause(f.ctx), context.DeadlineExceeded)
}

// abandoned reports whether all who waited hung up.
func (f *flight) abandoned() bool { return errors.Is(context.Cause(f.ctx), errAbandoned) }

// landed reports whether the flight has ended.
func (f *flight) landed() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// land publishes the outcome and releases what the flight held.
func (f *flight) land(out outcome) {
	f.out = out
	f.timer.Stop()
	f.cancel(nil)
	close(f.done)
}
