package collector

import (
	"context"
	"errors"
	"sync"
	"time"

	"iam_session_exporter/internal/grouping"
)

// errAbandoned is why a refresh ends that nobody waits for any more.
var errAbandoned = errors.New("nobody waits for this refresh")

// flight is one refresh that several scrapes may wait for. It runs to the latest
// deadline among them. When all have left it ends early, unless it lasts: then no
// caller's deadline ends it without an answer before the longest it may take.
type flight struct {
	done     chan struct{} // closed when out is there
	out      outcome
	recorder *recorder

	start  time.Time // the real clock, as the deadlines
	began  time.Time // the collector's clock
	ctx    *flightContext
	cancel context.CancelCauseFunc
	lasts  bool // what it comes to answers later scrapes, too

	longest time.Time // when it ends in any case
	partial bool      // once something was answered, what is proven at the limit is worth publishing

	grouping *grouping.Grouping // by which its view was counted
	read     time.Time          // our clock when the snapshot's Taken was read

	mu      sync.Mutex
	waiters int
	limit   time.Time // when it is to end: the latest deadline among the waiters, or later
	timer   *time.Timer
}

// landing returns what is kept back of the time a scrape allows, for the refresh to
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

// newFlight prepares a refresh for one waiter. It is to end by limit, and never
// runs beyond longest.
func newFlight(start, began, limit, longest time.Time, lasts, partial bool) *flight {
	ctx, cancel := context.WithCancelCause(context.Background())
	f := &flight{
		done: make(chan struct{}), recorder: &recorder{begin: start}, start: start, began: began,
		ctx: &flightContext{Context: ctx}, cancel: cancel, lasts: lasts, longest: longest,
		partial: partial, waiters: 1, limit: limit,
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.timer = time.AfterFunc(f.deadline(), f.expire)
	return f
}

// deadline tells the refresh the time it has until the limit, and returns it.
func (f *flight) deadline() time.Duration {
	d := f.limit.Add(-landing(f.limit.Sub(f.start)))
	f.ctx.move(d)
	return time.Until(d)
}

// expire ends a flight whose time is up. One that lasts and has nothing to
// publish goes on: those who wait no longer must not fail it for later scrapes.
func (f *flight) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lasts && f.limit.Before(f.longest) && !(f.partial && f.recorder.answered()) {
		f.limit = f.longest
		f.timer.Reset(f.deadline())
		return
	}
	f.cancel(context.DeadlineExceeded)
}

// join adds a waiter who can wait until limit. It reports false where the
// flight's time has run out, or it has been given up.
func (f *flight) join(limit time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return false
	}
	limit = earlier(limit, f.longest)
	if limit.After(f.limit) {
		if !f.timer.Stop() {
			return false
		}
		f.limit = limit
		f.timer.Reset(f.deadline())
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

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
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

// outdated reports whether the flight's outcome is grouped otherwise than wanted. One
// that failed has nothing that depends on it.
func (f *flight) outdated(wanted *grouping.Grouping) bool {
	return f.landed() && f.out.view != nil && f.grouping != wanted
}

// land publishes the outcome and releases what the flight held.
func (f *flight) land(out outcome) {
	f.out = out
	f.mu.Lock()
	f.timer.Stop()
	f.longest = f.limit // its timer may be about to expire
	f.mu.Unlock()
	f.cancel(nil)
	close(f.done)
}
