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

// Pull returns a Gatherer for one pull. Its Gather scrapes the sources named,
// or without names all that are not probe-only, concurrently, and answers
// within allowed, or the sources' own timeouts where that is 0. A name that
// does not exist is an error.
func (c *Collector) Pull(ctx context.Context, allowed time.Duration, names ...string) (prometheus.Gatherer, error) {
	var chosen []*Source
	for _, s := range c.sources {
		if len(names) == 0 && !s.opt.ProbeOnly {
			chosen = append(chosen, s)
		}
	}
	for _, n := range names {
		s := c.Source(n)
		if s == nil {
			return nil, fmt.Errorf("no source is named %q", n)
		}
		if !slices.Contains(chosen, s) {
			chosen = append(chosen, s)
		}
	}
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return gather(ctx, allowed, chosen)
	}), nil
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

func gather(ctx context.Context, allowed time.Duration, sources []*Source) ([]*dto.MetricFamily, error) {
	outcomes := make([]outcome, len(sources))
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() { outcomes[i] = s.scrape(ctx, allowed) })
	}
	wg.Wait()
	reg := prometheus.NewPedanticRegistry()
	for i, s := range sources {
		labels := prometheus.Labels{"source": s.opt.Name, "api": string(s.opt.API)}
		wrapped := prometheus.WrapRegistererWith(labels, reg)
		for _, c := range append(s.count.collectors(s.opt.API), &exposition{s: s, out: outcomes[i]}) {
			if err := wrapped.Register(c); err != nil {
				return nil, err
			}
		}
	}
	return reg.Gather()
}
