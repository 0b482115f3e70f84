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

// Pull is one pull of some sources. It is a prometheus.Gatherer for one Gather.
type Pull struct {
	ctx      context.Context
	allowed  time.Duration
	sources  []*Source
	outcomes []outcome
}

// Pull prepares a pull. Its Gather scrapes the sources named, or without names
// all that are not probe-only, concurrently, and answers within allowed, or the
// sources' own timeouts where that is 0. A name that does not exist is an error.
func (c *Collector) Pull(ctx context.Context, allowed time.Duration, names ...string) (*Pull, error) {
	p := &Pull{ctx: ctx, allowed: allowed}
	for _, s := range c.sources {
		if len(names) == 0 && !s.opt.ProbeOnly {
			p.sources = append(p.sources, s)
		}
	}
	for _, n := range names {
		s := c.Source(n)
		if s == nil {
			return nil, fmt.Errorf("no source is named %q", n)
		}
		if !slices.Contains(p.sources, s) {
			p.sources = append(p.sources, s)
		}
	}
	return p, nil
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

// Close ends scrapes under way and releases the sources' connections.
func (c *Collector) Close() {
	for _, s := range c.sources {
		s.Close()
	}
}

// Gather scrapes, and returns the metrics.
func (p *Pull) Gather() ([]*dto.MetricFamily, error) {
	p.outcomes = make([]outcome, len(p.sources))
	var wg sync.WaitGroup
	for i, s := range p.sources {
		wg.Go(func() { p.outcomes[i] = s.scrape(p.ctx, p.allowed) })
	}
	wg.Wait()
	reg := prometheus.NewPedanticRegistry()
	for i, s := range p.sources {
		labels := prometheus.Labels{"source": s.opt.Name, "api": string(s.opt.API)}
		wrapped := prometheus.WrapRegistererWith(labels, reg)
		for _, c := range append(s.count.collectors(s.opt.facts), &exposition{s: s, out: p.outcomes[i]}) {
			if err := wrapped.Register(c); err != nil {
				return nil, err
			}
		}
	}
	return reg.Gather()
}

// Statuses tells what the scrapes of the pull came to, after its Gather.
func (p *Pull) Statuses() []Status {
	var all []Status
	for i, s := range p.sources {
		_, success := s.health.last()
		all = append(all, s.status(&p.outcomes[i], success))
	}
	return all
}
