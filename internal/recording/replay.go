package recording

import (
	"fmt"
	"time"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// Change is an alert that began to fire, or was resolved.
type Change struct {
	At       time.Time
	Resolved bool
	Alert    detection.Firing
}

// Replay follows the lines of recordings. It is not safe for concurrent use.
type Replay struct {
	judge   Judge
	players map[string]*player
}

// Judge returns how the snapshots of a source are judged; nil settings: they are not.
type Judge func(source string, api session.API) (*detection.Settings, session.Facts)

// NewReplay returns a Replay without a past.
func NewReplay(judge Judge) *Replay { return &Replay{judge, map[string]*player{}} }

// player follows one source.
type player struct {
	api    session.API
	engine *detection.Engine // nil: the source is not judged
	hold   time.Duration
	places map[string]detection.Place // of addresses in the line

	now    time.Time
	silent time.Time // since when nobody tells Alertmanager; zero: somebody does
	firing []detection.Firing
	ends   map[alert]time.Time // as it was last sent
}

// alert is what tells the alerts of one source apart.
type alert struct{ name, severity, subject string }

func alertOf(labels map[string]string) alert {
	return alert{labels["alertname"], labels["severity"], labels["subject"]}
}

// Play takes the next line, and returns what changes by it.
func (r *Replay) Play(l *Line) ([]Change, error) {
	p := r.players[l.Source]
	if p == nil {
		p = r.player(l)
		r.players[l.Source] = p
	}
	if p.api != l.API {
		return nil, fmt.Errorf("source %s is of api %s, and was of %s before", l.Source, l.API, p.api)
	}
	if p.engine == nil {
		return nil, nil
	}
	return p.play(l), nil
}

func (r *Replay) player(l *Line) *player {
	p := &player{api: l.API, ends: map[alert]time.Time{}}
	given, facts := r.judge(l.Source, l.API)
	if given == nil {
		return p
	}
	settings := *given
	settings.Recorded = true
	settings.Locate = func(address string) (detection.Place, bool) {
		place, ok := p.places[address]
		return place, ok
	}
	p.hold = settings.Hold
	p.engine = detection.NewEngine(detection.Source{Name: l.Source, API: l.API, Facts: facts}, &settings)
	return p
}

// Sums are how many alerts of each detection that is on began to fire.
func (r *Replay) Sums() map[string]int {
	sums := map[string]int{}
	for _, p := range r.players {
		if p.engine == nil {
			continue
		}
		for _, c := range p.engine.Counts(false) {
			n := 0
			for _, s := range c.Severities {
				n += s.Fired
			}
			if c.On || n > 0 {
				sums[c.Detection] += n
			}
		}
	}
	return sums
}

// Firing is how many alerts fire at the end.
func (r *Replay) Firing() (n int) {
	for _, p := range r.players {
		n += len(p.firing)
	}
	return n
}

func (p *player) play(l *Line) []Change {
	before := p.now
	if p.now.Before(l.Taken) {
		p.now = l.Taken // the engine's clock never runs backwards
	}
	var changes []Change
	if !before.IsZero() && p.now.Sub(before) >= p.hold {
		// Nobody has told Alertmanager for so long that it has ended all alerts.
		p.silent = before
		p.engine.Fail(p.now)
		changes = p.compare()
	}
	if l.Error != "" {
		if p.silent.IsZero() {
			p.silent = p.now
		}
		p.engine.Fail(p.now)
		return append(changes, p.compare()...)
	}
	p.silent = time.Time{}
	for _, a := range p.engine.Observe(p.now, p.snapshot(l)) {
		if !a.EndsAt.Before(p.now) { // else one that was over before is told of again
			p.ends[alertOf(a.Labels)] = a.EndsAt
		}
	}
	return append(changes, p.compare()...)
}

// compare returns what fires now and did not before, and the other way round.
func (p *player) compare() []Change {
	was, is := p.firing, p.engine.Firing()
	before, now := set(was), set(is)
	var changes []Change
	for _, f := range was {
		a := alertOf(f.Labels)
		if now[a] {
			continue
		}
		at := p.now
		if end, ok := p.ends[a]; ok && !p.silent.IsZero() && end.Before(at) {
			at = end // Alertmanager ended it
			if at.Before(p.silent) {
				at = p.silent
			}
		}
		delete(p.ends, a)
		changes = append(changes, Change{at, true, f})
	}
	for _, f := range is {
		if !before[alertOf(f.Labels)] {
			changes = append(changes, Change{p.now, false, f})
		}
	}
	p.firing = is
	return changes
}

func set(all []detection.Firing) map[alert]bool {
	s := make(map[alert]bool, len(all))
	for _, f := range all {
		s[alertOf(f.Labels)] = true
	}
	return s
}

const maxLifetime = 100 * 365 * 24 * 60 * 60 // seconds

// snapshot is a line as detections see it.
func (p *player) snapshot(l *Line) *session.Snapshot {
	snap := &session.Snapshot{
		Taken: l.Taken, Complete: l.Complete, Total: int(l.Total), Reported: int(l.Total),
		Sessions: make([]session.Session, len(l.Sessions)), Identities: make([]session.Identity, len(l.Sessions)),
	}
	if l.Lifetime != nil {
		d := time.Duration(min(*l.Lifetime, maxLifetime)) * time.Second
		snap.Limits.Lifetime = &d
	}
	p.places = make(map[string]detection.Place)
	for i := range l.Sessions {
		s := &l.Sessions[i]
		status, _ := statusOf(s.Status)
		out := session.Session{
			ID: session.Key(i + 1), Status: status, Role: s.Role, ClientIP: s.Address, IdentityStore: s.IdentityStore,
			Created: moment(s.Created), Ended: moment(s.Ended), Expires: moment(s.Expires), FailedLogins: -1,
		}
		if s.FailedLogins != nil {
			out.FailedLogins = *s.FailedLogins
		}
		if s.Impersonating != nil {
			out.Impersonating = *s.Impersonating
		}
		if s.Address != "" {
			p.places[s.Address] = s.place()
		}
		snap.Sessions[i] = out
		if s.User == "" {
			continue
		}
		store := ""
		if l.API == session.OAM {
			store = s.IdentityStore
		}
		snap.Identities[i] = session.Identity{User: session.NewPerson(s.User, store), LastLogin: moment(s.LastLogin)}
	}
	return snap
}

// place is where a session is from.
func (s *Session) place() detection.Place {
	p := detection.Place{Address: s.Address, Network: s.Network, IPv6: len(s.Prefix) >= len(ofIPv6) && s.Prefix[:len(ofIPv6)] == ofIPv6}
	if p.Network == "" {
		p.Prefix = s.Prefix
	}
	return p
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
