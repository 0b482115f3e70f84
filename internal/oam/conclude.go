package oam

import (
	"fmt"
	"maps"
	"strings"

	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// window is the most sessions that one answer lists, and there is no second
// page ("maximum of 28 sessions", "not paginated").
const window = plan.Window

// conclude makes a snapshot of what a scrape has proven.
func (s *Source) conclude(a *asker, r *plan.Result) *session.Snapshot {
	s.look(a)
	s.log.formats(s.formats.any(0) || s.formats.any(1))
	drift := r.Last - r.Total
	snap := &session.Snapshot{
		Taken:    a.date,
		Sessions: make([]session.Session, len(r.Listed)),
		Total:    r.Total,
		Reported: r.Total,
		Complete: r.Complete,
		Resolved: map[session.Dimension]session.Resolution{
			session.DimensionClientIP:      {Listed: r.Complete, Counted: r.Addresses},
			session.DimensionIdentityStore: {Listed: r.Complete, Counted: r.Stores},
		},
		Drift:  &drift,
		Limits: s.limits(),
	}
	if s.cfg.RoleAttribute != "" {
		snap.Resolved[session.DimensionRole] = session.Resolution{Listed: r.Complete}
	}
	impersonating := 0
	for i, ref := range r.Listed {
		snap.Sessions[i] = s.judge.session(&a.rows[ref], a.date)
		if a.rows[ref].impersonating {
			impersonating++
		}
	}
	if r.Folded {
		respell(snap, r)
	}
	switch {
	case r.Complete:
		snap.Impersonating = &impersonating
		return snap
	case r.Impersonating >= 0:
		snap.Impersonating = &r.Impersonating
	}
	for status, n := range map[session.Status]int{session.Expired: r.Expired, session.Idle: r.Idle} {
		if n >= 0 {
			if snap.Statuses == nil {
				snap.Statuses = map[session.Status]int{}
			}
			snap.Statuses[status] = n
		}
	}
	maps.DeleteFunc(r.Addresses, func(raw string, _ int) bool { return !s.formats.sole(raw) })
	s.whole(snap, a, r)
	return snap
}

// look takes in how the addresses of a scrape are formatted, once it has ended.
func (s *Source) look(a *asker) {
	if !a.looked {
		a.looked = true
		s.formats.look(a.rows, a.date)
	}
}

// sole returns what tells package plan which addresses can be published.
func (s *Source) sole(a *asker) func(ip string, ended bool) bool {
	return func(ip string, ended bool) bool {
		if ended {
			s.look(a)
		}
		return s.formats.sole(ip)
	}
}

// respell gives sessions one spelling of each value, where case is ignored: the one
// that was counted, else the first in the order of the alphabet.
func respell(snap *session.Snapshot, r *plan.Result) {
	unify(snap.Sessions, r.Addresses, func(x *session.Session) *string { return &x.ClientIP })
	unify(snap.Sessions, r.Stores, func(x *session.Session) *string { return &x.IdentityStore })
}

func unify(sessions []session.Session, counted map[string]int, field func(*session.Session) *string) {
	spelling := make(map[string]string, len(counted))
	for v := range counted {
		spelling[strings.ToLower(v)] = v
	}
	for i := range sessions {
		v := *field(&sessions[i])
		low := strings.ToLower(v)
		have, ok := spelling[low]
		if _, fixed := counted[have]; !ok || !fixed && v < have {
			spelling[low] = v
		}
	}
	for i := range sessions {
		v := field(&sessions[i])
		*v = spelling[strings.ToLower(*v)]
	}
}

// limits are those of the config: the API tells none.
func (s *Source) limits() session.Limits {
	idle, lifetime := s.cfg.IdleTimeout, s.cfg.SessionLifetime
	l := session.Limits{IdleTimeout: &idle, Lifetime: &lifetime}
	if n := s.cfg.MaxSessionsPerUser; n > 0 {
		l.UserSessions = &n
	}
	return l
}

func describe(a *asker, r *plan.Result) string {
	listed := len(r.Listed)
	switch {
	case r.Complete:
		return fmt.Sprintf("all %d sessions are listed", r.Total)
	case r.Total < window:
		return fmt.Sprintf("%d of %d sessions are listed, though one answer could list them all: the rest is unknown", listed, r.Total)
	case a.sent == 1:
		return fmt.Sprintf("%d of %d sessions are listed, as one answer lists at most %d: the rest is unknown", listed, r.Total, window)
	}
	return fmt.Sprintf("%d of %d sessions are listed after %d queries; counted: %d addresses, %d identity stores", listed, r.Total, a.sent, len(r.Addresses), len(r.Stores))
}
