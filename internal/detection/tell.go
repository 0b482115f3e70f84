package detection

import "iam_session_exporter/internal/session"

// teller says of which alerts a snapshot could tell that they are over.
type teller struct {
	cfg       *compiled
	complete  bool
	apart     []bool // of each detection: all that it looks at is listed
	listed    map[session.Set]bool
	addresses map[string]bool // canonical
}

func (e *Engine) teller(snap *session.Snapshot) *teller {
	t := &teller{cfg: e.cfg, complete: snap.Complete, apart: make([]bool, len(e.cfg.table))}
	if t.complete {
		return t
	}
	for i := range e.cfg.table {
		d := &e.cfg.table[i]
		t.apart[i] = d.apart != nil && d.apart(snap)
	}
	t.listed, t.addresses = make(map[session.Set]bool, len(snap.FullyListed)), map[string]bool{}
	for _, s := range snap.FullyListed {
		t.listed[s] = true
		if s.ClientIP != "" && s.User == 0 && s.IdentityStore == "" {
			if p, ok := e.cfg.locate(s.ClientIP); ok {
				t.addresses[p.Address] = true
			}
		}
	}
	return t
}

// can reports whether the snapshot has all sessions that an alert is about.
func (t *teller) can(a *firing) bool {
	switch {
	case t.complete || t.apart[a.detection]:
		return true
	case a.storm:
		return false
	case a.who.address != "":
		return t.addresses[a.who.address]
	}
	u := &a.who.user
	return u.key != 0 && (t.listed[session.Set{User: u.key}] || t.listed[session.Set{User: u.key, IdentityStore: u.store}]) ||
		u.store != "" && t.listed[session.Set{IdentityStore: u.store}]
}

// tellsAll reports whether a snapshot can tell of all alerts of a detection.
func (d *Detection) tellsAll(snap *session.Snapshot) bool {
	return snap.Complete || d.apart != nil && d.apart(snap)
}
