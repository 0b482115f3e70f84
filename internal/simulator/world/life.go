package world

import (
	"math"
	"time"

	"iam_session_exporter/internal/session"
)

// do makes happen what is due now.
func (w *World) do(d due) {
	switch d.duty {
	case dutyArrive:
		w.arrive(d.pool)
	case dutyTry:
		w.try(d.pool, d.who, d.from)
	case dutyAct:
		w.act(d.pool, d.entry)
	case dutyTimer:
		if d.entry.timer == d.seq && !d.entry.gone {
			w.check(d.pool, d.entry)
		}
	case dutyBrute:
		w.schedule.push(w.soon(d.pool, exponential(w.rand, d.pool.BruteForce)), due{duty: dutyBrute, pool: d.pool})
		w.beginBruteForce(d.pool)
	case dutyAttempt:
		w.attempt(d)
	}
}

// soon is the first moment of the pool's grain that is not before now + d.
func (w *World) soon(p *pool, d time.Duration) time.Time {
	t := w.now.Add(d)
	if cut := t.Truncate(p.Quantum); !cut.Equal(t) {
		return cut.Add(p.Quantum)
	}
	return t
}

// arrive schedules the next arrival, and lets somebody log in unless this one
// was only a pause. Arrivals are a Poisson process whose rate aims at the
// population wanted.
func (w *World) arrive(p *pool) {
	life := p.meanLife()
	const longest = 5 * time.Minute // the rate changes with the time of day
	rate := w.arrivalRate(p, life)  // per life
	gap := time.Duration(min(float64(exponential(w.rand, life))/max(rate, 1e-9), float64(365*24*time.Hour)))
	if pause := min(longest, max(life/4, p.Quantum)); gap > pause {
		w.schedule.push(w.soon(p, pause), due{duty: dutyArrive, pool: p})
		return
	}
	who := w.people.draw(w.rand)
	at := w.soon(p, gap)
	w.schedule.push(at, due{duty: dutyTry, pool: p, who: who, from: w.whereabouts(who)})
	w.schedule.push(at, due{duty: dutyArrive, pool: p})
}

func (w *World) arrivalRate(p *pool, life time.Duration) float64 {
	wanted := float64(p.Sessions) * max(w.config.Rhythm(w.now), 0)
	if wanted <= 0 {
		return 0
	}
	// Leaning towards what is wanted keeps small populations near it, and
	// corrects what meanLife gets wrong.
	lack := 1 - float64(len(p.all()))/wanted
	return wanted * math.Exp(max(-6, min(3*lack, 2)))
}

// meanLife is roughly how long a session is listed.
func (p *pool) meanLife() time.Duration {
	stay := p.MinStay + p.Stay
	forgotten := p.IdleTimeout
	if p.api == session.OAM {
		forgotten = p.Lifetime
	}
	life := stay + time.Duration(float64(forgotten)*max(0, 1-p.LogoutShare-p.TerminatedShare))
	if p.Lifetime > 0 {
		life = min(life, p.Lifetime)
	}
	return max(life, time.Second)
}

// whereabouts is the address from which a person comes this time.
func (w *World) whereabouts(who *person) string {
	if len(who.homes) > 1 && w.rand.IntN(3) == 0 {
		return who.homes[1+w.rand.IntN(len(who.homes)-1)]
	}
	return who.homes[0]
}

// try is an attempt to log in.
func (w *World) try(p *pool, who *person, from string) {
	if p.api == session.Intersight && (who.locked(w.now) || who.local && w.rand.Float64() < p.FailureShare) {
		w.fail(p, who, from)
		if w.rand.IntN(10) > 0 { // most try again
			at := w.soon(p, time.Duration(5+w.rand.IntN(20))*time.Second)
			w.schedule.push(at, due{duty: dutyTry, pool: p, who: who, from: from})
		}
		return
	}
	if p.api == session.OAM && w.rand.Float64() < p.Impersonating {
		// The impersonator's own session is a second one.
		if w.logIn(p, who, from, false) != nil {
			w.logIn(p, w.people.draw(w.rand), from, true)
		}
		return
	}
	w.logIn(p, who, from, false)
}

func (w *World) fail(p *pool, who *person, from string) {
	who.failures++
	w.lockOut(p, who)
	p.log.add(Event{At: w.now, Kind: FailedLogin, User: who.email, ClientIP: from, FailedLogins: -1})
	if p.Figure != FigureLive {
		return
	}
	shown := false
	for _, e := range p.index[ByUser][who.email] {
		if e.person == who && e.FailedLogins >= 0 {
			e.FailedLogins = who.failures
			shown = true
		}
	}
	if shown {
		p.log.grew(1)
	}
}

