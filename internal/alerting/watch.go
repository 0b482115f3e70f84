package alerting

import (
	"sync/atomic"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
)

// Watch is the observer of one collector.Source, as long as that lives. A source that
// takes its place under the same name has another one.
type Watch struct {
	judge  atomic.Pointer[judge] // nil: the source is not judged
	asking atomic.Bool           // we ask the source just now
}

var _ collector.Observer = (*Watch)(nil)

// Wants implements collector.Observer. It waits for no evaluation.
func (w *Watch) Wants(string) session.Want {
	j := w.judge.Load()
	if j == nil {
		return session.Want{}
	}
	want := session.Want{Identities: true}
	if r := j.report.Load(); r != nil {
		want.Users = r.wanted
	}
	return want
}

// Observe implements collector.Observer.
func (w *Watch) Observe(o collector.Observation) {
	if j := w.judge.Load(); j != nil {
		j.observe(w, o)
	}
}
