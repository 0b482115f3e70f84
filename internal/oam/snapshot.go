package oam

import (
	"fmt"
	"maps"
	"strings"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
)

// window is the most sessions that one answer lists, and there is no second
// page ("maximum of 28 sessions", "not paginated").
const window = filter.Window

// conclude makes a snapshot of what a refresh has proven.
func (s *Source) conclude(a *client, r *evidence.Result) *session.Snapshot {
	s.look(a)
	s.changes.formats(s.formats.any(0) || s.formats.any(1))
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
		snap.Sessions[i] = s.convert.session(&a.rows[ref], a.date)
		if a.rows[ref].impersonating {
			impersonating++
		}
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
	respell(snap, r)
	maps.DeleteFunc(r.Addresses, func(raw string, _ int) bool { return !s.formats.sole(raw) })
	s.fullyListed(snap, a, r)
	return snap
}

// identities say who has the sessions that are listed.
func identities(a *client, listed []int) []session.Identity {
	ids := make([]session.Identity, len(listed))
	for i, ref := range listed {
		ids[i].User = session.NewPerson(a.rows[ref].userID, a.rows[ref].idStore)
	}
	return ids
}

// look takes in how the addresses of a refresh are formatted, once it has ended.
func (s *Source) look(a *client) {
	if !a.looked {
		a.looked = true
		s.formats.look(a.rows, a.date)
	}
}

// sole returns what tells package plan which addresses can be published.
func (s *Source) sole(a *client) func(ip string, ended bool) bool {
	return func(ip string, ended bool) bool {
		if ended {
			s.look(a)
		}
		return s.formats.sole(ip)
	}
}

// respell gives sessions the spelling that was counted, where case is ignored:
// values that differ by it only are one value.
func respell(snap *session.Snapshot, r *evidence.Result) {
	if !r.Folded {
		return
	}
	ips, stores := folded(r.Addresses), folded(r.Stores)
	for i := range snap.Sessions {
		x := &snap.Sessions[i]
		if v, ok := ips[strings.ToLower(x.ClientIP)]; ok {
			x.ClientIP = v
		}
		if v, ok := stores[strings.ToLower(x.IdentityStore)]; ok {
			x.IdentityStore = v
		}
	}
}

func folded(counted map[string]int) map[string]string {
	m := make(map[string]string, len(counted))
	for v := range counted {
		m[strings.ToLower(v)] = v
	}
	return m
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

func describe(a *client, r *evidence.Result) string {
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
