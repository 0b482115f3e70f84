package evidence

import (
	"cmp"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

// tolerance is how far parts that are asked one after the other may exceed their
// sum because it moves.
func tolerance(total int) int { return total/100 + 2 }

// sum adds up the totals of disjoint parts that were asked for by a field, and
// counts them. If a value also finds those that contain it, they are left out.
func (l *Log) sum(f filter.Field) (sum, parts int) {
	match := l.past.Can.Exact(f)
	switch {
	case match == filter.Unknown, match == filter.Exact && l.broken[f]:
		return 0, 0
	case f == filter.ByUser:
		return l.sumLoose(f), 0
	case match == filter.Loose && l.ignored[f]:
		return 0, 0 // not a loose filter, but none
	case match == filter.Loose:
		return l.sumLoose(f), 0
	}
	for c := range l.parts(f) {
		if !l.ambiguous(f, c.Value()) {
			sum, parts = sum+c.total, parts+1
		}
	}
	return sum, parts
}

// parts are the values of a field whose sessions were counted, other than none.
func (l *Log) parts(f filter.Field) func(yield func(*count) bool) {
	return func(yield func(*count) bool) {
		for _, c := range l.order {
			if c.Field() == f && c.asked > 0 && c.total > 0 && !strings.HasSuffix(c.Value(), "*") && !yield(c) {
				return
			}
		}
	}
}

// sumLoose is the same of values that may contain each other: of these, only the
// shortest count.
func (l *Log) sumLoose(f filter.Field) (sum int) {
	var values []string
	var totals []int
	for c := range l.parts(f) {
		values, totals = append(values, strings.ToLower(c.Value())), append(totals, c.total)
	}
next:
	for i, v := range values {
		for k, shorter := range values {
			if strings.Contains(v, shorter) && (v != shorter || k < i) {
				continue next
			}
		}
		sum += totals[i]
	}
	return sum
}

// Flagged is how many impersonate; -1 if that is not known.
func (l *Log) Flagged() int {
	c := l.counts[filter.Query{Flag: filter.Impersonating}]
	if c == nil || c.asked == 0 || c.lone || l.broken[filter.ByFlag] || c.early > l.total {
		return -1
	}
	return c.early
}

// Partition returns the larger of the two parts by the flag, if they are proven to
// be parts: together they are all, and no more impersonate than are counted. No
// filtered total up to that size is cut off. Otherwise 0.
func (l *Log) Partition() int {
	flagged, plain := l.Flagged(), l.counts[filter.Query{Flag: filter.Plain}]
	if flagged < 0 || plain == nil || plain.asked == 0 || plain.lone {
		return 0
	}
	listed := 0
	for i := range l.rows {
		if l.rows[i].Impersonating && l.Old(&l.rows[i]) {
			listed++
		}
	}
	off := flagged + plain.total - l.total
	all := l.past.Can.Total == filter.All
	switch {
	case flagged < listed, max(off, -off) > l.Tolerance(), plain.total >= l.total && flagged > 0:
		return 0
	case flagged == 0 && !all && round(l.total):
		return l.total - 1 // one part that is all: a limit would look the same
	case all, off == 0 && flagged > 0:
		return l.total // it is not cut off itself
	}
	return max(flagged, plain.total)
}

// uncut is up to where a filtered total is proven not to be cut off.
func (l *Log) uncut() int {
	most := max(filter.Window-1, l.Partition())
	if l.filtered {
		most = max(most, l.total-1) // the total itself is a filtered one
	}
	return most
}

// UsualLimit reports whether the total is a number that may be somebody's limit.
func (l *Log) UsualLimit() bool { return round(l.total) }

// round reports whether a number may be somebody's limit.
func round(n int) bool { return n%50 == 0 || n&(n-1) == 0 }

// impersonating is how many do; -1 if that is not proven.
func (l *Log) impersonating() int {
	flagged := l.Flagged()
	if l.Partition() > 0 && (flagged > 0 || l.counts[filter.Query{Flag: filter.Plain}].total == l.total) {
		return flagged
	}
	return -1
}

// part is a value that was counted.
type part struct {
	value       string
	total, more int // sessions, those not listed
}

// counted returns the totals asked for by a field that is proven to be exact. If
// they, and what else is listed, exceed the total by as little as it moves, the
// smallest are left out; so are those that came out smaller than what is listed of
// them.
func (l *Log) counted(f filter.Field, alive []filter.Row) map[string]int {
	if l.past.Can.Exact(f) != filter.Exact || l.broken[f] {
		return nil
	}
	listed := map[string]int{}
	for i := range alive {
		if f == filter.ByIP {
			listed[alive[i].IP]++
		} else {
			listed[alive[i].Store]++
		}
	}
	// A total that may be cut off is no count: only those below the window, or up
	// to what was proven to be counted in full, are.
	most := l.uncut()
	var parts []part
	beyond := 0
	for c := range l.parts(f) {
		v, n := c.Value(), c.total
		if n < listed[v] {
			n = c.early // some have ended since it was asked first
		}
		if n < listed[v] || n > most || l.ambiguous(f, v) {
			continue
		}
		parts = append(parts, part{v, n, n - listed[v]})
		beyond += n - listed[v]
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.total, b.total) })
	return fitting(parts, beyond, l.total-len(alive))
}

// fitting leaves out the smallest parts, until what the others have beyond what is
// listed finds room in what is not.
func fitting(parts []part, beyond, room int) map[string]int {
	out := make(map[string]int, len(parts))
	for _, p := range parts {
		if beyond > room && p.more > 0 {
			beyond -= p.more
			continue
		}
		out[p.value] = p.total
	}
	return out
}

// pastTimes returns the total of a filter on times; -1 if it does not fit what was
// listed, may be cut off, or is not known.
func (l *Log) pastTimes(q filter.Query) int {
	c := l.counts[q]
	if c == nil || c.asked == 0 || c.lone || !c.fits || c.early > l.total || c.early > l.uncut() {
		return -1
	}
	listed := 0
	for i := range l.rows {
		if r := &l.rows[i]; l.Old(r) && q.Past(r) {
			listed++
		}
	}
	if listed > c.early {
		return -1
	}
	return c.early
}

// TimeFilters are those that count expired sessions, unused ones, and those that
// are both.
func (l *Log) TimeFilters() (expired, unused, both filter.Query) {
	cut := l.date - l.idleAfter
	return filter.Query{Expires: l.date}, filter.Query{Used: cut}, filter.Query{Used: cut, Expires: l.date}
}

// Statuses counts the sessions past their expiry, and those not used for too long
// that are not; -1 if not proven. Those that are both must be asked for before the
// unused ones: what is purged meanwhile makes the difference less, not more.
func (l *Log) Statuses() (expired, idle int) {
	qe, qu, qb := l.TimeFilters()
	if expired = l.pastTimes(qe); !l.past.Times || expired < 0 {
		return -1, -1
	}
	both, unused := 0, l.pastTimes(qu)
	if expired > 0 {
		both = l.pastTimes(qb)
	}
	if !l.past.Idle || l.idleAfter <= 0 || unused < 0 || both < 0 || both > min(unused, expired) {
		return expired, -1
	}
	return expired, unused - both
}
