// Package notify delivers alerts to Alertmanagers. Each has a loop of its own and
// is owed the latest state of each alert, until it accepts it or nobody needs it
// any more: what waits is bounded by the number of alerts, not by time. Who finds
// alerts sends their states again from time to time; so nothing is written down,
// and an Alertmanager that was away learns what fires.
//
// The API: https://prometheus.io/docs/alerting/latest/alerts_api/
package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/logging"
)

// Options say what a Notifier runs on.
type Options struct {
	UserAgent string
	Now       func() time.Time // our clock; time.Now where nil
	Logger    log.Logger       // nil logs nothing
	// Transport makes what sends requests to an Alertmanager, one after the other.
	// It must follow no redirect, and its errors are logged. Where nil, it is made
	// of the Alertmanager's HTTP configuration.
	Transport func(Alertmanager) (http.RoundTripper, error)
}

// Config says where alerts go.
type Config struct {
	Alertmanagers []Alertmanager // none: nothing is sent
	// ResendDelay is how long an Alertmanager hears nothing before it gets a
	// request without alerts.
	ResendDelay time.Duration
}

// Alertmanager is one Alertmanager.
type Alertmanager struct {
	URL     string // scheme, host, optional port and path
	Timeout time.Duration
	HTTP    promconfig.HTTPClientConfig
}

// Notifier delivers alerts. It is a prometheus.Collector of the Alertmanagers'
// metrics, and safe for concurrent use.
type Notifier struct {
	opt     Options
	metrics *metrics
	large   logging.State[bool] // the last states had one that can't be sent

	changing sync.Mutex // one change of the loops at a time

	mu          sync.Mutex // never held while something is sent
	resendDelay time.Duration
	loops       map[string]*loop  // by name
	current     map[string]*state // what a new Alertmanager is told
	forget      *time.Timer       // runs while current has something
	stopped     bool
}

// New returns a Notifier that delivers to nobody yet.
func New(opt Options) *Notifier {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = log.NewNopLogger()
	}
	return &Notifier{opt: opt, metrics: newMetrics(), loops: map[string]*loop{}, current: map[string]*state{}}
}

// Prepare makes a configuration ready. It changes nothing; apply, which can't fail,
// puts it into force. Then a new Alertmanager gets all alerts, one that is gone
// nothing more, and one that stays has all that it had.
func (n *Notifier) Prepare(c Config) (apply func(), err error) {
	targets := map[string]target{}
	for _, a := range c.Alertmanagers {
		addr, err := parseURL(a.URL)
		if err != nil {
			return nil, err
		}
		if _, ok := targets[addr.name]; ok {
			return nil, fmt.Errorf("alertmanager %s is there twice", addr.name)
		}
		if a.Timeout <= 0 {
			return nil, errors.New("an Alertmanager needs a timeout")
		}
		client, err := n.client(a, addr.name)
		if err != nil {
			return nil, fmt.Errorf("alertmanager %s: %w", addr.name, err)
		}
		targets[addr.name] = target{config: a, address: addr, client: client}
	}
	if c.ResendDelay <= 0 {
		return nil, errors.New("alerts need a resend delay")
	}
	return func() { n.apply(targets, c.ResendDelay) }, nil
}

// Update puts a configuration into force; on error it changes nothing.
func (n *Notifier) Update(c Config) error {
	apply, err := n.Prepare(c)
	if err == nil {
		apply()
	}
	return err
}

func (n *Notifier) client(a Alertmanager, name string) (http.RoundTripper, error) {
	if n.opt.Transport != nil {
		return n.opt.Transport(a)
	}
	d, err := httpclient.NewDirect(httpclient.Config{HTTP: a.HTTP, UserAgent: n.opt.UserAgent, Now: n.opt.Now})
	if err != nil {
		return nil, err
	}
	d.Token = func(status int, took time.Duration) { n.metrics.request(name, status, took) }
	return d, nil
}

