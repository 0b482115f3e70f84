package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/recording"
	"iam_session_exporter/internal/session"
)

// Recording says what is recorded.
type Recording struct {
	Output    string
	For       time.Duration
	Sources   []string // none: all
	Factories map[session.API]exporter.Factory
	Logger    log.Logger
}

// Run asks sources at the interval of alerting, and appends what they answer to a
// file, until the time is over or ctx ends. No alert is made.
func (r *Recording) Run(ctx context.Context, c *config.Config) error {
	key, err := keyOf(c)
	if err != nil {
		return err
	}
	if err := r.check(c); err != nil {
		return err
	}
	out, cut, err := recording.Append(r.Output)
	if err != nil {
		return err
	}
	if cut {
		level.Warn(r.Logger).Log("msg", "The last line of the file is cut off; the recording goes on after it, and replay will name it: remove it then", "file", r.Output)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	told := func(l *recording.Line, err error) {
		if err != nil {
			stop(fmt.Errorf("the recording can't be written: %w", err))
			return
		}
		r.progress(l)
	}
	// Where addresses are does not depend on the source.
	rec := recording.NewRecorder(out, key, c.Detection(config.Source{}, key, "").Locate, told)
	sources, err := r.sources(c, rec)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	err = r.run(ctx, sources, c.Alerting.Interval)
	rec.Close()
	for _, s := range sources {
		s.Close()
	}
	return errors.Join(err, out.Close())
}

// sources makes those that are recorded.
func (r *Recording) sources(c *config.Config, rec *recording.Recorder) (all []*collector.Source, err error) {
	if _, err := c.CheckFiles(); err != nil {
		return nil, err
	}
	for _, sc := range c.Sources {
		if len(r.Sources) > 0 && !slices.Contains(r.Sources, sc.Name) {
			continue
		}
		src, err := r.Factories[sc.API](sc)
		if err != nil {
			for _, s := range all {
				s.Close()
			}
			return nil, c.Blame(sc, err)
		}
		all = append(all, collector.NewSource(src, collector.Options{
			Name: sc.Name, API: sc.API, Timeout: sc.Timeout, MinInterval: sc.MinInterval, Grouping: c.Grouping,
			Observer: rec, Now: time.Now, Logger: r.Logger,
		}))
	}
	return all, nil
}

func (r *Recording) check(c *config.Config) error {
	if r.For <= 0 {
		return fmt.Errorf("--for: %s is not a time to record; write 24h, say", r.For)
	}
	var known []string
	for _, s := range c.Sources {
		known = append(known, s.Name)
	}
	for _, name := range r.Sources {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--source: %q is not a source; there are %q", name, known)
		}
	}
	return nil
}

// run asks the sources until the time is over.
func (r *Recording) run(ctx context.Context, sources []*collector.Source, interval time.Duration) error {
	end, cancel := context.WithTimeout(ctx, r.For)
	defer cancel()
	level.Info(r.Logger).Log("msg", "Recording", "file", r.Output, "interval", interval, "for", r.For)
	var asking sync.WaitGroup
	for _, s := range sources {
		asking.Go(func() { ask(end, s, interval) })
	}
	asking.Wait()
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		return context.Cause(ctx)
	}
	level.Info(r.Logger).Log("msg", "Recording ended", "file", r.Output)
	return nil
}

// ask refreshes a source at an interval.
func ask(ctx context.Context, s *collector.Source, interval time.Duration) {
	next := time.NewTicker(interval)
	defer next.Stop()
	for {
		_ = s.Refresh(ctx) // the recorder is told of what it came to
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

func (r *Recording) progress(l *recording.Line) {
	logger := log.With(r.Logger, "source", l.Source)
	if l.Error != "" {
		level.Warn(logger).Log("msg", "Refresh failed", "err", l.Error)
		return
	}
	level.Info(logger).Log("msg", "Snapshot recorded", "sessions", len(l.Sessions), "total", l.Total, "complete", l.Complete)
}