// logIn starts a session, unless a limit forbids it.
func (w *World) logIn(p *pool, who *person, from string, impersonating bool) *Entry {
	name := who.email
	if p.api == session.OAM {
		name = who.login
	}
	if p.Max > 0 && len(p.all()) >= p.Max ||
		p.MaxPerUser > 0 && len(p.index[ByUser][name]) >= p.MaxPerUser {
		return nil
	}
	if w.rand.Float64() < p.OddAddresses {
		from = oddAddress(w.rand, from)
	}
	if p.Strange > 0 && w.rand.Float64() < p.Strange {
		from = strangeAddress(w.rand, from)
	}
	s := w.plain(p)
	s.User, s.ClientIP = name, from
	if w.rand.Float64() < p.Gaps {
		s.ClientIP = ""
	}
	s.Role = who.role
	if w.rand.Float64() < p.Gaps {
		s.Role = ""
	}
	if p.api == session.OAM {
		s.Store, s.Impersonating = who.store, impersonating
		s.ID = oamSessionID(w.rand, s.User, s.Store)
	} else {
		w.fillIntersight(p, &s, who, from)
	}
	e := w.admit(p, s, who)
	if p.Sessions <= 0 { // a static world
		return e
	}
	e.leaveAt = w.now.Add(p.MinStay + exponential(w.rand, p.Stay))
	switch x := w.rand.Float64(); {
	case x < p.LogoutShare:
		e.how = logOut
	case x < p.LogoutShare+p.TerminatedShare:
		e.how = thrownOut
	}
	w.planAct(p, e)
	return e
}

func (w *World) fillIntersight(p *pool, s *Session, who *person, from string) {
	s.UserMoid = who.moid
	if p.TokenShare > 0 && w.rand.Float64() < p.TokenShare {
		s.LoginType = LoginToken
	} else if p.OddLogin > 0 && w.rand.Float64() < p.OddLogin {
		s.LoginType = [...]string{LoginOdd, ""}[w.rand.IntN(2)]
	}
	if w.rand.Float64() < p.OddStatus {
		s.State = StateLocked
	}
	s.FailedLogins, s.LastLogin, s.LastLoginClient = who.failures, w.now, from
	who.failures = 0
	who.lastLogin = sessionTime{w.now, from}
	switch {
	case p.Figure == FigureLive:
		s.FailedLogins = 0
	case p.Figure == FigureOfLogin && w.rand.Float64() < p.Gaps:
		s.FailedLogins = -1
	}
	if p.Figure == FigureOfLogin {
		return
	}
	for _, e := range p.index[ByUser][s.User] {
		if e.person == who {
			e.FailedLogins, e.LastLogin, e.LastLoginClient = s.FailedLogins, s.LastLogin, s.LastLoginClient
		}
	}
}

// plain returns a new session with everything but people and places filled in.
func (w *World) plain(p *pool) Session {
	w.made++
	now := w.now.Truncate(p.Quantum)
	s := Session{API: p.api, Created: now, Updated: now, LastAccess: now, FailedLogins: -1}
	if p.Lifetime > 0 {
		s.Expires = now.Add(p.Lifetime)
	}
	if p.api == session.Intersight {
		s.State, s.LoginType = StateActive, LoginWeb
		s.ID = moid(now, w.made)
		if p.RandomMoids {
			s.ID = randomMoid(w.rand)
		}
		if p.IdleTimeout > 0 {
			s.IdlesAt = now.Add(p.IdleTimeout)
		}
	}
	return s
}

// admit lists a new session and starts its timer.
func (w *World) admit(p *pool, s Session, who *person) *Entry {
	e := &Entry{Session: s, person: who, rank: Hash(s.ID)}
	p.insert(e)
	p.log.add(Event{At: w.now, Kind: Started, ID: s.ID, User: s.User, ClientIP: s.ClientIP, FailedLogins: s.FailedLogins})
	w.check(p, e)
	return e
}

// planAct schedules the next thing a person does in a session.
func (w *World) planAct(p *pool, e *Entry) {
	usual := p.IdleTimeout
	if usual <= 0 {
		usual = 15 * time.Minute
	}
	gap := min(exponential(w.rand, usual/4), usual*9/10)
	if w.rand.Float64() < p.BreakShare {
		gap = usual + exponential(w.rand, usual)
	} else if left := e.leaveAt.Sub(w.now); left > 0 {
		gap = min(gap, left)
	}
	w.schedule.push(w.soon(p, max(gap, p.Quantum)), due{duty: dutyAct, pool: p, entry: e})
}

