package oam

import "time"

// row is one listed session. A zero time and an empty string mean that the
// answer does not tell. It holds identities, and lives no longer than its
// answer.
type row struct {
	sessionID, userID, clientIP, idStore, sessionIndex, role string

	impersonating bool

	created, accessed, expires time.Time

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

// newRow reads the values of a session.
func newRow(v *[fields]value) row {
	s := row{
		sessionID: v[fieldSessionID].text, userID: v[fieldUserID].text, clientIP: v[fieldClientIP].text, idStore: v[fieldStore].text,
		sessionIndex: v[fieldIndex].text, role: v[fieldAttributes].text,
		impersonating: isTrue(v[fieldImpersonating].text),
	}
	s.created, s.accessed, s.expires = s.time(v[fieldCreated].text), s.time(v[fieldAccessed].text), s.time(v[fieldExpires].text)
	return s
}

func (s *row) time(text string) time.Time {
	t, ok := parseTime(text)
	s.odd = s.odd || !ok
	return t
}
