package oam

import (
	"fmt"
	"strings"
)

// rotate begins another turn of session ids where a search has no filter, and
// returns what all ids begin with in this turn. A search for an id of any turn
// becomes one for the id itself.
func (a *Handler) rotate(q *Query, o *Options) string {
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
