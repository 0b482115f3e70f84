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
// deadline among them, and ends early when all have left.
type flight struct {
	done chan struct{} // closed when out is there
	out  outcome

	start  time.Time // the real clock, as the deadline
	began  time.Time // the collector's clock
	ctx    *flightContext
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	waiters int
	timer   *time.Timer
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

// newFlight prepares a scrape that has until deadline; nobody waits for it yet.
func newFlight(start, deadline time.Time) *flight {
	ctx, cancel := context.WithCancelCause(context.Background())
	f := &flight{done: make(chan struct{}), start: start, cancel: cancel, ctx: &flightContext{Context: ctx, deadline: deadline}}
	f.timer = time.AfterFunc(time.Until(deadline), func() { cancel(context.DeadlineExceeded) })
	return f
}

// join adds a waiter who can wait until deadline. It reports false where the
// flight has already been given up.
func (f *flight) join(deadline time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return false
	}
	f.ctx.mu.Lock()
	defer f.ctx.mu.Unlock()
	if deadline.After(f.ctx.deadline) {
		if !f.timer.Stop() {
			return false // its time has just run out
		}
		f.ctx.deadline = deadline
		f.timer.Reset(time.Until(deadline))
	}
	f.waiters++
	return true
}

// leave removes a waiter, and says why: errAbandoned for a caller who hung up,
// context.DeadlineExceeded for one whose time ended. The last one to leave ends
// the flight.
func (f *flight) leave(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters--
	if f.waiters == 0 {
		f.cancel(why)
	}
}

// land publishes the outcome and releases what the flight held.
func (f *flight) land(out outcome) {
	f.out = out
	f.timer.Stop()
	f.cancel(nil)
	close(f.done)
}
