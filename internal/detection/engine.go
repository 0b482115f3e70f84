package detection

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"iam_session_exporter/internal/session"
)

const (
	resolvedFor = 15 * time.Minute // how long a resolved alert is told of
	undeniedFor = time.Hour        // how long an alert lasts that nothing shows or denies
)

// Engine follows the findings of one source from snapshot to snapshot. It says
// which alerts are owed to Alertmanager: it returns them. It is safe for
// concurrent use. Times are of this process's clock, which must not run
// backwards.
type Engine struct {
	mu     sync.Mutex
	cfg    *compiled
	pseudo *Pseudonymizer

	epoch  int // of labels and key: what differs in it is another alert
	firing map[key]*firing
	ended  map[endedKey]*ended
	fired  map[tally]int

	last     *session.Snapshot // the newest; nil: none, or the source failed since
	round    int               // its number
	failing  bool
	held     []int // of each detection, in the last snapshot
	excepted []int // of each detection, in the last snapshot
	closed   bool
}

// key is what tells the alerts of one source apart.
type key struct{ alert, severity, subject string }

type endedKey struct {
	key
	epoch int
}

type tally struct {
	detection int
	severity  string
}

// firing is an alert that fires.
type firing struct {
	key
	detection int  // in the table
	storm     bool // it stands for others
	notify    bool

	starts time.Time // at most when it was first seen
	seen   time.Time // first
	shown  time.Time // by the last snapshot that has it
	round  int       // the number of that
	denied bool      // a snapshot since could tell, and does not have it
	held   bool      // back, by max_alerts
	sent   time.Time // last; zero: never
	alert  *Alert    // as it was sent; nil: never

	who      subject
	sessions []int32  // that show it, in the newest snapshot; nil: it has none
	traits   []traits // of those that showed it before; nil: they are in the newest snapshot
}

// subject is whom an alert is about, as snapshots know it.
type subject struct {
	user    person
	address string // no user
}

// ended is an alert that is resolved.
type ended struct {
	alert Alert
	sent  time.Time
}

// NewEngine returns an Engine that has seen nothing.
func NewEngine(source Source, settings *Settings) *Engine {
	e := &Engine{firing: map[key]*firing{}, ended: map[endedKey]*ended{}, fired: map[tally]int{}}
	e.configure(source, settings)
	return e
}

func (e *Engine) configure(source Source, settings *Settings) {
	e.cfg = compile(source, settings)
	e.pseudo = NewPseudonymizer(settings.Key)
	e.pseudo.recorded = settings.Recorded
	e.held, e.excepted = make([]int, len(e.cfg.table)), make([]int, len(e.cfg.table))
}

// Observe judges a snapshot, and returns the alerts to send.
func (e *Engine) Observe(now time.Time, snap *session.Snapshot) []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	j := evaluate(e.cfg, e.pseudo, snap)
	before := e.last
	e.last, e.failing, e.excepted = snap, false, j.excepted
	e.round++
	all := make([][]shown, len(e.cfg.table))
	for i := range j.findings {
		f := &j.findings[i]
		k := e.cfg.key(f)
		a := e.show(now, k, f.detection, f.starts)
		a.notify, a.sessions, a.traits = f.notify, f.sessions, nil
		if f.user >= 0 {
			a.who.user = j.users[f.user].person
		} else {
			a.who.address = f.address
		}
		all[f.detection] = append(room(all[f.detection]), shown{a, f})
	}
	e.remember(before, func(a *firing) bool { return a.round != e.round })
	var due []Alert
	for d := range all {
		sendable, rest := e.ration(all[d])
		e.held[d] = len(rest)
		if len(rest) > 0 {
			due = e.storm(now, due, j, d, rest)
		}
		for _, a := range sendable {
			if e.isDue(now, a.sent) && a.notify {
				due = e.send(now, due, a.firing, j.annotations(a.finding))
			}
		}
	}
	due = e.settle(now, due, snap)
	return e.repeat(now, due)
}

