package alerting

import (
	"context"
	"maps"
	"slices"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/notify"
)

// Source is a source of a configuration.
type Source struct {
	Config    config.Source
	Collector *collector.Source
	Watch     *Watch // its observer
}

// Prepare makes a configuration with its sources ready. It changes nothing; apply,
// which can't fail, puts it into force: then what is not configured any more, or is
// excepted, is resolved.
func (a *Alerting) Prepare(c *config.Config, sources []Source) (apply func(), err error) {
	if c.Alerting == nil {
		return a.remove, nil
	}
	key, err := config.ReadKey(c.Alerting.KeyFile)
	if err != nil {
		return nil, err
	}
	var seats []seat
	for _, s := range sources {
		if settings := c.Detection(s.Config, key, a.opt.ExternalURL); settings != nil {
			of := detection.Source{Name: s.Config.Name, API: s.Config.API, Facts: s.Collector.Facts()}
			seats = append(seats, seat{s, of, settings})
		}
	}
	var notifier *notify.Notifier
	if f := a.inForce(); f != nil {
		notifier = f.notifier
	} else {
		notifier = notify.New(notify.Options{UserAgent: a.opt.UserAgent, Now: a.opt.Now, Logger: a.opt.Logger, Transport: a.opt.Transport})
	}
	deliver, err := notifier.Prepare(deliveryOf(c.Alerting))
	if err != nil {
		return nil, err
	}
	return func() { a.apply(c.Alerting, seats, notifier, deliver) }, nil
}

// Check reports what is wrong with the alerting of a configuration but for its
// syntax. It sends nothing.
func Check(c *config.Config) error {
	_, err := New(Options{}).Prepare(c, nil)
	return err
}

func deliveryOf(c *config.Alerting) notify.Config {
	out := notify.Config{ResendDelay: c.ResendDelay}
	for _, m := range c.Alertmanagers {
		out.Alertmanagers = append(out.Alertmanagers, notify.Alertmanager{URL: m.URL, Timeout: m.Timeout, HTTP: m.HTTP})
	}
	return out
}

// apply puts a configuration into force.
func (a *Alerting) apply(c *config.Alerting, seats []seat, notifier *notify.Notifier, deliver func()) {
	a.changing.Lock()
	defer a.changing.Unlock()
	if a.stopped {
		return
	}
	f := a.inForce()
	begins := f == nil
	if begins {
		f = &inForce{notifier: notifier, done: make(chan struct{})}
	}
	// The engines first: no new Alertmanager gets what has changed.
	judges := a.seat(f, seats)
	deliver()
	a.mu.Lock()
	f.settings, f.judges, a.now = c, judges, f
	a.mu.Unlock()
	f.tell(seats, judges)
	if begins {
		ctx, cancel := context.WithCancel(context.Background())
		f.end = cancel
		go a.run(ctx, f)
	}
}

// seat makes or changes the judges, and closes those without a source.
func (a *Alerting) seat(f *inForce, seats []seat) map[string]*judge {
	a.mu.Lock()
	left := maps.Clone(f.judges)
	a.mu.Unlock()
	judges := make(map[string]*judge, len(seats))
	for _, s := range seats {
		j := left[s.of.Name]
		if j == nil {
			j = newJudge(s, a.opt.Now, sender(f.notifier))
		} else {
			j.sit(s)
		}
		judges[s.of.Name] = j
		delete(left, s.of.Name)
	}
	for name, j := range left {
		j.close()
		judges[name] = j
	}
	return judges
}

// tell has the judges told of their sources, and nobody of any other.
func (f *inForce) tell(seats []seat, judges map[string]*judge) {
	var watches []*Watch
	for _, s := range seats {
		s.Watch.judge.Store(judges[s.of.Name])
		watches = append(watches, s.Watch)
	}
	for _, w := range f.watches {
		if !slices.Contains(watches, w) {
			w.judge.Store(nil)
		}
	}
	f.watches = watches
}

// remove ends alerting: its Alertmanagers are not configured any more, and hear
// nothing more.
func (a *Alerting) remove() {
	a.changing.Lock()
	defer a.changing.Unlock()
	f := a.inForce()
	if f == nil {
		return
	}
	f.tell(nil, nil)
	f.stopLoop()
	a.mu.Lock()
	a.now = nil
	a.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.notifier.Stop(ctx)
}

// settingsOf returns the settings in force.
func (a *Alerting) settingsOf(f *inForce) *config.Alerting {
	a.mu.Lock()
	defer a.mu.Unlock()
	return f.settings
}

// forget drops a judge that has nothing to tell any more, unless its source is back.
func (a *Alerting) forget(f *inForce, j *judge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(f.judges, func(_ string, other *judge) bool { return other == j && j.over() })
}
