package alerting

import (
	"sync/atomic"

	"iam_session_exporter/collector"
)

// Watch is the observer of one collector.Source, as long as that lives. A source that
// takes its place under the same name has another one.
type Watch struct {
	judge  atomic.Pointer[judge] // nil: the source is not judged
	asking atomic.Bool           // we ask the source just now
}

var _ collector.Observer = (*Watch)(nil)

// WantsIdentities implements collector.Observer.
func (w *Watch) WantsIdentities(string) bool { return w.judge.Load() != nil }

// Observe implements collector.Observer.
func (w *Watch) Observe(o collector.Observation) {
	if j := w.judge.Load(); j != nil {
		j.observe(w, o)
	}
}