// key is how a finding's alert is told from others.
func (c *compiled) key(f *finding) key {
	return key{c.table[f.detection].Alert, f.severity, f.subject}
}

// show notes that a snapshot has an alert.
func (e *Engine) show(now time.Time, k key, detection int, starts time.Time) *firing {
	a := e.firing[k]
	if a == nil {
		if starts.IsZero() || starts.After(now) {
			starts = now
		}
		a = &firing{key: k, detection: detection, starts: e.anew(k, starts), seen: now}
		a.storm = k.alert == Storm
		e.firing[k] = a
		if !a.storm {
			e.fired[tally{detection, k.severity}]++
		}
	}
	a.shown, a.round, a.denied = now, e.round, false
	return a
}

// anew ends what is told of an alert's end, and returns when it starts again: not
// before that.
func (e *Engine) anew(k key, starts time.Time) time.Time {
	was := endedKey{k, e.epoch}
	if old := e.ended[was]; old != nil {
		if starts.Before(old.alert.EndsAt) {
			starts = old.alert.EndsAt
		}
		delete(e.ended, was)
	}
	return starts
}

// shown is an alert with the finding that shows it.
type shown struct {
	*firing
	finding *finding
}

// before says which of the alerts of one detection is sent rather than another.
func (a shown) before(b shown) int {
	return cmp.Or(a.starts.Compare(b.starts), cmp.Compare(a.subject, b.subject), cmp.Compare(a.severity, b.severity))
}

// ration parts the alerts of one detection into those that are sent and those
// that are held back, of which the first is the first.
func (e *Engine) ration(all []shown) (sendable, rest []shown) {
	limit := e.cfg.settings.MaxAlerts
	if limit > 0 && len(all) > limit {
		lead(all, limit+1, shown.before)
		all, rest = all[:limit], all[limit:]
	}
	for _, a := range all {
		a.held = false
	}
	for _, a := range rest {
		a.held = true
	}
	return all, rest
}

