package collector

import (
	"context"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// memory is what outlives a refresh: the sessions that are followed, the counters
// that they move, and the label values in place. It belongs to the refresh whose
// turn it is.
type memory struct {
	turn   chan struct{} // full: a refresh has it
	made   time.Time     // our clock
	logger log.Logger
	count  *counters

	history *history
	jumped  logging.State[bool] // the API's clock is not believed
	inPlace published
}

func newMemory(made time.Time, count *counters, logger log.Logger) *memory {
	return &memory{
		turn: make(chan struct{}, 1), made: made, logger: logger, count: count,
		history: newHistory(maxRemembered), inPlace: published{},
	}
}

// acquire waits for a refresh's turn. It reports false where ctx ends before.
func (m *memory) acquire(ctx context.Context) bool {
	select {
	case m.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *memory) release() { <-m.turn }

// learn takes a snapshot whose Taken was read at some time into the counters, and
// counts it.
func (m *memory) learn(snap *session.Snapshot, at time.Time, opt *Options) *view {
	ours := at.Sub(m.made)
	m.count.changed(m.history.learn(snap, ours))
	clock := snap.Taken.UTC().Format(time.RFC3339)
	jumped := m.history.clock.jumped
	switch _, changed := m.jumped.Set(jumped); {
	case changed && jumped:
		level.Warn(m.logger).Log("msg", "API clock jumped; counters paused until it is steady", "clock", clock)
	case changed:
		level.Info(m.logger).Log("msg", "API clock is steady again; counters resumed", "clock", clock)
	}
	v := newView(snap, opt, m.inPlace)
	v.usersDay = m.history.users.observe(snap, ours)
	return v
}
