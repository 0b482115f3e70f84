package collector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// Source scrapes one session.Source and keeps what outlives a scrape: its
// counters, the sessions they follow, and the label values in place. It is safe
// for concurrent use.
type Source struct {
	opt    Options // but for its grouping.Grouping, which is below
	src    session.Source
	count  *counters
	logger log.Logger
	made   time.Time

	mu      sync.Mutex
	labels  grouping.Grouping
	newest  *flight // the scrape that began last, under way or not
	latest  *flight // the last one that ended and was not given up
	success time.Time
	retired bool
	patient patience

	failingOf cause

	// What follows belongs to the scrape under way; turn is its right to it.
	turn    chan struct{}
	history *history
	inPlace published
}

// outcome is what a scrape came to, for one or more pulls. It does not change.
type outcome struct {
	began    time.Time // the collector's clock
	view     *view     // nil where there is no answer
	err      error     // why; nil also where the pull left before the scrape ended
	allowed  time.Duration
	taken    time.Duration
	requests int
	skew     *time.Duration
	steps    []Step
}

// NewSource makes a collector's source of a session API.
func NewSource(src session.Source, opt Options) *Source {
	opt.facts = src.Facts()
	return &Source{
		opt: opt, src: src, count: newCounters(), labels: opt.Grouping,
		logger:  log.With(opt.Logger, "source", opt.Name),
		made:    opt.Now(),
		turn:    make(chan struct{}, 1),
		history: newHistory(maxRemembered), inPlace: published{},
	}
}

// Name returns the value of the label "source".
func (s *Source) Name() string { return s.opt.Name }

// SetGrouping changes how sessions are grouped from the next scrape on. Counters and
// what else the source has learnt stay.
func (s *Source) SetGrouping(l grouping.Grouping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !reflect.DeepEqual(s.labels, l) {
		s.labels = l
		if f := s.newest; f != nil && f.landed() {
			f.outdated = f.out.view != nil
		}
	}
}

// options returns the options as they are now.
func (s *Source) options() *Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.opt
	o.Grouping = s.labels
	return &o
}

// Retire releases connections, now and after each scrape to come: pulls that
// began before a reload may still ask a source that it removed.
func (s *Source) Retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	s.src.Close()
}

// Idle reports whether no scrape is under way.
func (s *Source) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest == nil || s.newest.landed()
}

// Close ends a scrape under way and releases the source's connections.
func (s *Source) Close() {
	s.mu.Lock()
	f := s.newest
	s.mu.Unlock()
	if f != nil {
		f.cancel(errAbandoned)
		select {
		case <-f.done:
		case <-time.After(closing): // it is stuck, and must not hold the end up
		}
	}
	s.src.Close()
}

// closing is how long a scrape that was given up may take to end.
const closing = 5 * time.Second

// scrape returns what the source says now: from a new scrape, from one under
// way, or from the last one where that began within the minimal interval, also
// if it failed. allowed is how long the caller can wait; 0 means as long as a
// scrape may take.
func (s *Source) scrape(ctx context.Context, allowed time.Duration) outcome {
	if allowed <= 0 || allowed > s.opt.Timeout {
		allowed = s.opt.Timeout
	}
	begin := time.Now()
	limit := begin.Add(allowed)
	s.mu.Lock()
	now := s.opt.Now()
	f := s.newest
	s.patient.see(allowed, begin)
	joined := f != nil && f.join(limit)
	if !joined && (f == nil || f.outdated || now.Sub(f.began) >= s.opt.MinInterval) {
		f = s.newFlight(begin, now, allowed)
		s.newest, joined = f, true
		go s.run(f)
	}
	s.mu.Unlock()

	timer := time.NewTimer(allowed)
	defer timer.Stop()
	why := errAbandoned
	select {
	case <-f.done:
		return f.out
	case <-ctx.Done():
	case <-timer.C:
		why = context.DeadlineExceeded
	}
	if joined {
		f.leave(why)
	}
	out := f.seen.outcome()
	out.began, out.allowed, out.taken = now, allowed, time.Since(begin)
	return out
}

// newFlight prepares a scrape for a caller who can wait as long as allowed. One
// that answers later pulls, too, takes the time that they may allow.
func (s *Source) newFlight(begin, now time.Time, allowed time.Duration) *flight {
	longest := begin.Add(s.opt.Timeout)
	switch {
	case s.opt.MinInterval <= 0:
		return newFlight(begin, now, begin.Add(allowed), longest, false, false)
	case s.opt.facts.Has(session.FactPartial):
		// It plans for the time it has, and publishes then what is proven: it
		// should be in time for those who usually wait.
		return newFlight(begin, now, begin.Add(s.patient.allowed), longest, true, true)
	}
	return newFlight(begin, now, longest, longest, true, false)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// run carries a flight out. Only one at a time asks the API.
func (s *Source) run(f *flight) {
	select {
	case s.turn <- struct{}{}:
	case <-f.ctx.Done():
		s.stuck(f)
		return
	}
	defer func() { <-s.turn }()

	v, labels, err := s.ask(f)
	if err != nil && f.expired() {
		// Whatever a source says of a deadline that came over it.
		if _, failed := session.ReasonOf(err); !failed {
			err = &session.Error{Reason: session.ReasonTimeout, Err: err}
		}
	}
	given := err != nil && f.abandoned()
	if !given {
		s.report(err)
	}
	out := f.seen.outcome()
	out.began, out.view, out.err, out.allowed, out.taken = f.began, v, err, f.allowed(), time.Since(f.start)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		s.src.Close()
	}
	// One that failed has nothing that depends on labels.
	f.outdated = err == nil && !reflect.DeepEqual(labels, s.labels)
	if !given {
		s.latest = f
	}
	if err == nil {
		s.success = s.opt.Now()
	}
	f.land(out)
}

