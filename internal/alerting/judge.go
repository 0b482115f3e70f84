package alerting

import (
	"sync"
	"sync/atomic"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// judge is one source: its engine, and what that said last.
type judge struct {
	now    func() time.Time
	send   func([]detection.Alert)
	engine *detection.Engine

	mu      sync.Mutex // held while a snapshot is judged, so that states are sent in order
	seat    seat
	since   time.Time // of the seat: refreshes that began before are not its own
	closed  bool      // it only tells of what ended
	failing bool
	began   time.Time     // the refresh that was judged last
	took    time.Duration // by the last evaluation; 0: there was none

	// What the last evaluation came to: scrapes must not wait for the next one.
	report atomic.Pointer[report]
}

// seat is whom a judge judges, and how.
type seat struct {
	Source
	of       detection.Source
	settings *detection.Settings
}

// report is what a judge says of itself.
type report struct {
	source detection.Source
	counts []detection.Count
	judged bool // what a refresh came to is in the counts
	failed bool // that refresh, or its evaluation
	began  time.Time
	status func() collector.Status
	took   time.Duration
	wanted []session.User // to be asked for by name
}

// known reports whether the counts say what is. A scrape right after a refresh that
// succeeded may come before that is judged: then what a failed one before it came to
// does not count any more.
func (r *report) known() bool {
	if !r.judged || !r.failed {
		return r.judged
	}
	s := r.status()
	return !s.Up || !s.Refreshed.After(r.began)
}

func newJudge(s seat, now func() time.Time, send func([]detection.Alert)) *judge {
	j := &judge{now: now, send: send, engine: detection.NewEngine(s.of, s.settings), seat: s, since: now()}
	j.publish()
	return j
}

// sit changes whom it judges, or how.
func (j *judge) sit(s seat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	j.send(j.engine.Reload(now, s.of, s.settings))
	if s.settings.Pseudonymous && !j.seat.settings.Pseudonymous {
		// What waits for an Alertmanager has names.
		j.send(j.engine.Current(now))
	}
	if j.closed || j.seat.Watch != s.Watch {
		j.since = now
	}
	j.seat, j.closed = s, false
	j.publish()
}

// close ends all alerts, as the source is not judged any more.
func (j *judge) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed {
		j.closed = true
		j.send(j.engine.Close(j.now()))
		j.report.Store(nil)
	}
}

// observe judges what a refresh came to. It may be late: then the source is another.
func (j *judge) observe(w *Watch, o collector.Observation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.seat.Watch != w || o.Began.Before(j.since) {
		return
	}
	now := j.now()
	j.failing, j.began = true, o.Began
	defer func() { // also where it panicked
		if j.failing {
			j.engine.Fail(now)
		}
		j.publish()
	}()
	if o.Err != nil {
		return
	}
	begin := time.Now()
	due := j.engine.Observe(now, o.Snapshot)
	j.took = max(time.Since(begin), 1)
	j.send(due)
	j.failing = false
}

// tick sends what time has made due. It reports false when there will never be more.
func (j *judge) tick() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.send(j.engine.Tick(j.now()))
	if j.failing && !j.closed {
		j.publish()
	}
	return !j.isOver()
}

// over reports whether it has nothing to tell any more.
func (j *judge) over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.isOver()
}

func (j *judge) isOver() bool { return j.closed && j.engine.Done() }

// publish has scrapes see what there is now.
func (j *judge) publish() {
	r := &report{source: j.seat.of, counts: j.engine.Counts(true), judged: j.engine.Judged(), took: j.took,
		failed: j.failing, began: j.began, status: j.seat.Collector.Status}
	if r.source.Facts.Has(session.FactPartial) { // others list everything
		r.wanted = j.engine.Wanted()
	}
	j.report.Store(r)
}

// quiet returns the source to be asked, if nobody has asked it for long.
func (j *judge) quiet(interval time.Duration) (Source, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.seat.Source
	if j.closed {
		return s, false
	}
	asked := s.Collector.Asked()
	return s, asked.IsZero() || j.now().Sub(asked) >= max(interval+interval/4, s.Config.MinInterval)
}