func (n *Notifier) apply(targets map[string]target, resendDelay time.Duration) {
	n.changing.Lock()
	defer n.changing.Unlock()
	n.removeOthers(targets)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return
	}
	n.resendDelay = resendDelay
	n.prune()
	for name, t := range targets {
		if l := n.loops[name]; l != nil {
			l.change(t)
			continue
		}
		n.metrics.add(name)
		l := n.newLoop(t)
		for _, key := range slices.Sorted(maps.Keys(n.current)) {
			l.owed.put(n.current[key])
		}
		n.loops[name] = l
	}
}

// change gives a loop another configuration, which is tried at once.
func (l *loop) change(t target) {
	if !reflect.DeepEqual(l.target.config, t.config) {
		closeIdle(l.target.client)
		l.target, l.began = t, time.Time{}
		l.proceed()
	}
	l.stir()
}

// removeOthers ends the loops without a target, and waits until they have ended.
func (n *Notifier) removeOthers(targets map[string]target) {
	n.mu.Lock()
	var gone []*loop
	for name, l := range n.loops {
		if _, ok := targets[name]; !ok {
			gone = append(gone, l)
			delete(n.loops, name)
		}
	}
	n.mu.Unlock()
	for _, l := range gone {
		l.cancel()
		<-l.done
		closeIdle(l.target.client)
		n.metrics.remove(l.name)
	}
}

// Send hands over the state of alerts, and returns at once.
func (n *Notifier) Send(alerts []Alert) {
	if len(alerts) == 0 {
		return
	}
	now := n.opt.Now()
	states := make([]*state, 0, len(alerts))
	for _, a := range alerts {
		if s, err := encode(a, now); err == nil && len(s.body) <= maxBytes-len("[]") {
			states = append(states, s)
		}
	}
	if _, changed := n.large.Set(len(states) < len(alerts)); changed && len(states) < len(alerts) {
		level.Error(n.opt.Logger).Log("msg", "Alerts not sent: too large for a request, or with an impossible time", "alerts", len(alerts)-len(states))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return
	}
	for _, s := range states {
		n.current[s.key] = s
		for _, l := range n.loops {
			l.owed.put(s)
		}
	}
	n.prune()
	for _, l := range n.loops {
		l.stir()
	}
}

// forgetEvery is how often it is looked for what is over: names must not stay in
// memory only because nothing happens.
const forgetEvery = time.Minute

// prune forgets what is over, now and from time to time. n.mu is held.
func (n *Notifier) prune() {
	now := n.opt.Now()
	maps.DeleteFunc(n.current, func(_ string, s *state) bool { return s.over(now) })
	for _, l := range n.loops {
		l.owed.prune(now)
	}
	if n.forget == nil && len(n.current) > 0 {
		n.forget = time.AfterFunc(forgetEvery, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.forget = nil; !n.stopped {
				n.prune()
			}
		})
	}
}

// Accepting reports whether an Alertmanager accepted its last request.
func (n *Notifier) Accepting() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.loops {
		if l.up {
			return true
		}
	}
	return false
}

// Known reports whether Accepting says what is: not where none accepts and one has
// not been asked yet.
func (n *Notifier) Known() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := true
	for _, l := range n.loops {
		if l.up {
			return true
		}
		known = known && l.asked
	}
	return known
}

// stopTime is how long Stop delivers what waits.
const stopTime = 5 * time.Second

// Stop delivers what waits, until ctx ends or for 5 seconds, and resolves nothing.
// What is sent afterwards is lost.
func (n *Notifier) Stop(ctx context.Context) {
	n.changing.Lock()
	defer n.changing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	loops := n.stopLoops()
	for _, l := range loops {
		select {
		case <-l.done:
		case <-ctx.Done():
		}
	}
	for _, l := range loops {
		l.cancel()
		<-l.done
		closeIdle(l.target.client)
		if lost := len(l.owed.order); lost > 0 {
			level.Warn(l.logger).Log("msg", "Stopping with alerts that were not delivered", "alerts", lost)
		}
	}
}

// stopLoops has all loops end when nothing is owed, and returns them.
func (n *Notifier) stopLoops() []*loop {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	clear(n.current)
	if n.forget != nil {
		n.forget.Stop()
	}
	loops := slices.Collect(maps.Values(n.loops))
	for _, l := range loops {
		l.stopping = true
		if !l.toldToWait {
			l.proceed()
		}
		l.cancelEmpty()
		l.stir()
	}
	return loops
}
