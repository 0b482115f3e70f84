package notify

import (
	"context"
	"net/http"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
)

// How long a request that failed waits for its next try: 1, 2, 4 ... 30 seconds.
const (
	firstWait = time.Second
	lastWait  = 30 * time.Second
)

// loop delivers to one Alertmanager, one request at a time.
type loop struct {
	n      *Notifier
	name   string
	logger log.Logger

	cancel      context.CancelFunc // ends it, and its request
	cancelEmpty context.CancelFunc // ends its request if there is nothing in it
	wake        chan struct{}
	done        chan struct{}

	failing logging.State[bool]

	// Guarded by Notifier.mu.
	target     target
	owed       queue
	stopping   bool      // ends when nothing is owed
	failures   int       // in a row, of those to be tried again
	notBefore  time.Time // the next request's earliest time; zero: any
	toldToWait bool      // by Retry-After
	began      time.Time // the last request
	asked      bool      // a request has come to something
	up         bool
	success    time.Time
	skew       *time.Duration
}

// target is how to reach an Alertmanager.
type target struct {
	config  Alertmanager
	address address
	client  http.RoundTripper
}

// request is one request to come.
type request struct {
	batch   []*state
	url     string
	client  http.RoundTripper
	timeout time.Duration
}

func (n *Notifier) newLoop(t target) *loop {
	l := &loop{
		n: n, name: t.address.name, target: t,
		logger: log.With(n.opt.Logger, "alertmanager", t.address.host),
		wake:   make(chan struct{}, 1), done: make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	idle, cancelEmpty := context.WithCancel(ctx)
	l.cancel, l.cancelEmpty = cancel, cancelEmpty
	go l.run(ctx, idle)
	return l
}

// run sends what is owed until ctx ends, or nothing is owed while it is stopping.
func (l *loop) run(ctx, idle context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		r, wait, ok := l.next()
		switch {
		case !ok:
			return
		case wait > 0:
			l.sleep(ctx, wait)
		case len(r.batch) == 0:
			l.take(r, l.post(idle, r))
		default:
			l.take(r, l.post(ctx, r))
		}
	}
}

// next returns the next request, or how long to wait for it. It reports false
// where there is none to come.
func (l *loop) next() (r request, wait time.Duration, ok bool) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	now := l.n.opt.Now()
	l.owed.prune(now)
	batch := l.owed.next()
	if len(batch) == 0 && l.stopping {
		return request{}, 0, false
	}
	due := l.notBefore
	if len(batch) == 0 && l.failures == 0 && !l.began.IsZero() {
		due = l.began.Add(l.n.resendDelay)
	}
	if wait := due.Sub(now); wait > 0 {
		return request{}, wait, true
	}
	l.began = now
	t := l.target
	return request{batch: batch, url: t.address.post, client: t.client, timeout: t.config.Timeout}, 0, true
}

// take takes in what came of a request.
func (l *loop) take(r request, out result) {
	if out.verdict == abandoned {
		return
	}
	l.report(out)
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	now := l.n.opt.Now()
	l.asked, l.up = true, out.verdict == accepted
	if out.verdict == retry {
		l.owed.postpone(r.batch)
		l.failures++
		wait := backoff(l.failures)
		if l.toldToWait = out.wait != nil; l.toldToWait {
			wait = max(*out.wait, firstWait)
		}
		l.notBefore = now.Add(wait)
	} else {
		l.owed.remove(r.batch)
		l.proceed()
		if next := l.owed.next(); len(r.batch) > 0 && len(next) > 0 && next[0].severity != r.batch[0].severity {
			l.notBefore = now.Add(settle)
		}
	}
	if l.up {
		l.success, l.skew = now, out.skew
		l.n.metrics.sent.WithLabelValues(l.name).Add(float64(len(r.batch)))
	}
	if r.client != l.target.client {
		closeIdle(r.client)
	}
}

// settle is how long Alertmanager is given, between alerts of two severities, until
// what it accepted inhibits others: it takes them in and inhibits them side by side,
// and may notify within the millisecond.
const settle = 250 * time.Millisecond

// proceed ends waiting for another try.
func (l *loop) proceed() { l.failures, l.notBefore, l.toldToWait = 0, time.Time{}, false }

// backoff is how long to wait after that many failures in a row.
func backoff(failures int) time.Duration {
	if failures > 5 {
		return lastWait
	}
	return firstWait << (failures - 1)
}

// report logs when requests begin to fail, and when that ends.
func (l *loop) report(out result) {
	failing := out.verdict != accepted
	if _, changed := l.failing.Set(failing); !changed {
		return
	}
	if failing {
		level.Error(l.logger).Log("msg", "Alertmanager does not accept alerts", "err", out.why)
		return
	}
	level.Info(l.logger).Log("msg", "Alertmanager accepts alerts again")
}

func (l *loop) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.wake:
	case <-ctx.Done():
	}
}

// stir has the loop look again at what there is to do.
func (l *loop) stir() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func closeIdle(rt http.RoundTripper) {
	if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
