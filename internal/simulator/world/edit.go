package world

import (
	"fmt"
	"time"

	"iam_session_exporter/internal/session"
)

// Add lists a session made by hand and returns its id. It starts out as one that
// began now, with an identity store, a role, a user of its own and the address
// 192.0.2.10; edit, if not nil, may change anything, also to what no real world
// has. Nobody uses such a session, but its limits take effect as time goes on.
// In OAM the id follows from user and store unless edit sets it.
func (w *World) Add(api session.API, edit func(*Session)) string {
	defer w.enter()()
	return w.add(w.pool(api), edit)
}

// AddN adds n sessions; edit also gets the number of each, from 0.
func (w *World) AddN(api session.API, n int, edit func(i int, s *Session)) []string {
	defer w.enter()()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.add(w.pool(api), func(s *Session) {
			if edit != nil {
				edit(i, s)
			}
		})
	}
	return ids
}

func (w *World) add(p *pool, edit func(*Session)) string {
	s := w.plain(p)
	s.User, s.ClientIP, s.Role = fmt.Sprintf("user%d", w.made), "192.0.2.10", roleNames[1]
	if p.api == session.OAM {
		s.Store = storeNames[0]
	} else {
		s.UserMoid = fmt.Sprintf("5b00000000000000%08x", w.made)
		s.User += "@example.com"
		s.FailedLogins, s.LastLogin, s.LastLoginClient = 0, s.Created, s.ClientIP
	}
	if edit != nil {
		edit(&s)
	}
	if p.api == session.Intersight {
		w.directory.ensure(s.UserMoid)
	}
	if s.ID == "" {
		s.ID = oamSessionID(w.rand, s.User, s.Store)
	}
	w.admit(p, s, nil)
	return s.ID
}

// Modify edits a listed session; false if there is none of that id. A higher
// FailedLogins counts as failed logins told.
func (w *World) Modify(api session.API, id string, edit func(*Session)) bool {
	return w.with(api, id, func(p *pool, e *Entry) {
		before := max(e.FailedLogins, 0)
		p.change(e, edit)
		if e.FailedLogins > before {
			p.log.grew(e.FailedLogins - before)
		}
		w.check(p, e)
	})
}

// Access makes a listed session be used now.
func (w *World) Access(api session.API, id string) bool {
	return w.with(api, id, func(p *pool, e *Entry) { w.access(p, e); w.check(p, e) })
}

// End ends a listed session as the product does: by logout, or by an
// administrator.
func (w *World) End(api session.API, id string, terminated bool) bool {
	return w.with(api, id, func(p *pool, e *Entry) {
		reason := ReasonEnded
		if terminated {
			reason = ReasonTerminated
		}
		w.end(p, e, reason)
	})
}

// Remove makes a session vanish from the list at once.
func (w *World) Remove(api session.API, id string) bool {
	return w.with(api, id, func(p *pool, e *Entry) {
		if !e.over {
			w.ended(p, e, ReasonGone)
		}
		w.drop(p, e)
	})
}

// Clear removes every session of an API.
func (w *World) Clear(api session.API) {
	defer w.enter()()
	p := w.pool(api)
	for len(p.all()) > 0 {
		e := p.all()[len(p.all())-1]
		if !e.over {
			w.ended(p, e, ReasonGone)
		}
		w.drop(p, e)
	}
}

// Churn logs out n sessions drawn at random (one that is over is removed) and
// logs in as many people, now.
// Where a limit forbids that, the new session copies user and place of the one
// that left.
func (w *World) Churn(api session.API, n int) {
	defer w.enter()()
	p := w.pool(api)
	for range n {
		all := p.all()
		if len(all) == 0 {
			return
		}
		e := all[w.rand.IntN(len(all))]
		if e.over {
			w.drop(p, e)
		} else {
			w.end(p, e, ReasonEnded)
		}
		if len(w.people.all) > 0 {
			who := w.people.draw(w.rand)
			if w.logIn(p, who, w.whereabouts(who), false) != nil {
				continue
			}
		}
		old := e.Session
		w.add(p, func(s *Session) {
			s.User, s.UserMoid, s.Role, s.Store = old.User, old.UserMoid, old.Role, old.Store
			s.ClientIP, s.Impersonating = old.ClientIP, old.Impersonating
		})
	}
}

// with does something to a listed session, inside the world's lock.
func (w *World) with(api session.API, id string, do func(*pool, *Entry)) bool {
	defer w.enter()()
	p := w.pool(api)
	e := p.find(id)
	if e != nil {
		do(p, e)
	}
	return e != nil
}

// SetIdleTimeout changes an API's idle timeout for what happens from now on, as
// an administrator may. OAM judges every session by it at once.
func (w *World) SetIdleTimeout(api session.API, d time.Duration) {
	defer w.enter()()
	w.pool(api).IdleTimeout = d
}
