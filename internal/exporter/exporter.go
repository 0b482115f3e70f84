// Package exporter is the running exporter: the configuration in use, the sources
// made from it, their alerting, and atomic reloads (exporter.go); how the last reload went, as
// metrics and for the status page (reloads.go).
package exporter

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// Factory makes the client of one session API from its configuration. It sends
// no request; its error names the file or key that is wrong.
type Factory func(config.Source) (session.Source, error)

// Options say what the exporter runs on.
type Options struct {
	Name      string // of the configuration, for logs
	Load      func() (*config.Config, error)
	Factories map[session.API]Factory
	Now       func() time.Time
	Logger    log.Logger

	Alerting alerting.Options // what it has of the above is taken from there
}

// Exporter is a running exporter. It is safe for concurrent use.
type Exporter struct {
	opt      Options
	reloads  *reloads
	alerting *alerting.Alerting

	mu      sync.Mutex // one reload at a time
	current atomic.Pointer[generation]
	retired []*collector.Source // removed, perhaps with a refresh under way
}

// generation is what one configuration made.
type generation struct {
	config    *config.Config
	sources   []alerting.Source // in the configuration's order
	collector *collector.Collector
	alert     func() // puts its alerting into force
}

// New loads the configuration and makes its sources.
func New(opt Options) (*Exporter, error) {
	e := &Exporter{opt: opt, reloads: newReloads()}
	opt.Alerting.Now, opt.Alerting.Logger = opt.Now, opt.Logger
	e.alerting = alerting.New(opt.Alerting)
	g, err := e.load(nil)
	if err != nil {
		return nil, err
	}
	g.alert()
	e.current.Store(g)
	e.reloads.succeeded(opt.Now())
	return e, nil
}

// Collector returns the collector of the configuration in force.
func (e *Exporter) Collector() *collector.Collector { return e.current.Load().collector }

// Config returns the configuration in force.
func (e *Exporter) Config() *config.Config { return e.current.Load().config }

// Firing lists the alerts that fire.
func (e *Exporter) Firing() []detection.Firing { return e.alerting.Firing() }

// LastReload returns when the configuration in force was loaded, and the error
// of the last reload if that failed.
func (e *Exporter) LastReload() (time.Time, error) { return e.reloads.last() }

// Reload reads the configuration again. Sources whose own configuration did not
// change go on with all they have; on error everything does.
func (e *Exporter) Reload() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.current.Load()
	next, err := e.load(old)
	if err != nil {
		e.reloads.failed(err)
		level.Error(e.opt.Logger).Log("msg", "Reload failed; keeping the current configuration", "file", e.opt.Name, "err", err)
		return err
	}
	next.alert()
	e.current.Store(next)
	e.reloads.succeeded(e.opt.Now())
	e.retired = slices.DeleteFunc(e.retired, (*collector.Source).Idle)
	for _, s := range old.without(next) {
		s.Retire()
		e.retired = append(e.retired, s)
	}
	level.Info(e.opt.Logger).Log("msg", "Configuration reloaded", "file", e.opt.Name, "sources", len(next.config.Sources))
	return nil
}

// load reads the file and makes the sources that old does not have as they are
// wanted.
func (e *Exporter) load(old *generation) (*generation, error) {
	c, err := e.opt.Load()
	if err != nil {
		return nil, err
	}
	warnings, err := c.CheckFiles()
	if err != nil {
		return nil, err
	}
	kept := old.unchanged(c)
	next := &generation{config: c}
	var made []*collector.Source
	var mistakes config.Errors
	for _, sc := range c.Sources {
		s, ok := kept[sc.Name]
		if !ok {
			if s, err = e.source(sc, c); err != nil {
				mistakes = append(mistakes, c.Blame(sc, err))
				continue
			}
			made = append(made, s.Collector)
		}
		s.Config = sc
		next.sources = append(next.sources, s)
	}
	if len(mistakes) > 0 {
		err = mistakes
	} else {
		next.alert, err = e.alerting.Prepare(c, next.sources)
	}
	if err != nil {
		for _, m := range made {
			m.Close()
		}
		return nil, err
	}
	// From here on nothing fails: what is kept may change.
	for _, s := range kept {
		s.Collector.SetGrouping(c.Grouping)
	}
	for _, w := range append(c.Warnings(), warnings...) {
		level.Warn(e.opt.Logger).Log("msg", "Configuration warning", "warning", w)
	}
	next.collect()
	return next, nil
}

// collect makes the collector of the sources.
func (g *generation) collect() {
	all := make([]*collector.Source, len(g.sources))
	for i, s := range g.sources {
		all[i] = s.Collector
	}
	g.collector = collector.New(all...)
}

// without lists the sources that next does not use.
func (g *generation) without(next *generation) (gone []*collector.Source) {
	for _, s := range g.collector.Sources() {
		if !slices.Contains(next.collector.Sources(), s) {
			gone = append(gone, s)
		}
	}
	return gone
}

// unchanged returns the sources of g whose own configuration is the same in c, by name.
func (g *generation) unchanged(c *config.Config) map[string]alerting.Source {
	kept := map[string]alerting.Source{}
	if g == nil {
		return kept
	}
	wanted := map[string]string{}
	for _, s := range c.Sources {
		wanted[s.Name] = s.Fingerprint()
	}
	for _, s := range g.sources {
		if wanted[s.Config.Name] == s.Config.Fingerprint() {
			kept[s.Config.Name] = s
		}
	}
	return kept
}

func (e *Exporter) source(sc config.Source, c *config.Config) (alerting.Source, error) {
	make, ok := e.opt.Factories[sc.API]
	if !ok {
		return alerting.Source{}, fmt.Errorf("api %q is not supported", sc.API)
	}
	src, err := make(sc)
	if err != nil {
		return alerting.Source{}, err
	}
	watch := &alerting.Watch{}
	return alerting.Source{Config: sc, Watch: watch, Collector: collector.NewSource(src, collector.Options{
		Name: sc.Name, API: sc.API,
		Timeout: sc.Timeout, MinInterval: sc.MinInterval, ProbeOnly: sc.ProbeOnly,
		Grouping: c.Grouping,
		Observer: watch,
		Now:      e.opt.Now, Logger: e.opt.Logger,
	})}, nil
}

// Close ends refreshes under way, delivers the alerts that wait, for up to 5 seconds,
// and releases all connections.
func (e *Exporter) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alerting.Stop(context.Background())
	e.current.Load().collector.Close()
	for _, s := range e.retired {
		s.Close()
	}
}
