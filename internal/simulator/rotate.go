package simulator

import (
	"fmt"
	"strings"
)

// rotate begins another turn of session ids where a search has no filter, and
// returns what all ids begin with in this turn. A search for an id of any turn
// becomes one for the id itself.
func (a *OAM) rotate(q *Query, o *OAMOptions) string {
	if !o.RotateIDs {
		return ""
	}
	if id, ok := q.Fields[FieldSessionID]; ok {
		if _, own, ok := strings.Cut(id, "~"); ok {
			q.Fields[FieldSessionID] = own
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(q.Fields) == 0 {
		a.turn++
	}
	return fmt.Sprintf("%08x~", a.turn)
}

// rotate gives the rows the Moids of the present turn, or of the next one. Their
// order stays as long as the world's Moids grow with time.
func (i *Intersight) rotate(rows []Session, next bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if next {
		i.turn++
	}
	for n := range rows {
		id := rows[n].ID
		rows[n].ID = id[:8] + fmt.Sprintf("%08x", i.turn) + id[16:]
	}
}