// lead moves the first n, at least one, to the front, sorted. That is far less than
// to sort all.
func lead[T any](all []T, n int, compare func(a, b T) int) {
	slices.SortFunc(all[:n], compare)
	for i := n; i < len(all); i++ {
		x := all[i]
		if compare(x, all[n-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(all[:n], x, compare)
		all[i] = all[n-1]
		copy(all[at+1:n], all[at:n-1])
		all[at] = x
	}
}

// storm shows and sends the alert that stands for those held back.
func (e *Engine) storm(now time.Time, due []Alert, j *judge, detection int, rest []shown) []Alert {
	d := &e.cfg.table[detection]
	severity, notify := "", false
	for _, a := range rest {
		severity, notify = higher(severity, a.severity), notify || a.notify
	}
	a := e.show(now, key{Storm, severity, d.Key}, detection, rest[0].starts)
	a.notify = notify
	if !notify || !e.isDue(now, a.sent) {
		return due
	}
	return e.send(now, due, a, j.stormAnnotations(d, len(rest), e.cfg.settings.MaxAlerts))
}

// isDue reports whether what was sent then is to be sent again. A little less
// than the delay is enough, as snapshots do not come at exact intervals.
func (e *Engine) isDue(now, sent time.Time) bool {
	delay := e.cfg.settings.ResendDelay
	return sent.IsZero() || now.Sub(sent) >= delay-delay/10
}

func (e *Engine) send(now time.Time, due []Alert, a *firing, annotations Annotations) []Alert {
	if a.sent.IsZero() { // perhaps it was not to be sent for a while
		a.starts = e.anew(a.key, a.starts)
	}
	sent := e.cfg.alert(a.key, annotations, a.starts, now.Add(e.cfg.settings.Hold))
	a.sent, a.alert = now, &sent
	return append(due, sent)
}

// settle resolves what snapshots do not show any more.
func (e *Engine) settle(now time.Time, due []Alert, snap *session.Snapshot) []Alert {
	absent := e.those(func(a *firing) bool { return a.round != e.round })
	if len(absent) == 0 {
		return due
	}
	t := e.teller(snap)
	for _, a := range absent {
		a.denied = a.denied || t.can(a)
		gone := now.Sub(a.shown)
		over := a.denied && gone >= e.cfg.settings.KeepFiringFor || gone >= undeniedFor
		if over && now.Sub(a.seen) >= e.cfg.settings.Hold {
			due = e.resolve(now, due, a)
		}
	}
	return due
}

// sorted lists what fires, in an order that does not change.
func (e *Engine) sorted() []*firing { return e.those(everyAlert) }

func everyAlert(*firing) bool { return true }

// those lists what fires and is wanted, as sorted does.
func (e *Engine) those(wanted func(*firing) bool) []*firing {
	var all []*firing
	for _, a := range e.firing {
		if wanted(a) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *firing) int {
		return cmp.Or(cmp.Compare(a.detection, b.detection), a.starts.Compare(b.starts), cmp.Compare(a.subject, b.subject),
			cmp.Compare(a.severity, b.severity), cmp.Compare(a.key.alert, b.key.alert))
	})
	return all
}

// resolve ends an alert now. One that was never sent just ends.
func (e *Engine) resolve(now time.Time, due []Alert, a *firing) []Alert {
	delete(e.firing, a.key)
	return e.farewell(now, due, a)
}

// farewell tells Alertmanager that an alert is over.
func (e *Engine) farewell(now time.Time, due []Alert, a *firing) []Alert {
	if a.sent.IsZero() {
		return due
	}
	out := *a.alert
	out.EndsAt = now
	e.ended[endedKey{a.key, e.epoch}] = &ended{out, now}
	a.sent, a.alert = time.Time{}, nil
	return append(due, out)
}

// repeat tells again of what ended, for a while.
func (e *Engine) repeat(now time.Time, due []Alert) []Alert {
	for _, k := range e.endedKeys() {
		x := e.ended[k]
		switch {
		case now.Sub(x.alert.EndsAt) > resolvedFor:
			delete(e.ended, k)
		case e.isDue(now, x.sent):
			x.sent = now
			due = append(due, x.alert)
		}
	}
	return due
}

func (e *Engine) endedKeys() []endedKey {
	keys := make([]endedKey, 0, len(e.ended))
	for k := range e.ended {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b endedKey) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.alert, b.alert), cmp.Compare(a.subject, b.subject), cmp.Compare(a.severity, b.severity))
	})
	return keys
}

// Fail notes that the source could not be asked: nothing is sent, and what fires
// is forgotten when Alertmanager has ended it.
func (e *Engine) Fail(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remember(e.last, everyAlert)
	e.last, e.failing = nil, true
	e.forget(now)
}

// Tick is called from time to time, and returns what is to be sent between
// snapshots.
func (e *Engine) Tick(now time.Time) []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failing {
		e.forget(now)
		return nil
	}
	return e.repeat(now, nil)
}

// forget drops what Alertmanager does not have any more.
func (e *Engine) forget(now time.Time) {
	for k, a := range e.firing {
		since := a.sent
		if since.IsZero() {
			since = a.shown
		}
		if now.Sub(since) >= e.cfg.settings.Hold {
			delete(e.firing, k)
		}
	}
	for k, x := range e.ended {
		if now.Sub(x.alert.EndsAt) > resolvedFor {
			delete(e.ended, k)
		}
	}
}

// Current returns what an Alertmanager should know: what fires, as it was last
// sent, and what ended a short time ago.
func (e *Engine) Current(now time.Time) []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Alert
	for _, a := range e.sorted() {
		if !a.sent.IsZero() && a.alert.EndsAt.After(now) {
			all = append(all, *a.alert)
		}
	}
	for _, k := range e.endedKeys() {
		if x := e.ended[k]; now.Sub(x.alert.EndsAt) <= resolvedFor {
			all = append(all, x.alert)
		}
	}
	return all
}
