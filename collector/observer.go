package collector

import (
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/logging"
	"iam_session_exporter/internal/session"
)

// Observer is told what the refreshes of sources come to. Its methods may be called
// for several sources at the same time.
type Observer interface {
	// Wants says what a source is to be asked for besides what metrics need: the
	// identities of its users, and users by name. It is asked before each refresh,
	// which waits for it. What it says of ClientIPs is ignored.
	Wants(source string) session.Want
	// Observe is told of each refresh that ended, once, whoever asked for it: for one
	// source one after the other, in their order. No scrape and no refresh waits for
	// it. It is not told of a refresh that was given up because nobody waited for it,
	// nor of any of a source that a reload has removed.
	Observe(Observation)
}

// Observation is what a refresh of a source came to.
type Observation struct {
	Source string
	API    session.API
	Facts  session.Facts

	Began time.Time // our clock when the refresh began
	Read  time.Time // our clock when the API's was Snapshot.Taken

	// Snapshot is the observer's: the collector neither keeps nor changes it. It is
	// nil if the refresh failed.
	Snapshot *session.Snapshot
	Err      error // why it failed, safe to show; an *session.Error
}

// maxUntold is how many observations wait for a slow observer. The oldest is left out
// for one more: what counts is how a source is now.
const maxUntold = 8

// watcher tells the observer of one source. It is safe for concurrent use.
type watcher struct {
	observer Observer // may be nil
	logger   log.Logger

	mu     sync.Mutex
	untold []Observation
	busy   bool // a goroutine tells what is untold
	closed bool // nothing more is told
}

// wants returns what the observer wants.
func (w *watcher) wants(source string) session.Want {
	if w.observer == nil {
		return session.Want{}
	}
	defer w.survive()
	return w.observer.Wants(source)
}

// close ends what is told, but for what the observer is told just now.
func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untold, w.closed = nil, true
}

// tell has the observer told, and does not wait for that.
func (w *watcher) tell(o Observation) {
	if w.observer == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if len(w.untold) == maxUntold {
		w.untold = w.untold[1:]
		level.Warn(w.logger).Log("msg", "Observer too slow; skipping its oldest refresh")
	}
	w.untold = append(w.untold, o)
	if !w.busy {
		w.busy = true
		go w.run()
	}
}

// run tells the observer until nothing is untold.
func (w *watcher) run() {
	for {
		w.mu.Lock()
		if len(w.untold) == 0 {
			w.untold, w.busy = nil, false
			w.mu.Unlock()
			return
		}
		o := w.untold[0]
		w.untold[0] = Observation{} // the snapshot may be large
		w.untold = w.untold[1:]
		w.mu.Unlock()
		w.observe(o)
	}
}

// observe tells the observer of one refresh.
func (w *watcher) observe(o Observation) {
	defer w.survive()
	w.observer.Observe(o)
}

// survive ends a panic of the observer, which costs alerts, not the process.
func (w *watcher) survive() {
	if p := recover(); p != nil {
		logging.Bug(w.logger, "the observer of a refresh panicked", p)
	}
}
