package intersight

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// minLimitsWait is how long a finished listing waits at least for the limits; else
// it waits three times as long as it took itself. Where they are asked one after
// the other, they take about the same.
const minLimitsWait = time.Second

// provingWait is how long a finished listing waits for the limits while it is being
// proven, once an hour, which properties the API does not know of them.
const provingWait = 10 * time.Second

// maxLimitsBody is the largest answer with limits, in bytes: a thousand objects of
// all their properties fit.
const maxLimitsBody = 4 << 20

// maxLimitPages bounds the search for the account's object among the overrides
// of its permissions.
const maxLimitPages = 10

var (
	errLimitsLate      = errors.New("no answer by the time the sessions were listed")
	errLimitsAbandoned = errors.New("the sessions could not be listed")
	errNoLimits        = errors.New("no object without a Permission is listed")
)

// limitsCall is a request for the limits under way.
type limitsCall struct {
	source *Source
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when what follows is set
	limits session.Limits
	err    error
}

func (s *Source) startLimits(ctx context.Context) *limitsCall {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &limitsCall{source: s, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.limits, c.err = s.readLimits(ctx)
	}()
	return c
}

// abandon ends the call without a result.
func (c *limitsCall) abandon() {
	c.cancel(errLimitsAbandoned)
	<-c.done
}

// wait returns the limits if they come soon, else none.
func (c *limitsCall) wait(ctx context.Context, listing time.Duration) session.Limits {
	patience := max(3*listing, c.source.limitsWait)
	if c.source.limits.proving.Load() {
		patience = max(patience, provingWait)
	}
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/2)
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-c.done:
	case <-t.C:
	case <-ctx.Done():
	}
	c.cancel(errLimitsLate)
	<-c.done
	if c.err != nil {
		c.limits = session.Limits{}
		session.TraceOf(ctx).Decided("limits: none: " + c.err.Error())
	}
	if ctx.Err() == nil {
		c.source.limitsHealth.report(c.source.cfg.Logger, c.err)
	}
	return c.limits
}

func (s *Source) readLimits(ctx context.Context) (session.Limits, error) {
	f, err := s.limits.first(ctx, nil)
	for pages := 1; err == nil; pages++ {
		limits, rows, none := accountLimits(f)
		if none == nil {
			return limits, nil
		}
		next := f.skip + rows
		if pages == maxLimitPages || rows == 0 || !f.counted || next >= f.count || !asked(f, "Permission") {
			return session.Limits{}, decodeError(f.what, none)
		}
		f, err = s.limits.fetch(ctx, query{properties: f.properties, skip: next})
	}
	return session.Limits{}, err
}

func asked(f *fetched, property string) bool { return slices.Contains(f.properties, property) }

// accountLimits finds the account's own object in a page of iam.SessionLimits,
// the first one without a Permission (those with one override it for a role),
// and how many rows the page has. Where Permission could not be asked for, only
// a single object is sure to be the account's.
func accountLimits(f *fetched) (limits session.Limits, rows int, err error) {
	var account raw
	for row := range f.rows.items {
		rows++
		if account == nil && row.is('{') && len(row.field("permission").field("moid").text()) == 0 {
			account = row
		}
	}
	if account == nil || !asked(f, "Permission") && max(rows, f.count) > 1 {
		return limits, rows, errNoLimits
	}
	var buf [maxName]byte
	for written, v := range account.fields {
		n, ok := v.whole()
		// The schema's least values are above 0: 0 is no limit we understand.
		if !ok || n <= 0 || n > math.MaxInt32 {
			continue
		}
		number, seconds := int(n), time.Duration(n)*time.Second
		switch string(name(written, &buf)) {
		case "maximumlimit":
			limits.Sessions = &number
		case "peruserlimit":
			limits.UserSessions = &number
		case "idletimeout":
			limits.IdleTimeout = &seconds
		case "sessiontimeout":
			limits.Lifetime = &seconds
		}
	}
	return limits, rows, nil
}

// health logs when something begins to fail, fails for another reason, or is
// well again; not each time.
type health struct{ state logging.State[string] } // "" is well

func (h *health) report(logger log.Logger, err error) {
	state := ""
	if errors.Is(err, errLimitsLate) {
		state = "late"
	} else if err != nil {
		reason, _ := session.ReasonOf(err)
		state = "failed: " + string(reason)
	}
	if _, changed := h.state.Set(state); !changed {
		return
	}
	if err == nil {
		level.Info(logger).Log("msg", "Session limits can be read again")
		return
	}
	level.Warn(logger).Log("msg", "Session limits can't be read; sessions are not affected", "err", err)
}
