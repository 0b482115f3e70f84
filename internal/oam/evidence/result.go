package evidence

import (
	"cmp"
	"maps"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// Result is what a refresh has proven.
type Result struct {
	Total  int   // T0
	Last   int   // the total when it was last looked at
	Listed []int // Refs of the sessions listed that were alive at t0

	Complete bool // Listed is all of them

	// Totals asked for, by value; empty if not proven.
	Addresses, Stores map[string]int
	Impersonating     int // sessions; -1 if not proven
	Expired, Idle     int // sessions at t0, idle ones not expired; -1 if not proven

	// FullyListed are sets of which one answer listed every session, if not all are
	// listed. A User is meant as one of the Store. ListedLater are sessions that were
	// listed, and are not in Listed.
	FullyListed []filter.Query
	ListedLater []int // Refs

	Folded bool // case is ignored: values that differ by it only are one

	// Untrusted names the check that failed: nothing may be published.
	Untrusted string
	Lost      int      // searches without an answer, or with one that proves nothing
	Notes     []string // what was decided; no identity in it

	Alive   []filter.Row // Listed, as rows
	Doubted filter.Kinds // fields by which fully listed sets lacked what they must hold
	Reprobe bool         // what filters were proven to mean is contradicted
}

// Result says what is proven by now. It changes nothing.
func (l *Log) Result() Result {
	alive := l.alive()
	r := Result{Total: l.total, Last: l.last, Impersonating: -1, Expired: -1, Idle: -1,
		Untrusted: l.untrusted, Notes: slices.Clone(l.notes), Lost: l.lost, Folded: l.folds(), Reprobe: l.reprobe}
	if l.lost > 0 {
		r.Notes = append(r.Notes, lostNote(l.lost))
	}
	listed := l.listed
	if l.instantAgrees() {
		listed = l.total
	}
	if r.Untrusted == "" && l.totalLooksCapped(listed) {
		r.Untrusted = "total_looks_capped"
	}
	if r.Untrusted != "" {
		return r
	}
	if l.broken[filter.ByIP] && l.past.Can.ExactIP == filter.Exact || l.broken[filter.ByStore] && l.past.Can.ExactStore == filter.Exact {
		r.Reprobe = true
		r.Notes = append(r.Notes, "rows did not fit their filter: it is not used, and will be probed again")
	}
	for i := range alive {
		r.Listed = append(r.Listed, alive[i].Ref)
	}
	r.Alive = alive
	if r.Complete = listed == l.total && l.complete(); !r.Complete {
		l.incomplete(&r)
	}
	return r
}

// complete reports whether a list as long as the total may be taken for complete.
func (l *Log) complete() bool {
	return (l.past.Can.Total != filter.Capped || l.total < l.past.Limit) && (l.total < filter.Window || l.past.Beyond) && !l.windowMoves && !l.overflows()
}

// incomplete adds what is proven if not all is listed.
func (l *Log) incomplete(r *Result) {
	r.Addresses, r.Stores = l.counted(filter.ByIP, r.Alive), l.counted(filter.ByStore, r.Alive)
	r.Impersonating = l.impersonating()
	r.Expired, r.Idle = l.Statuses()
	r.FullyListed, r.Doubted = l.fullyListed()
	r.ListedLater = l.listedLater(r.Listed)
	if r.Doubted != 0 {
		r.Notes = append(r.Notes, "a session was listed after a set that must hold it came without it: such sets prove no end")
	}
}

// Past is what later refreshes may build on.
func (l *Log) Past(r *Result) Past {
	p := l.past
	p.Found, p.Doubted, p.UsersOf = copied(p.Found), copied(p.Doubted), copied(p.UsersOf)
	if r.Complete {
		p.Complete = l.total
	}
	for _, f := range valueFields {
		if r.Doubted.Has(f) {
			p.Doubted[f] = l.t0
		}
	}
	if r.Untrusted != "" {
		return p
	}
	for q := range l.listings.found {
		p.Found[q] = l.t0
	}
	l.rememberUsersOf(&p)
	since := l.t0 - foundFor
	if len(p.Found) > maxFound {
		since = l.t0 - 1 // only what this refresh found
	}
	maps.DeleteFunc(p.Found, func(_ filter.Query, at int64) bool { return at <= since })
	if len(p.Found) > maxFound {
		clear(p.Found)
	}
	return p
}

// copied is a copy of a map, also of none.
func copied[K comparable](m map[K]int64) map[K]int64 {
	c := make(map[K]int64, len(m))
	maps.Copy(c, m)
	return c
}

// alive returns those listed that were alive at t0. They may be a few too many, if
// sessions are stamped by another clock: the youngest go.
func (l *Log) alive() []filter.Row {
	instant := l.instantAgrees()
	var rows []filter.Row
	for i := range l.rows {
		if r := &l.rows[i]; l.Old(r) || instant && r.Created == l.t0 {
			rows = append(rows, *r)
		}
	}
	if len(rows) > l.total {
		slices.SortStableFunc(rows, func(a, b filter.Row) int {
			if l.inFirst[a.Ref] != l.inFirst[b.Ref] {
				if l.inFirst[a.Ref] {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Created, b.Created)
		})
		rows = rows[:l.total]
	}
	return rows
}

// instantAgrees reports whether the sessions of the very second of t0 are proven to
// have been alive then: nothing has moved, and what is listed with them agrees with
// each count that was asked. One that began instead of another that ended shows,
// unless both were of the same.
func (l *Log) instantAgrees() bool {
	if l.instant == 0 || l.listed == l.total || !l.lookedAgain || l.last != l.total || !l.AllListed() {
		return false
	}
	listed := l.listedWithInstant()
	for _, c := range l.order {
		f := c.Field()
		if f == filter.NoField || c.asked == 0 || c.Prefix() || l.broken[f] || l.past.Can.Exact(f) != filter.Exact {
			continue
		}
		if n := listed[c.Query]; n != c.early || n != c.total {
			return false
		}
	}
	return true
}

// listedWithInstant counts what is listed, with the sessions of the very second of
// t0, by the values of single fields.
func (l *Log) listedWithInstant() map[filter.Query]int {
	listed := map[filter.Query]int{}
	for i := range l.rows {
		if r := &l.rows[i]; l.Old(r) || r.Created == l.t0 {
			for _, q := range [...]filter.Query{{User: r.User}, {IP: r.IP}, {Store: r.Store}, {Flag: filter.FlagOf(r)}} {
				listed[q]++
			}
		}
	}
	return listed
}
