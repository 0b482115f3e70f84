package oam

import "sync/atomic"

const (
	minRoom  = 16 << 20 // bytes
	eachRow  = 2 << 10  // bytes that a row takes besides its texts, here and in packages evidence and search
	fullRoom = window * (eachRow + 512)
)

// room limits the memory that the rows of one refresh take: an answer may list far
// more than a window, with long texts, and a refresh has hundreds of answers. It has
// place for a window of rows an answer.
type room struct{ left atomic.Int64 }

// empty begins a refresh of so many answers at most.
func (r *room) empty(answers int) { r.left.Store(max(minRoom, int64(answers)*fullRoom)) }

// fit returns the rows that there is room for; the others count as not listed.
func (r *room) fit(rows []row) []row {
	for i := range rows {
		x := &rows[i]
		if r.left.Add(-int64(eachRow+len(x.sessionID)+len(x.userID)+len(x.clientIP)+len(x.idStore)+len(x.sessionIndex)+len(x.role))) < 0 {
			return rows[:i]
		}
	}
	return rows
}
