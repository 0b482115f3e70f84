// Package preflight tries out what a configuration names: it asks each source and
// each Alertmanager once, and prints what works, what does not, and what to do.
//
//	preflight.go     all at the same time, printed in the configuration's order
//	source.go        one source: the questions that a check answers
//	host.go          is it there, by TLS; and its clock
//	account.go       the credentials, and what they may read
//	sees.go          what there is to see
//	alertmanager.go  one Alertmanager
//	report.go        how it is printed
//
// It knows no API: what one has of its own comes from session.Checker.
package preflight

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
)

// Options say what is tried with what.
type Options struct {
	Factories map[session.API]exporter.Factory
	UserAgent string
	Now       func() time.Time // our clock
	Out       io.Writer        // for the result
	Progress  io.Writer        // for what is waited for
	Logins    Logins           // what was refused before, for several runs; nil: nothing

	slow time.Duration // from then on, what is waited for is named; 0: usuallySlow
}

const (
	atOnce      = 8 // sources and Alertmanagers
	usuallySlow = 3 * time.Second
)

// Run tries all that a configuration names, and prints a block for each, in its
// order. It reports whether all of it works. If ctx ends, it prints no more, and
// returns why.
func Run(ctx context.Context, c *config.Config, o Options) (ok bool, err error) {
	tries := o.sources(c)
	managers := o.alertmanagers(c)
	slots := make(chan struct{}, atOnce)
	for _, t := range append(tries, managers...) {
		t.start(ctx, slots)
	}
	var sum summary
	for _, t := range tries {
		b, err := o.await(ctx, t)
		if err != nil {
			return false, err
		}
		b.print(o.Out)
		sum.add("source", b.worst())
	}
	var all block
	for _, t := range managers {
		b, err := o.await(ctx, t)
		if err != nil {
			return false, err
		}
		all.title, all.lines = "alertmanagers", append(all.lines, b.lines...)
		sum.add("Alertmanager", b.worst())
	}
	if len(all.lines) > 0 {
		all.print(o.Out)
	}
	fmt.Fprintln(o.Out, sum.String())
	return sum.failed == 0, nil
}

// try is one source or Alertmanager.
type try struct {
	name    string
	timeout time.Duration
	run     func(context.Context) block
	after   *try // which shares its credentials: not before that has ended

	done  chan struct{}
	block block
}

// start tries it once there is a slot. What waits for another one needs none.
func (t *try) start(ctx context.Context, slots chan struct{}) {
	t.done = make(chan struct{})
	go func() {
		defer close(t.done)
		if t.after != nil {
			<-t.after.done
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return
		}
		t.block = t.run(ctx)
	}()
}

// await waits until a try has ended, and tells if that takes long.
func (o *Options) await(ctx context.Context, t *try) (block, error) {
	late := time.NewTimer(cmp.Or(o.slow, usuallySlow))
	defer late.Stop()
	for {
		select {
		case <-t.done:
			if ctx.Err() != nil {
				return block{}, context.Cause(ctx)
			}
			return t.block, nil
		case <-late.C:
			fmt.Fprintf(o.Progress, "waiting for %s, up to %s\n", t.name, t.timeout)
		}
	}
}
