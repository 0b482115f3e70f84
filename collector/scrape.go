package collector

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Collector holds the sources. It is safe for concurrent use.
type Collector struct{ sources []*Source }

// New makes a Collector of sources with distinct names.
func New(sources ...*Source) *Collector { return &Collector{sources: sources} }

// Sources returns the sources in the configuration's order.
func (c *Collector) Sources() []*Source { return c.sources }

// Scrape is one scrape of some sources: a prometheus.Gatherer that gathers once.
type Scrape struct {
	ctx      context.Context
	allowed  time.Duration
	sources  []*Source
	outcomes []outcome
}

// Scrape prepares a scrape. Its Gather refreshes the sources named, or without names
// all that are not probe-only, concurrently, and answers within allowed, or the
// sources' own timeouts where that is 0. A name that does not exist is an error.
func (c *Collector) Scrape(ctx context.Context, allowed time.Duration, names ...string) (*Scrape, error) {
	sc := &Scrape{ctx: ctx, allowed: allowed}
	for _, s := range c.sources {
		if len(names) == 0 && !s.opt.ProbeOnly {
			sc.sources = append(sc.sources, s)
		}
	}
	for _, n := range names {
		s := c.Source(n)
		if s == nil {
			return nil, fmt.Errorf("no source is named %q", n)
		}
		if !slices.Contains(sc.sources, s) {
			sc.sources = append(sc.sources, s)
		}
	}
	return sc, nil
}

// Source returns the source of a name, or nil.
func (c *Collector) Source(name string) *Source {
	for _, s := range c.sources {
		if s.opt.Name == name {
			return s
		}
	}
	return nil
}

// Close ends refreshes under way and releases the sources' connections.
func (c *Collector) Close() {
	for _, s := range c.sources {
		s.Close()
	}
}

// Gather refreshes the sources, and returns the metrics.
func (sc *Scrape) Gather() ([]*dto.MetricFamily, error) {
	sc.outcomes = make([]outcome, len(sc.sources))
	var wg sync.WaitGroup
	for i, s := range sc.sources {
		wg.Go(func() { sc.outcomes[i] = s.scrape(sc.ctx, sc.allowed) })
	}
	wg.Wait()
	reg := prometheus.NewPedanticRegistry()
	for i, s := range sc.sources {
		labels := prometheus.Labels{"source": s.opt.Name, "api": string(s.opt.API)}
		wrapped := prometheus.WrapRegistererWith(labels, reg)
		for _, c := range append(s.count.collectors(s.opt.facts), &exposition{s: s, out: sc.outcomes[i]}) {
			if err := wrapped.Register(c); err != nil {
				return nil, err
			}
		}
	}
	return reg.Gather()
}

// Statuses returns how each source fared in the scrape, after its Gather.
func (sc *Scrape) Statuses() []Status {
	var all []Status
	for i, s := range sc.sources {
		_, success := s.health.last()
		all = append(all, s.status(&sc.outcomes[i], success))
	}
	return all
}
