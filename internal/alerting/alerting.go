// Package alerting joins the sources, detections and Alertmanagers: it is told what
// refreshes come to, has a detection.Engine for each source judge them, and hands
// what the engines say to a notify.Notifier. By file:
//
//	alerting.go  what there is; the end
//	reload.go    how a configuration comes into force, or goes
//	watch.go     the collector's observer of one source
//	judge.go     one source: its engine, and what it said last
//	loop.go      what happens by itself: time passes, sources are asked
//	send.go      alerts as Alertmanagers get them
//	metrics.go   what is said of all that on /metrics
//
// No scrape waits for any of it. Where the configuration has no alerting, there is
// nothing: no loop, no engine, and no identity is asked for.
package alerting

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/notify"
)

// Options say what alerting runs on.
type Options struct {
	UserAgent   string
	ExternalURL string // where this exporter is reached, without a slash at its end; "": unknown
	Now         func() time.Time
	// Transport is notify's, for tests.
	Transport func(notify.Alertmanager) (http.RoundTripper, error)
	// Ticks starts what says when to look for what is due; where nil often enough
	// for the shortest interval and a quarter.
	Ticks  func() (ticks <-chan time.Time, stop func())
	Logger log.Logger
}

// Alerting is told of refreshes, and alerts. It is safe for concurrent use.
type Alerting struct {
	opt      Options
	families *families

	changing sync.Mutex // one change at a time

	mu      sync.Mutex // never held while a snapshot is judged or something is sent
	now     *inForce   // nil: the configuration has no alerting
	stopped bool
}

// inForce is what one configuration with alerting, and those that followed it, made.
type inForce struct {
	notifier *notify.Notifier
	settings *config.Alerting
	judges   map[string]*judge // by source; closed ones have still something to tell
	watches  []*Watch          // that are told to a judge

	end  context.CancelFunc // of the loop
	done chan struct{}      // closed when it has ended
}

// New returns an Alerting without a configuration.
func New(opt Options) *Alerting {
	if opt.Ticks == nil {
		opt.Ticks = eachQuarterSecond
	}
	return &Alerting{opt: opt, families: newFamilies()}
}

func eachQuarterSecond() (ticks <-chan time.Time, stop func()) {
	t := time.NewTicker(time.Second / 4)
	return t.C, t.Stop
}

// inForce returns what is in force; nil: the configuration has no alerting.
func (a *Alerting) inForce() *inForce {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// all lists the judges, by source.
func (a *Alerting) all() (judges []*judge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.now.judges)) {
		judges = append(judges, a.now.judges[name])
	}
	return judges
}

// Firing lists what fires, by source. It names nobody.
func (a *Alerting) Firing() (all []detection.Firing) {
	for _, j := range a.all() {
		all = append(all, j.engine.Firing()...)
	}
	return all
}

// Stop delivers what waits, until ctx ends or for 5 seconds, and resolves nothing.
// Nothing comes into force afterwards.
func (a *Alerting) Stop(ctx context.Context) {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.stopped = true
	if f := a.inForce(); f != nil {
		f.stopLoop()
		f.notifier.Stop(ctx)
	}
}

func (f *inForce) stopLoop() {
	f.end()
	<-f.done
}
