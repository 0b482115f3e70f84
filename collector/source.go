package collector

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/session"
)

// Source scrapes one session.Source and keeps what outlives a scrape: its
// counters, the sessions they follow, and the label values in place. It is safe
// for concurrent use.
type Source struct {
	opt    Options // but for its Labeling, which is below
	src    session.Source
	count  *counters
	logger log.Logger

	mu      sync.Mutex
	labels  Labeling
	flight  *flight // the scrape under way, if any
	recent  *flight // the last one that succeeded
	latest  *flight // the last one that ended
	success time.Time

	// What follows belongs to the scrape under way; turn is its right to it.
	turn      chan struct{}
	life      *lifecycle
	logins    *logins
	inPlace   published
	failingOf session.Reason
}

// outcome is what a scrape came to, for one or more pulls. It does not change.
type outcome struct {
	view     *view // nil where the scrape failed
	err      error // why it failed; nil also where the pull left before it ended
	allowed  time.Duration
	taken    time.Duration
	requests int
	skew     *time.Duration
	steps    []Step
}

// NewSource makes a collector's source of a session API.
func NewSource(src session.Source, opt Options) *Source {
	return &Source{
		opt: opt, src: src, count: newCounters(), labels: opt.Labeling,
		logger: log.With(opt.Logger, "source", opt.Name),
		turn:   make(chan struct{}, 1),
		life:   newLifecycle(), logins: newLogins(), inPlace: published{},
	}
}

// Name returns the value of the label "source".
func (s *Source) Name() string { return s.opt.Name }

// Relabel changes how sessions are grouped from the next scrape on. Counters and
// what else the source has learnt stay.
func (s *Source) Relabel(l Labeling) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.labels, s.recent = l, nil
}

// options returns the options as they are now.
func (s *Source) options() *Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opt
	o.Labeling = s.labels
	return &o
}

// Retire lets a scrape under way end, and then closes the source.
func (s *Source) Retire() {
	s.mu.Lock()
	f := s.flight
	s.mu.Unlock()
	if f != nil {
		<-f.done
	}
	s.Close()
}

// Close ends a scrape under way and releases the source's connections.
func (s *Source) Close() {
	s.mu.Lock()
	f := s.flight
	s.mu.Unlock()
	if f != nil {
		f.cancel(errAbandoned)
	}
	s.turn <- struct{}{}
	s.src.Close()
	<-s.turn
}

// scrape returns what the source says now: from a new scrape, from one under
// way, or from one that is younger than the minimal interval. allowed is how
// long the caller can wait; 0 means as long as a scrape may take.
func (s *Source) scrape(ctx context.Context, allowed time.Duration) outcome {
	if allowed <= 0 || allowed > s.opt.Timeout {
		allowed = s.opt.Timeout
	}
	begin := time.Now()
	deadline := begin.Add(allowed)
	s.mu.Lock()
	if s.recent != nil && s.opt.Now().Sub(s.recent.began) < s.opt.MinInterval {
		out := s.recent.out
		s.mu.Unlock()
		return out
	}
	f := s.flight
	// No scrape takes longer than the source's timeout, whoever joins it.
	if f == nil || !f.join(earlier(deadline, f.start.Add(s.opt.Timeout))) {
		f = newFlight(begin, deadline)
		f.began = s.opt.Now()
		f.join(deadline)
		s.flight = f
		go s.run(f)
	}
	s.mu.Unlock()

	timer := time.NewTimer(allowed)
	defer timer.Stop()
	for {
		select {
		case <-f.done:
			return f.out
		case <-ctx.Done():
			f.leave(errAbandoned)
			return outcome{allowed: allowed, taken: time.Since(begin)}
		case <-timer.C:
			// The flight may have been given this same moment, and is about to
			// tell what it has.
			if d, _ := f.ctx.Deadline(); !d.After(deadline) && time.Since(deadline) < landing {
				timer.Reset(landing)
				continue
			}
			f.leave(context.DeadlineExceeded)
			return outcome{allowed: allowed, taken: time.Since(begin)}
		}
	}
}

// landing is how long after its deadline a scrape may take to tell its outcome.
const landing = 50 * time.Millisecond

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// run carries a flight out. Only one at a time asks the API.
func (s *Source) run(f *flight) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()

	seen := seen{begin: time.Now()}
	snap, err := s.src.Snapshot(session.WithTrace(f.ctx, seen.trace(s.count)))
	out := seen.outcome()
	out.err = err
	if err == nil {
		out.view = s.learn(snap)
	}
	deadline, _ := f.ctx.Deadline()
	out.allowed, out.taken = deadline.Sub(f.start), time.Since(f.start)
	abandoned := errors.Is(context.Cause(f.ctx), errAbandoned)
	if !abandoned {
		s.report(err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	f.land(out)
	if s.flight == f {
		s.flight = nil
	}
	if !abandoned {
		s.latest = f
	}
	if err == nil {
		s.recent, s.success = f, s.opt.Now()
	}
}

// learn takes a snapshot into the counters and counts it.
func (s *Source) learn(snap *session.Snapshot) *view {
	c, fresh := s.life.observe(snap)
	s.count.changed(c)
	failed, after := s.logins.observe(snap, fresh)
	s.count.failedLogins.Add(float64(failed))
	s.count.afterFailures.Add(float64(after))
	return newView(snap, s.options(), s.inPlace)
}

// report counts a failed scrape, and logs when a source begins to fail, fails
// for another reason, or recovers.
func (s *Source) report(err error) {
	if err == nil {
		if s.failingOf != "" {
			level.Info(s.logger).Log("msg", "Source answers again", "after", s.failingOf)
		}
		s.failingOf = ""
		return
	}
	reason, failed := session.ReasonOf(err)
	if !failed {
		return
	}
	s.count.errors.WithLabelValues(string(reason)).Inc()
	logger := level.Error(s.logger)
	if reason == s.failingOf {
		logger = level.Debug(s.logger)
	}
	s.failingOf = reason
	logger.Log("msg", "Scrape failed", "reason", reason, "err", err)
}
