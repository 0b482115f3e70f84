package detection

import (
	"time"

	"iam_session_exporter/internal/session"
)

// Firing is an alert that fires, for pages and metrics: it names nobody.
type Firing struct {
	Labels      map[string]string
	Annotations map[string]string // summary and runbook_url
	Detection   string            // key
	Since       time.Time
	Held        bool // back, as there are more than max_alerts
	Sent        bool // to Alertmanagers, or would be
}

// Firing lists what fires.
func (e *Engine) Firing() []Firing {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Firing
	for _, a := range e.sorted() {
		d := &e.cfg.table[a.detection]
		about := Annotations{}
		about.set("summary", d.Summary)
		if a.storm {
			about.set("summary", StormSummary)
		}
		e.cfg.settings.links(about, a.key.alert, e.cfg.source.Name)
		all = append(all, Firing{
			Labels: e.cfg.labels(a.key), Annotations: about.Public(), Detection: d.Key,
			Since: a.starts, Held: a.held, Sent: a.notify && !a.held,
		})
	}
	return all
}

// Count is what metrics say of one detection.
type Count struct {
	Detection  string
	On         bool
	Severities []SeverityCount // those that can be
	HeldBack   int
	Excepted   int
	Covers     bool // all of it is found and sent, if an Alertmanager accepts
}

// SeverityCount is what metrics say of one severity of a detection.
type SeverityCount struct {
	Severity string
	Firing   int // now, held back ones too
	Fired    int // began to fire
}

// Counts returns a line for each detection for which the source has the facts.
// accepted says whether an Alertmanager accepts alerts.
func (e *Engine) Counts(accepted bool) []Count {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := map[tally]int{}
	for _, a := range e.firing {
		if !a.storm {
			now[tally{a.detection, a.severity}]++
		}
	}
	var all []Count
	for i := range e.cfg.table {
		if !e.cfg.able[i] {
			continue
		}
		d, t := &e.cfg.table[i], &e.cfg.tunings[i]
		c := Count{Detection: d.Key, On: t.On(d), HeldBack: e.held[i], Excepted: e.excepted[i]}
		can := set{}
		for _, v := range []*Tuning{&t.General, &t.Privileged} {
			if d.On(v) {
				for _, s := range d.severities(v) {
					can[s] = true
				}
			}
		}
		for _, s := range Severities() {
			k := tally{i, s}
			if n, fired := now[k], e.fired[k]; can[s] || n+fired > 0 {
				c.Severities = append(c.Severities, SeverityCount{s, n, fired})
			}
		}
		c.Covers = accepted && e.last != nil && t.sent(d) && d.tellsAll(e.last)
		all = append(all, c)
	}
	return all
}

// Judged reports whether Counts says what a refresh came to, in Covers and otherwise.
func (e *Engine) Judged() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last != nil || e.failing
}

// sent reports whether all that a detection finds is sent.
func (t *Tunings) sent(d *Detection) bool {
	return d.On(&t.General) && t.General.Notify && d.On(&t.Privileged) && t.Privileged.Notify
}

// Wanted lists the users of whom a source that can't list everything should be
// asked: those who are looked for by name, whose store is not known, then those of
// alerts that fire.
func (e *Engine) Wanted() []session.User {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []session.User
	for i := range e.cfg.active {
		if a := &e.cfg.active[i]; a.Key == "break_glass" {
			all = append(all, literal(a.general.Users)...)
			all = append(all, literal(a.privileged.Users)...)
		}
	}
	for _, a := range e.sorted() {
		if u := &a.who.user; !u.name.IsZero() {
			all = append(all, session.User{Name: u.name, Store: u.store})
		}
	}
	return distinct(all)
}