// stuck ends a flight whose turn never came, because the scrape before it does
// not end: such flights must not queue up.
func (s *Source) stuck(f *flight) {
	out := f.seen.outcome()
	out.began, out.allowed, out.taken = f.began, f.allowed(), time.Since(f.start)
	if f.expired() {
		out.err = &session.Error{Reason: session.ReasonTimeout, Err: errors.New("an earlier scrape has not ended yet")}
		s.report(out.err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if out.err != nil {
		s.latest = f
	}
	f.land(out)
}

// ask takes a snapshot and counts it. A panic over what one API answered costs
// that source's scrape, not the process that watches the others.
func (s *Source) ask(f *flight) (v *view, labels grouping.Grouping, err error) {
	defer func() {
		if p := recover(); p != nil {
			level.Error(s.logger).Log("msg", "Bug: a scrape panicked", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			v, err = nil, &session.Error{Reason: session.ReasonDecode, Err: errors.New("the exporter failed over this answer; its log says where")}
		}
	}()
	if f.ctx.Err() != nil {
		return nil, labels, context.Cause(f.ctx) // given up while it waited for its turn
	}
	want := session.Want{ClientIPs: s.options().wantedAddresses()}
	snap, err := s.src.Snapshot(session.WithTrace(f.ctx, f.seen.trace(s.count)), want)
	if err != nil {
		return nil, labels, err
	}
	opt := s.options()
	return s.learn(snap, f, opt), opt.Grouping, nil
}

// learn takes a snapshot into the counters and counts it.
func (s *Source) learn(snap *session.Snapshot, f *flight, opt *Options) *view {
	at, ok := f.seen.read(snap.Taken)
	if !ok {
		at = f.began
	}
	jumped := s.history.clock.jumped
	s.count.changed(s.history.learn(snap, at.Sub(s.made)))
	switch now := s.history.clock.jumped; {
	case now && !jumped:
		level.Warn(s.logger).Log("msg", "The API's clock jumped: counters stand still until two scrapes in a row agree on it", "clock", snap.Taken.UTC().Format(time.RFC3339))
	case jumped && !now:
		level.Info(s.logger).Log("msg", "The API's clock is steady again: counters go on", "clock", snap.Taken.UTC().Format(time.RFC3339))
	}
	return newView(snap, opt, s.inPlace)
}

// report counts a failed scrape, and logs when a source begins to fail, fails
// for another cause, or recovers.
func (s *Source) report(err error) {
	s.mu.Lock()
	before := s.failingOf
	s.failingOf = cause{}
	if err != nil {
		s.failingOf = causeOf(err)
	}
	now := s.failingOf
	if _, failed := session.ReasonOf(err); err != nil && !failed {
		s.failingOf = before // given up: nothing is known
	}
	s.mu.Unlock()

	if err == nil {
		if before != now {
			level.Info(s.logger).Log("msg", "Source answers again", "after", before.reason)
		}
		return
	}
	reason, failed := session.ReasonOf(err)
	if !failed {
		return
	}
	s.count.errors.WithLabelValues(string(reason)).Inc()
	logger := level.Error(s.logger)
	if before == now {
		logger = level.Debug(s.logger)
	}
	logger.Log("msg", "Scrape failed", "reason", reason, "err", err, "check", whatToCheck(reason))
}

// cause tells failures apart for the log: by reason, and by what kind of thing
// went wrong, as a refused password and a missing password file differ. Texts
// don't do: they hold trace ids.
type cause struct {
	reason session.Reason
	kind   string
}

func causeOf(err error) cause {
	reason, _ := session.ReasonOf(err)
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return cause{reason, fmt.Sprintf("%T", err)}
		}
		if _, file := err.(*fs.PathError); file {
			return cause{reason, "file"}
		}
		err = inner
	}
}

// whatToCheck says in a log line where to look first.
func whatToCheck(r session.Reason) string {
	switch r {
	case session.ReasonAuth:
		return "the secret and its user, client or key id; this host's clock; the url's host; what a proxy on the way changes"
	case session.ReasonForbidden:
		return "the role or scope of the account"
	case session.ReasonRateLimited:
		return "scrape interval, min_interval, and who else asks this API"
	case session.ReasonTimeout:
		return "how long the API takes, scrape_timeout in Prometheus, and the source's timeout"
	case session.ReasonConnect:
		return "the url, DNS, firewalls and proxies on the way, and whether the API runs"
	case session.ReasonTLS:
		return "what the error says of the certificate: an unknown authority needs tls_config.ca_file, another name tls_config.server_name, all else another certificate"
	case session.ReasonHTTP:
		return "the url, and what stands before the API: a redirect is a login or another host; 404 is another server"
	}
	return "what was asked and answered: /probe with debug=true"
}
