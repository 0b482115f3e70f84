package detection

import "time"

// Reload changes the settings, and returns what is to be sent: what is not
// configured any more, or is excepted, ends at once.
func (e *Engine) Reload(now time.Time, source Source, settings *Settings) []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	if settings.Pseudonymous {
		e.unname()
	}
	e.remember(e.last, everyAlert)
	same := e.cfg.source.Name == source.Name && e.cfg.source.API == source.API && e.cfg.settings.sameIdentity(settings)
	if !same {
		due := e.endAll(now)
		e.epoch++
		e.configure(source, settings)
		e.closed = false
		return due
	}
	e.configure(source, settings)
	e.closed = false
	var due []Alert
	still := e.judgeAgain()
	for _, a := range e.sorted() {
		switch left := e.isConfigured(now, a); {
		case !left, still != nil && a.round == e.round && !still[a.key]:
			due = e.resolve(now, due, a)
		case !e.notifies(a):
			a.notify = false
			due = e.farewell(now, due, a)
		}
	}
	return due
}

// Close ends all alerts, as the source is not judged any more. Tick goes on
// telling of it, until Done.
func (e *Engine) Close(now time.Time) []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.failing = true, false
	return e.endAll(now)
}

// Done reports whether a closed Engine has nothing to tell any more.
func (e *Engine) Done() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed && len(e.ended) == 0
}

func (e *Engine) endAll(now time.Time) []Alert {
	var due []Alert
	for _, a := range e.sorted() {
		due = e.resolve(now, due, a)
	}
	e.last = nil
	return due
}

// judgeAgain returns what the newest snapshot shows with the settings of now; nil
// if there is none.
func (e *Engine) judgeAgain() map[key]bool {
	if e.last == nil {
		return nil
	}
	j := evaluate(e.cfg, e.pseudo, e.last)
	e.excepted = j.excepted
	still := make(map[key]bool, len(j.findings))
	found, highest := make([]int, len(e.cfg.table)), make([]string, len(e.cfg.table))
	for i := range j.findings {
		f := &j.findings[i]
		still[e.cfg.key(f)] = true
		found[f.detection]++
		highest[f.detection] = higher(highest[f.detection], f.severity)
	}
	for d, n := range found {
		if n > e.cfg.settings.MaxAlerts {
			e.held[d] = n - e.cfg.settings.MaxAlerts
			for _, severity := range Severities() { // the next snapshot says which it is
				still[key{Storm, severity, e.cfg.table[d].Key}] = true
			}
		}
	}
	return still
}

// isConfigured reports whether an alert can still be, whatever snapshots show.
func (e *Engine) isConfigured(now time.Time, a *firing) bool {
	d := e.cfg.byIndex(a.detection)
	if d == nil {
		return false
	}
	if a.storm {
		return true
	}
	can := false
	for _, v := range []*variant{&d.general, &d.privileged} {
		for _, s := range d.severities(v.Tuning) {
			can = can || v.on && s == a.severity
		}
	}
	if a.who.address != "" {
		return can
	}
	return can && !(e.cfg.services.match(&a.who.user) && !d.services) && !e.isExcepted(now, a)
}

// isExcepted reports whether exceptions hide all that showed an alert.
func (e *Engine) isExcepted(now time.Time, a *firing) bool {
	for _, t := range a.traits {
		hidden := false
		for i := range e.cfg.exceptions {
			x := &e.cfg.exceptions[i]
			hidden = hidden || now.Before(x.until) && x.hides&bit(a.detection) != 0 &&
				(!x.byUser || x.users.match(&a.who.user)) && x.fits(t.role, t.store, t.network)
		}
		if !hidden {
			return false
		}
	}
	return len(a.traits) > 0
}

// notifies reports whether an alert is sent; where privileged users differ, the
// next snapshot says so.
func (e *Engine) notifies(a *firing) bool {
	d := e.cfg.byIndex(a.detection)
	return d.general.Notify || d.privileged.Notify
}

// unname takes names from what was sent already.
func (e *Engine) unname() {
	for _, a := range e.firing {
		if a.alert != nil {
			a.alert.Annotations = a.alert.Annotations.pseudonymous()
		}
	}
	for _, x := range e.ended {
		x.alert.Annotations = x.alert.Annotations.pseudonymous()
	}
}
