// Package exporter is the running exporter: the configuration in use, the sources
// made from it, and atomic reloads (exporter.go); how the last reload went, as
// metrics and for the status page (reloads.go).
package exporter

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
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
	Observer  collector.Observer // of all sources; may be nil
	Now       func() time.Time
	Logger    log.Logger
}

// Exporter is a running exporter. It is safe for concurrent use.
type Exporter struct {
	opt     Options
	reloads *reloads

	mu      sync.Mutex // one reload at a time
	current atomic.Pointer[generation]
	retired []*collector.Source // removed, perhaps with a refresh under way
}

// generation is what one configuration made.
type generation struct {
	config    *config.Config
	collector *collector.Collector
}

// New loads the configuration and makes its sources.
func New(opt Options) (*Exporter, error) {
	e := &Exporter{opt: opt, reloads: newReloads()}
	g, _, err := e.load(nil)
	if err != nil {
		return nil, err
	}
	e.current.Store(g)
	e.reloads.succeeded(opt.Now())
	return e, nil
}

// Collector returns the collector of the configuration in force.
func (e *Exporter) Collector() *collector.Collector { return e.current.Load().collector }

// Config returns the configuration in force.
func (e *Exporter) Config() *config.Config { return e.current.Load().config }

// LastReload returns when the configuration in force was loaded, and the error
// of the last reload if that failed.
func (e *Exporter) LastReload() (time.Time, error) { return e.reloads.last() }

// Reload reads the configuration again. Sources whose own configuration did not
// change go on with all they have; on error everything does.
func (e *Exporter) Reload() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	next, gone, err := e.load(e.current.Load())
	if err != nil {
		e.reloads.failed(err)
		level.Error(e.opt.Logger).Log("msg", "Reload failed; keeping the current configuration", "file", e.opt.Name, "err", err)
		return err
	}
	e.current.Store(next)
	e.reloads.succeeded(e.opt.Now())
	e.retired = slices.DeleteFunc(e.retired, (*collector.Source).Idle)
	for _, s := range gone {
		s.Retire()
		e.retired = append(e.retired, s)
	}
	level.Info(e.opt.Logger).Log("msg", "Configuration reloaded", "file", e.opt.Name, "sources", len(next.config.Sources))
	return nil
}

// load reads the file and makes the sources that old does not have as they are
// wanted. gone are those of old that are not used any more.
func (e *Exporter) load(old *generation) (next *generation, gone []*collector.Source, err error) {
	c, err := e.opt.Load()
	if err != nil {
		return nil, nil, err
	}
	warnings, err := c.CheckFiles()
	if err != nil {
		return nil, nil, err
	}
	kept := old.unchanged(c)
	var sources, made []*collector.Source
	var mistakes config.Errors
	for _, sc := range c.Sources {
		s := kept[sc.Name]
		if s == nil {
			if s, err = e.source(sc, c); err != nil {
				mistakes = append(mistakes, c.Blame(sc, err))
				continue
			}
			made = append(made, s)
		}
		sources = append(sources, s)
	}
	if len(mistakes) > 0 {
		for _, m := range made {
			m.Close()
		}
		return nil, nil, mistakes
	}
	// From here on nothing fails: what is kept may change.
	for _, s := range kept {
		s.SetGrouping(c.Grouping)
	}
	for _, w := range append(c.Warnings(), warnings...) {
		level.Warn(e.opt.Logger).Log("msg", "Configuration warning", "warning", w)
	}
	if old != nil {
		for _, s := range old.collector.Sources() {
			if kept[s.Name()] == nil {
				gone = append(gone, s)
			}
		}
	}
	return &generation{config: c, collector: collector.New(sources...)}, gone, nil
}

// unchanged returns the sources of g whose own configuration is the same in c.
func (g *generation) unchanged(c *config.Config) map[string]*collector.Source {
	kept := map[string]*collector.Source{}
	if g == nil {
		return kept
	}
	was := map[string]string{}
	for _, s := range g.config.Sources {
		was[s.Name] = s.Fingerprint()
	}
	for _, s := range c.Sources {
		if was[s.Name] == s.Fingerprint() {
			kept[s.Name] = g.collector.Source(s.Name)
		}
	}
	return kept
}

func (e *Exporter) source(sc config.Source, c *config.Config) (*collector.Source, error) {
	make, ok := e.opt.Factories[sc.API]
	if !ok {
		return nil, fmt.Errorf("api %q is not supported", sc.API)
	}
	src, err := make(sc)
	if err != nil {
		return nil, err
	}
	return collector.NewSource(src, collector.Options{
		Name: sc.Name, API: sc.API,
		Timeout: sc.Timeout, MinInterval: sc.MinInterval, ProbeOnly: sc.ProbeOnly,
		Grouping: c.Grouping,
		Observer: e.opt.Observer,
		Now:      e.opt.Now, Logger: e.opt.Logger,
	}), nil
}

// Close ends refreshes under way and releases all connections.
func (e *Exporter) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current.Load().collector.Close()
	for _, s := range e.retired {
		s.Close()
	}
}
