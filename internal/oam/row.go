package oam

import "time"

// row is one listed session. A zero time and an empty string mean that the
// answer does not tell. It holds identities, and lives no longer than its
// answer.
type row struct {
	sessionID, userID, clientIP, idStore, sessionIndex, role string

	impersonating bool

	created, updated, accessed, expires time.Time

	odd bool // has a time that can't be read
}

// identity is what tells one session from another: its sessionId, or all that
// does not change where there is none.
type identity struct {
	sessionID, userID, clientIP, idStore, sessionIndex string

	created int64 // nanoseconds since 1970
}

func (r *row) identity() identity {
	if r.sessionID != "" {
		return identity{sessionID: r.sessionID}
	}
	id := identity{userID: r.userID, clientIP: r.clientIP, idStore: r.idStore, sessionIndex: r.sessionIndex}
	if !r.created.IsZero() {
		id.created = r.created.UnixNano()
	}
	return id
}

// distinct leaves out rows that repeat an earlier one. It works in place.
func distinct(rows []row) []row {
	seen := make(map[identity]struct{}, len(rows))
	kept := rows[:0]
	for i := range rows {
		id := rows[i].identity()
		if _, ok := seen[id]; !ok {
			seen[id] = struct{}{}
			kept = append(kept, rows[i])
		}
	}
	return kept
}

// rowReader collects the rows of one answer.
type rowReader struct {
	roleAttribute string
	rows          []row
	timeText      string            // a createTime as it is written
	seen          map[string]string // stores and addresses repeat: each is kept once
}

// listing reads "sessions" or "sessionData": a session, or an object around
// some, or an empty text where there are none.
func (r *rowReader) listing(n *node) error {
	if len(n.kids) == 0 {
		if n.scalar() != "" {
			return errBadListed
		}
		return nil
	}
	for i := range n.kids {
		if n.kids[i].name == sessionName {
			if err := r.listing(&n.kids[i]); err != nil {
				return err
			}
		}
	}
	if row := r.read(n); row.identity() != (identity{}) {
		r.rows = append(r.rows, row)
	}
	return nil
}

func (r *rowReader) read(n *node) row {
	var s row
	for i := range n.kids {
		k := &n.kids[i]
		switch k.name {
		case "sessionId":
			s.sessionID = k.scalar()
		case "userId":
			s.userID = k.scalar()
		case "clientIp":
			s.clientIP = r.intern(k.scalar())
		case "idStoreName":
			s.idStore = r.intern(k.scalar())
		case "sessionIndex":
			s.sessionIndex = k.scalar()
		case "isImpersonating":
			s.impersonating = isTrue(k.scalar())
		case "createTime":
			s.created = s.time(k)
			if !s.created.IsZero() && r.timeText == "" {
				r.timeText = k.scalar()
			}
		case "updateTime":
			s.updated = s.time(k)
		case "lastAccessTime":
			s.accessed = s.time(k)
		case "expiryTime":
			s.expires = s.time(k)
		case "userAttributes":
			if r.roleAttribute != "" && s.role == "" {
				s.role = r.intern(attribute(k, r.roleAttribute))
			}
		}
	}
	return s
}

func (s *row) time(n *node) time.Time {
	t, ok := parseTime(n.scalar())
	s.odd = s.odd || !ok
	return t
}

func (r *rowReader) intern(s string) string {
	if known, ok := r.seen[s]; ok {
		return known
	}
	r.seen[s] = s
	return s
}
