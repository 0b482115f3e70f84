package world

import (
	"iter"
	"maps"

	"iam_session_exporter/internal/session"
)

// Listed is what an API lists at one moment, for the handlers that serve it. It
// is read only, and good only within World.Look.
type Listed struct{ pool *pool }

// Look calls f with what an API lists now, while the world stands still. f must
// not call the world.
func (w *World) Look(api session.API, f func(Listed)) {
	defer w.enter()()
	f(Listed{w.pool(api)})
}

// All lists every session, in an order that means nothing.
func (l Listed) All() []*Entry { return l.pool.all() }

// InOrder lists every session by id.
func (l Listed) InOrder() []*Entry { return l.pool.inOrder() }

// Values are the values that sessions have, in any order.
func (l Listed) Values(by By) iter.Seq[string] { return maps.Keys(l.pool.index[by]) }

// With lists the sessions that have a value.
func (l Listed) With(by By, value string) []*Entry { return l.pool.index[by][value] }

// Rank is the session's place in an order that means nothing but stays.
func (e *Entry) Rank() uint64 { return e.rank }
