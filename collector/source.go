package collector

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// Source refreshes one session.Source: sharing says when, memory keeps what outlives
// a refresh, and health is how the source fares. It is safe for concurrent use.
type Source struct {
	opt      Options // but for how sessions are grouped now
	src      session.Source
	logger   log.Logger
	count    *counters
	grouping atomic.Pointer[grouping.Grouping]
	retired  atomic.Bool

	sharing sharing
	memory  *memory
	health  health
	watcher watcher
}

// outcome is what a refresh came to, for one or more scrapes. It does not change.
type outcome struct {
	began    time.Time // the collector's clock
	view     *view     // nil where there is no answer
	err      error     // why; nil also if the scrape left before the refresh ended
	allowed  time.Duration
	taken    time.Duration
	requests int
	skew     *time.Duration
	steps    []Step
}

// NewSource makes a collector's source of a session API.
func NewSource(src session.Source, opt Options) *Source {
	opt.facts = src.Facts()
	count, logger := newCounters(), log.With(opt.Logger, "source", opt.Name)
	s := &Source{
		opt: opt, src: src, logger: logger, count: count,
		memory:  newMemory(opt.Now(), count, logger),
		health:  health{logger: logger, errors: count.errors},
		watcher: watcher{observer: opt.Observer, logger: logger},
	}
	s.sharing.opt = &s.opt
	s.grouping.Store(&opt.Grouping)
	return s
}

// Name returns the value of the label "source".
func (s *Source) Name() string { return s.opt.Name }

// Facts says what the source can say.
func (s *Source) Facts() session.Facts { return s.opt.facts }

// SetGrouping changes how sessions are grouped from the next refresh on. Counters
// and what else the source has learnt stay.
func (s *Source) SetGrouping(g grouping.Grouping) {
	if !reflect.DeepEqual(*s.grouping.Load(), g) {
		s.grouping.Store(&g)
	}
}

// options returns the options as they are with a grouping.
func (s *Source) options(by *grouping.Grouping) *Options {
	o := s.opt
	o.Grouping = *by
	return &o
}

// Retire releases connections, now and after each refresh to come: scrapes that
// began before a reload may still ask a source that it removed. The observer hears no
// more of it.
func (s *Source) Retire() {
	s.retired.Store(true)
	s.watcher.close()
	s.src.Close()
}

// Idle reports whether no refresh is under way.
func (s *Source) Idle() bool { return s.sharing.idle() }

// Close ends a refresh under way and releases the source's connections.
func (s *Source) Close() {
	s.sharing.close()
	s.src.Close()
}

// scrape returns what the source says now: from a new refresh, from one under
// way, or from the last one where that began within the minimal interval, also
// if it failed. allowed is how long the caller can wait; 0 means as long as a
// refresh may take.
func (s *Source) scrape(ctx context.Context, allowed time.Duration) outcome {
	if allowed <= 0 || allowed > s.opt.Timeout {
		allowed = s.opt.Timeout
	}
	s.sharing.see(allowed)
	return s.await(ctx, allowed)
}

// Refresh asks the source although no scrape does, and waits for what it comes to. It
// shares refreshes as scrapes do, and returns why the one that answered it failed, or
// why ctx ended.
func (s *Source) Refresh(ctx context.Context) error {
	out := s.await(ctx, s.sharing.planned())
	switch {
	case out.view != nil:
		return nil
	case out.err != nil:
		return out.err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return context.DeadlineExceeded
}

// Asked returns when the newest refresh began, by the collector's clock; zero before
// the first.
func (s *Source) Asked() time.Time { return s.sharing.asked() }

// await returns the outcome of a refresh: of a new one, of one under way, or of the
// last one, for a caller who can wait as long as allowed.
func (s *Source) await(ctx context.Context, allowed time.Duration) outcome {
	begin := time.Now()
	share := s.sharing.take(begin, allowed, s.grouping.Load())
	if share.first {
		go s.run(share.flight)
	}
	timer := time.NewTimer(allowed)
	defer timer.Stop()
	why := errAbandoned
	select {
	case <-share.done:
		return share.out
	case <-ctx.Done():
	case <-timer.C:
		why = context.DeadlineExceeded
	}
	if share.waits {
		share.leave(why)
	}
	out := share.recorder.outcome()
	out.began, out.allowed, out.taken = share.came, allowed, time.Since(begin)
	return out
}

// run carries a flight out. Only one at a time asks the API.
func (s *Source) run(f *flight) {
	if !s.memory.acquire(f.ctx) {
		s.stuck(f)
		return
	}
	defer s.memory.release()

	v, snap, err := s.ask(f)
	if err != nil && f.expired() {
		// Whatever a source says of a deadline that came over it.
		if _, failed := session.ReasonOf(err); !failed {
			err = &session.Error{Reason: session.ReasonTimeout, Err: err}
		}
	}
	out := f.recorder.outcome()
	out.began, out.view, out.err, out.allowed, out.taken = f.began, v, err, f.allowed(), time.Since(f.start)
	if s.retired.Load() {
		s.src.Close()
	}
	s.end(f, out, snap)
}

// end tells everybody what a flight came to: first those who wait for it.
func (s *Source) end(f *flight, out outcome, snap *session.Snapshot) {
	if out.err != nil && f.abandoned() {
		f.land(out)
		return // nothing is known
	}
	s.health.ended(&out, s.opt.Now())
	f.land(out)
	s.watcher.tell(Observation{
		Source: s.opt.Name, API: s.opt.API, Facts: s.opt.facts,
		Began: f.began, Read: f.read, Snapshot: snap, Err: out.err,
	})
}

// stuck ends a flight whose turn never came, because the refresh before it does
// not end: such flights must not queue up.
func (s *Source) stuck(f *flight) {
	out := f.recorder.outcome()
	out.began, out.allowed, out.taken = f.began, f.allowed(), time.Since(f.start)
	if f.expired() {
		out.err = &session.Error{Reason: session.ReasonTimeout, Err: errors.New("an earlier refresh has not ended yet")}
		s.end(f, out, nil)
		return
	}
	f.land(out)
}

// ask takes a snapshot and counts it. A panic over what one API answered costs
// that source's refresh, not the process that watches the others.
func (s *Source) ask(f *flight) (v *view, snap *session.Snapshot, err error) {
	defer func() {
		if p := recover(); p != nil {
			logging.Bug(s.logger, "a refresh panicked and counts as failed", p)
			v, snap, err = nil, nil, &session.Error{Reason: session.ReasonDecode, Err: session.ErrBug}
		}
	}()
	if f.ctx.Err() != nil {
		return nil, nil, context.Cause(f.ctx) // given up while it waited for its turn
	}
	want := s.watcher.wants(s.opt.Name)
	want.ClientIPs = s.options(s.grouping.Load()).wantedAddresses()
	snap, err = s.src.Snapshot(session.WithTrace(f.ctx, f.recorder.trace(s.count)), want)
	if err != nil {
		return nil, nil, err
	}
	at, ok := f.recorder.read(snap.Taken)
	if !ok {
		at = f.began
	}
	f.read, f.grouping = at, s.grouping.Load()
	return s.memory.learn(snap, at, s.options(f.grouping)), snap, nil
}
