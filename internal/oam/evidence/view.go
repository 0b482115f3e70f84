package evidence

import "iam_session_exporter/internal/oam/filter"

// View is what a Log shows to those who decide what to ask. It changes nothing.
type View interface {
	Can() filter.Capabilities
	T0() int64
	Date() int64
	Total() int
	UsualLimit() bool
	Tolerance() int
	Asked() int
	Rejected() int
	Rows() []filter.Row
	Old(*filter.Row) bool
	Listed() int
	Fruitful() int
	AllListed() bool
	Broken(filter.Field) bool
	Count(filter.Query) (total, n int)
	Canonical(filter.Query) filter.Query
	AsksUsers() bool
	UserListed(user string) bool
	UserUnconfirmed(user string) bool
	UserUnfound(user string) (other string, ok bool)
}

var _ View = (*Log)(nil)

// Can is what filters are proven to mean.
func (l *Log) Can() filter.Capabilities { return l.past.Can }

// T0 is when the first search was counted.
func (l *Log) T0() int64 { return l.t0 }

// Date is that of the first answer, as the server says.
func (l *Log) Date() int64 { return l.date }

// Total is T0's: how many sessions there were then.
func (l *Log) Total() int { return l.total }

// Tolerance is how far totals may differ because they move.
func (l *Log) Tolerance() int { return tolerance(l.total) }

// Asked is how many answers came so far.
func (l *Log) Asked() int { return l.asked }

// Rejected is how many of these were refusals.
func (l *Log) Rejected() int { return l.rejected }

// Rows has each session once, in the order in which they came.
func (l *Log) Rows() []filter.Row { return l.rows }

// Old reports whether a row is proven to have been alive at t0: listed by the first
// answer, or created before the second it came in.
func (l *Log) Old(r *filter.Row) bool {
	return l.inFirst[r.Ref] || r.Created != 0 && r.Created < l.t0
}

// Listed is how many of the rows were alive at t0.
func (l *Log) Listed() int { return l.listed }

// Fruitful is the last answer that listed a new one of them.
func (l *Log) Fruitful() int { return l.fruitful }

// AllListed reports whether all seem to be listed. Sessions of the very second of
// t0 began before the first answer or after it. They are taken for older if nothing
// else has begun, and they are just what the total says is missing.
func (l *Log) AllListed() bool {
	return l.listed == l.total || l.instant > 0 && !l.newer && l.listed+l.instant == l.total
}

// Broken reports whether a row did not fit the filter on a field.
func (l *Log) Broken(f filter.Field) bool { return l.broken[f] }

// Count returns the last total of a query, and how often it was answered.
func (l *Log) Count(q filter.Query) (total, n int) {
	if c := l.counts[l.Canonical(q)]; c != nil {
		return c.total, c.asked
	}
	return 0, 0
}

// Times says whether filters on times are exact to the second.
func (l *Log) Times() (expiry, access bool) { return l.past.Times, l.past.Idle }

// Beyond reports whether a total above a window was ever seen.
func (l *Log) Beyond() bool { return l.past.Beyond }

// Lone reports whether a query was answered but once, and without a total.
func (l *Log) Lone(q filter.Query) bool {
	c := l.counts[l.Canonical(q)]
	return c != nil && c.lone
}
