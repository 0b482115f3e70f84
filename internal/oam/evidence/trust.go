package evidence

import (
	"fmt"

	"iam_session_exporter/internal/oam/filter"
)

// Untrusted names the check that failed: nothing may be published. It is empty if
// none has.
func (l *Log) Untrusted() string { return l.untrusted }

func (l *Log) distrust(check string) {
	if l.untrusted == "" {
		l.untrusted = check
	}
}

// Foreign takes in that a row is outside the filter that each query carries: the
// server ignores it, or reads it otherwise.
func (l *Log) Foreign() { l.distrust("row_outside_filter") }

// Uncombined takes in that fields don't combine, though the filter that each query
// carries has several.
func (l *Log) Uncombined() { l.distrust("filter_not_combined") }

// The total may be limited, as the rows are. What shows it is more sessions, or
// larger parts, than a total that stays the same has room for. It is remembered:
// not each refresh finds enough to show it again.

// limited remembers the total as the limit of the search.
func (l *Log) limited() {
	l.past.Limit, l.past.LimitAt, l.past.Can.Total = l.total, l.t0, filter.Capped
}

// disproveLimit forgets a limit that a total is above.
func (p *Past) disproveLimit(total int) {
	if p.Limit > 0 && total > p.Limit {
		p.ForgetLimit()
	}
}

// ForgetLimit forgets that the total is limited.
func (p *Past) ForgetLimit() {
	p.Limit, p.LimitAt = 0, 0
	if p.Can.Total == filter.Capped {
		p.Can.Total = filter.Unknown
	}
}

// TotalCapped checks that the total is not the limit that an earlier refresh found,
// and reports whether it is.
func (l *Log) TotalCapped() bool {
	if l.total != l.past.Limit {
		return false
	}
	l.distrust("total_capped")
	return true
}

// listedExceedsTotal checks that the list is no longer than what it is a part of. A
// few more are taken for sessions that began later and are stamped by another clock,
// unless they are too old for that and the total turns out not to have moved.
func (l *Log) listedExceedsTotal() {
	if l.listed > l.total+l.Tolerance() || l.lookedAgain && l.aged > l.total && l.last == l.total {
		if l.aged > l.total {
			l.limited()
		}
		l.distrust("listed_exceeds_total")
	}
}

// LookedAgain takes in that the total was looked at once more, at the end.
func (l *Log) LookedAgain() {
	l.lookedAgain = true
	l.listedExceedsTotal()
}

// began reports whether a session was listed that may have begun since t0.
func (l *Log) began() bool { return l.newer || l.instant > 0 }

// PartsExceed reports whether the parts by a field add up to more than there were
// at t0: the total must be looked at again, as it may have grown.
func (l *Log) PartsExceed(f filter.Field) bool {
	sum, _ := l.sum(f)
	return sum > l.total+l.Tolerance()
}

// PartsExceedTotal checks that the parts by a field do not exceed the total. looked:
// it was looked at again after them. Two parts that add up to it prove that none of
// them was cut off.
func (l *Log) PartsExceedTotal(f filter.Field, looked bool) {
	sum, parts := l.sum(f)
	switch most := max(l.total, l.last); {
	case sum > most+tolerance(most):
		// Those that begin while others end are in more than one part, too.
		if more := sum - l.total; looked && l.last == l.total && (more > l.total/2 || more > l.total/10 && !l.began()) {
			l.limited()
		}
		l.distrust("parts_exceed_total")
	case sum == l.total && parts > 1 && (f == filter.ByStore || f == filter.ByFlag):
		l.past.Can.Total = filter.All
	}
}

// overflows reports whether parts add up to more than the total: then something is
// missing in it.
func (l *Log) overflows() bool {
	for _, f := range []filter.Field{filter.ByIP, filter.ByStore} {
		if sum, _ := l.sum(f); sum > l.total {
			return true
		}
	}
	return false
}

// ExceedsWindow reports whether a part, or parts by one field together, are larger
// than a total of just one window, from a server that never counted further. Such a
// server may move by a session or two, as any other.
func (l *Log) ExceedsWindow() bool {
	most, sums := l.total+2, map[filter.Field]int{}
	for _, c := range l.order {
		f := c.Field()
		if c.total > most && c.Query != (filter.Query{}) {
			return true
		}
		if f != filter.NoField && c.fits {
			if sums[f] += c.total; sums[f] > most {
				return true
			}
		}
	}
	return l.aged > l.total
}

// WindowExceeded judges what ExceedsWindow found, once everything was asked for
// again, with or without an answer.
func (l *Log) WindowExceeded(answered bool) {
	switch {
	case l.aged > l.total:
		l.limited()
	case !answered || l.last != l.total:
		l.Unsure("a total of just one window, which moves: not taken for complete")
		return
	case !l.began():
		l.limited()
	}
	l.distrust("total_capped")
}

// Unsure notes why the total is not believed to be that of a complete list.
func (l *Log) Unsure(why string) {
	l.windowMoves = true
	l.Note(why)
}

// totalLooksCapped checks for limits of a search that are usual, if nothing can be
// asked that would show whether this is one.
func (l *Log) totalLooksCapped(listed int) bool {
	can := &l.past.Can
	return l.asked > 1 && listed != l.total && can.Total != filter.All && can.ExactIP != filter.Exact && l.past.Complete != l.total &&
		(l.total == 100 || l.total == 200) && l.last == l.total
}

func lostNote(n int) string { return fmt.Sprintf("%d searches got no answer that proves anything", n) }
