package alerting

import (
	"context"
	"sync"

	"iam_session_exporter/internal/logging"
)

// run does what is due, and looks again at each tick, until ctx ends.
func (a *Alerting) run(ctx context.Context, f *inForce) {
	defer close(f.done)
	ticks, stop := a.opt.Ticks()
	defer stop()
	var asking sync.WaitGroup
	defer asking.Wait()
	for {
		a.look(ctx, f, &asking)
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// look sends what is due, and asks the sources that nobody has asked for long.
func (a *Alerting) look(ctx context.Context, f *inForce, asking *sync.WaitGroup) {
	defer a.survive()
	interval := a.settingsOf(f).Interval
	for _, j := range a.all() {
		if !j.tick() {
			a.forget(f, j)
			continue
		}
		s, quiet := j.quiet(interval)
		if !quiet || !s.Watch.asking.CompareAndSwap(false, true) {
			continue
		}
		asking.Go(func() {
			defer s.Watch.asking.Store(false)
			_ = s.Collector.Refresh(ctx) // the collector logs it, and tells the watch
		})
	}
}

// survive ends a panic, which costs alerts, not the process.
func (a *Alerting) survive() {
	if p := recover(); p != nil {
		logging.Bug(a.opt.Logger, "alerting panicked", p)
	}
}
