package intersight

import (
	"fmt"

	"iam_session_exporter/internal/simulator/world"
)

// rotate gives the rows the Moids of the present turn, or of the next one. Their
// order stays as long as the world's Moids grow with time.
func (i *Handler) rotate(rows []world.Session, next bool) {
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
