package evidence

import (
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

func (l *Log) folds() bool { return l.past.Can.Case == filter.Insensitive }

// canonicalRow gives values that are one, where case is ignored, one spelling.
func (l *Log) canonicalRow(r *filter.Row) {
	if l.folds() {
		r.User, r.IP, r.Store = l.spell(r.User, true), l.spell(r.IP, true), l.spell(r.Store, true)
	}
}

// Canonical gives a query the spelling that its values were met in first.
func (l *Log) Canonical(q filter.Query) filter.Query {
	if l.folds() {
		q.User, q.IP, q.Store = l.spell(q.User, false), l.spell(q.IP, false), l.spell(q.Store, false)
	}
	return q
}

func (l *Log) spell(v string, keep bool) string {
	low := strings.ToLower(v)
	if first, ok := l.spelling[low]; ok {
		return first
	}
	if keep {
		l.spelling[low] = v
	}
	return v
}

func (l *Log) meet(r *filter.Row) {
	l.Heard(filter.Query{IP: r.IP})
	l.Heard(filter.Query{Store: r.Store})
}

// Heard takes in that there is a value, as the query for it has it. Two that differ
// by case only may be one.
func (l *Log) Heard(q filter.Query) {
	f := q.Field()
	if f != filter.ByIP && f != filter.ByStore {
		return
	}
	v := q.Value()
	low := strings.ToLower(v)
	if l.variants[f] == nil {
		l.variants[f] = map[string]string{}
	}
	if was, ok := l.variants[f][low]; !ok {
		l.variants[f][low] = v
	} else if was != v {
		l.variants[f][low] = several
	}
}

const several = "*" // no value

// ambiguous reports whether another value differs by case only, and it is not known
// whether that matters.
func (l *Log) ambiguous(f filter.Field, v string) bool {
	return l.past.Can.Case != filter.Sensitive && l.variants[f][strings.ToLower(v)] == several
}