// act is a person using a session, or leaving it.
func (w *World) act(p *pool, e *Entry) {
	if e.gone || e.over {
		return
	}
	// Intersight does not take an idle session back; OAM does.
	switch p.statusOf(&e.Session, w.now) {
	case session.Active, session.Unknown:
	case session.Idle:
		if p.api == session.Intersight {
			return
		}
	default:
		return
	}
	if past(w.now, e.leaveAt) {
		switch e.how {
		case logOut:
			w.end(p, e, ReasonEnded)
		case thrownOut:
			w.end(p, e, ReasonTerminated)
		}
		return
	}
	w.access(p, e)
	w.planAct(p, e)
}

func (w *World) access(p *pool, e *Entry) {
	now := w.now.Truncate(p.Quantum)
	e.LastAccess, e.Updated = now, now
	if p.api == session.Intersight && p.IdleTimeout > 0 {
		e.IdlesAt = now.Add(p.IdleTimeout)
	}
}

// end ends a session by logout or by an administrator.
func (w *World) end(p *pool, e *Entry, reason string) {
	if e.over {
		return
	}
	w.ended(p, e, reason)
	if p.api == session.OAM || p.Linger <= 0 {
		w.drop(p, e)
		return
	}
	e.State = StateEnded
	if reason == ReasonTerminated {
		e.State = StateTerminated
	}
	e.Ended = w.now.Truncate(p.Quantum)
	e.Updated = e.Ended
	w.check(p, e)
}

func (w *World) ended(p *pool, e *Entry, reason string) {
	e.over = true
	p.log.add(Event{At: w.now, Kind: Ended, ID: e.ID, User: e.User, ClientIP: e.ClientIP, Reason: reason, FailedLogins: -1})
}

func (w *World) drop(p *pool, e *Entry) {
	p.remove(e)
	p.log.add(Event{At: w.now, Kind: Removed, ID: e.ID, User: e.User, ClientIP: e.ClientIP, FailedLogins: -1})
}

// check does what a session's limits demand now, and sets its timer for the
// next of them.
func (w *World) check(p *pool, e *Entry) {
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	expires, idles := p.limitsOf(&e.Session)
	switch over := e.State == StateEnded || e.State == StateTerminated; {
	case over && p.api == session.Intersight:
		if !e.over { // made so by hand
			w.ended(p, e, map[string]string{StateEnded: ReasonEnded, StateTerminated: ReasonTerminated}[e.State])
		}
		if e.Ended.IsZero() {
			break // an end without a time stays
		}
		if sooner(e.Ended.Add(p.Linger)); past(w.now, next) {
			w.drop(p, e)
			return
		}
	case past(w.now, expires):
		if !e.over {
			w.ended(p, e, ReasonExpired)
		}
		if sooner(expires.Add(p.Purge)); past(w.now, next) {
			w.drop(p, e)
			return
		}
	case p.api == session.Intersight && !idles.IsZero() && past(w.now, idles.Add(p.Purge)):
		if !e.over {
			w.ended(p, e, ReasonIdle)
		}
		w.drop(p, e)
		return
	default:
		if !expires.IsZero() {
			sooner(expires)
		}
		if p.api == session.Intersight && !idles.IsZero() {
			sooner(idles.Add(p.Purge))
		}
	}
	e.timer = 0
	if !next.IsZero() {
		e.timer = w.schedule.push(next, due{duty: dutyTimer, pool: p, entry: e})
	}
}

// beginBruteForce chooses a victim and an address to attack from.
func (w *World) beginBruteForce(p *pool) {
	who := w.people.draw(w.rand)
	for i := 0; !who.local && i < 20; i++ {
		who = w.people.draw(w.rand)
	}
	if !who.local {
		return
	}
	from := newAddresses(w.rand, 1)[0]
	w.attempt(due{pool: p, who: who, from: from, left: 20 + w.rand.IntN(40)})
}

// attempt is one of a brute force's: all fail but the last, which
// does where the account is locked.
func (w *World) attempt(d due) {
	if d.left == 0 && !d.who.locked(w.now) {
		w.logIn(d.pool, d.who, d.from, false)
		return
	}
	w.fail(d.pool, d.who, d.from)
	if d.left--; d.left < 0 { // the account is locked: given up
		return
	}
	d.duty = dutyAttempt
	w.schedule.push(w.soon(d.pool, time.Duration(500+w.rand.IntN(2500))*time.Millisecond), d)
}
