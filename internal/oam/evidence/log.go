package evidence

import (
	"iam_session_exporter/internal/oam/filter"
)

// clockMargin is the age in seconds from which on sessions were there, however
// clocks differ.
const clockMargin = 60

// Past is what earlier refreshes have proven, and this one builds on.
type Past struct {
	Can      filter.Capabilities
	Beyond   bool                   // a total above a window, and above the rows listed, was seen
	Limit    int                    // a total that parts were found to exceed; 0: none
	LimitAt  int64                  // when
	Complete int                    // a total of which all were listed: it is no limit
	Found    map[filter.Query]int64 // searches for a store or an address, by when they found sessions
	Doubted  map[filter.Field]int64 // when a fully listed set by the field lacked what it must hold
	UsersOf  map[string]int64       // stores, by when a search for a user found one of theirs
	Times    bool                   // filters on times are exact to the second
	Idle     bool                   // the one on the last access, too
}

// Setup is what is known before the first answer.
type Setup struct {
	Past
	Filtered  bool           // everything is what a filter matches
	IdleAfter int64          // seconds without use after which a session is idle; 0: never
	Width     int            // queries that may run at once, and are answered in any order
	Users     []filter.Query // of whom it is worth to know that they have no session: a User and its Store
}

// Log is everything that a refresh was answered.
type Log struct {
	past      Past // as it is by now
	filtered  bool
	idleAfter int64
	width     int
	users     map[string][]string // the stores of those in Setup.Users, by user

	asked, lost, rejected int   // answers; of these, those that prove nothing, refusals
	t0, date              int64 // of the first answer: as sessions are stamped, as the server says
	total, last           int

	rows     []filter.Row
	have     []bool // by Ref
	inFirst  []bool // by Ref: in the first answer, so alive at t0
	listed   int    // of rows, those alive at t0
	aged     int    // of these, those that were there however clocks differ
	instant  int    // of rows, those of the very second of t0 that the first answer lacks
	newer    bool   // a row began later
	fruitful int

	counts   map[filter.Query]*count
	order    []*count // as they were asked first
	lone     []filter.Query
	spelling map[string]string // of values, by the lower-case one: the first
	variants map[filter.Field]map[string]string
	broken   map[filter.Field]bool
	ignored  map[filter.Field]bool // answers list what does not even contain the value

	listings listings

	lookedAgain bool // at the total, at the end
	windowMoves bool // what might have contradicted the total could not be looked at
	reprobe     bool // what the probe found is contradicted
	untrusted   string
	notes       []string
}

// count is a total that was asked for.
type count struct {
	filter.Query
	total int  // as last answered
	early int  // as first answered, not counting an answer without a total that the next one contradicts
	asked int  // times answered
	lone  bool // answered once, without a total: it proves nothing by itself
	fits  bool // all rows fit the query
}

// New begins the log of a refresh.
func New(s Setup) *Log {
	return &Log{past: s.Past, filtered: s.Filtered, idleAfter: s.IdleAfter, width: s.Width, users: storesOf(s.Users), counts: map[filter.Query]*count{}, spelling: map[string]string{}, variants: map[filter.Field]map[string]string{},
		broken: map[filter.Field]bool{}, ignored: map[filter.Field]bool{}, listings: newListings()}
}

// Add takes in an answer, and returns the rows that are new. Rows get the spelling
// that came first, where case is ignored. The first answer is that for everything.
func (l *Log) Add(q filter.Query, a filter.Answer) (fresh []filter.Row) {
	l.asked++
	switch a.Outcome {
	case filter.Unanswered:
		l.lost++
		return nil
	case filter.Rejected:
		l.rejected++
		return nil
	case filter.NoMatch:
		l.lone = append(l.lone, q)
	case filter.Found:
		l.lone = nil
	}
	first := l.asked == 1
	if first {
		l.t0, l.date, l.total = a.At-a.Took, a.At, a.Total
	}
	if a.Total > len(a.Rows) && len(a.Rows) > 0 && a.Total > filter.Window {
		l.past.Beyond = true
	}
	l.listings.see(l.asked, q, &a, l.folds())
	fits := true
	for i := range a.Rows {
		r := &a.Rows[i]
		l.compare(q, r)
		fits = fits && q.Holds(r, l.folds()) && q.Past(r)
		l.canonicalRow(r)
		if l.keep(r, first) {
			fresh = append(fresh, *r)
		}
	}
	if q == (filter.Query{}) {
		l.last = a.Total
		l.past.disproveLimit(a.Total)
	}
	l.countAnswer(q, &a, fits)
	l.listedExceedsTotal()
	return fresh
}

// compare checks that a row fits its filter, and that it is what several filters
// together ask for: else they do not combine, whatever the probe found.
func (l *Log) compare(q filter.Query, r *filter.Row) {
	can := &l.past.Can
	if f, bad := can.Misfit(q, r); bad {
		l.broken[f] = true
		l.ignored[f] = l.ignored[f] || q.Unrelated(r)
	}
	if can.Combine == filter.Yes && q.Fields() > 1 && q.Unrelated(r) {
		can.Combine, l.reprobe = filter.Unknown, true
		l.Note("rows did not fit filters that were taken to combine: it will be probed again")
	}
}

// keep takes a row in and reports whether it is new.
func (l *Log) keep(r *filter.Row, first bool) bool {
	for len(l.have) <= r.Ref {
		l.have, l.inFirst = append(l.have, false), append(l.inFirst, false)
	}
	if l.have[r.Ref] {
		return false
	}
	l.have[r.Ref], l.inFirst[r.Ref] = true, first
	l.rows = append(l.rows, *r)
	l.meet(r)
	switch {
	case l.Old(r):
		l.listed++
		l.fruitful = l.asked
		if first || r.Created < l.t0-clockMargin {
			l.aged++
		}
	case r.Created == l.t0:
		l.instant++
	case r.Created > l.t0:
		l.newer = true
	}
	return true
}

func (l *Log) countAnswer(q filter.Query, a *filter.Answer, fits bool) {
	q = l.Canonical(q)
	c := l.counts[q]
	if c == nil {
		c = &count{Query: q}
		l.counts[q] = c
		l.order = append(l.order, c)
		l.Heard(q)
	}
	c.total, c.fits = a.Total, fits
	if c.asked++; c.asked == 1 || c.lone {
		c.early = a.Total
	}
	c.lone = c.asked == 1 && a.Outcome == filter.NoMatch
}

// TakeBack takes back what was answered as no match after the last answer with a
// total, and returns what had been asked: the server may have gone by then, and
// something else answered.
func (l *Log) TakeBack() []filter.Query {
	back := l.lone
	for _, q := range back {
		l.listings.forget(q)
		if c := l.counts[l.Canonical(q)]; c != nil {
			c.asked = 0
		}
	}
	l.lone = nil
	return back
}

// Means replaces what is known of filters. What was asked while that was unknown
// counts for nothing; what was listed stays listed.
func (l *Log) Means(can filter.Capabilities) {
	l.past.Can = can
	l.counts, l.order = map[filter.Query]*count{}, nil
	clear(l.variants)
	for i := range l.rows {
		l.canonicalRow(&l.rows[i])
		l.meet(&l.rows[i])
	}
}

// RowsAre says whether the same search lists the same rows.
func (l *Log) RowsAre(r filter.Rows) { l.past.Can.Rows = r }

// TimesAre says whether filters on times are exact to the second.
func (l *Log) TimesAre(expiry, access bool) { l.past.Times, l.past.Idle = expiry, access }

// Note says what was decided; no identity in it.
func (l *Log) Note(text string) { l.notes = append(l.notes, text) }
