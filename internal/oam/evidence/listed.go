package evidence

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

// A set that one answer listed in full tells more than its count: a session that
// must be in it, and is not, has ended by then. That holds under every meaning of a
// filter that finds at least the sessions with exactly the value that was asked for.
// So it is shown, not assumed: an answer must have rows, all with that value, or be
// empty where the same search has found such rows before. And no session may turn up
// later that a set should have listed. Sets by the flag prove nothing: whether a
// session impersonates may change while it lasts.

const (
	doubtFor = 4 * 60 * 60  // seconds that a field proves nothing after a set lacked what it must hold
	foundFor = 24 * 60 * 60 // seconds that a search counts as one that has found sessions
	maxFound = 20_000       // searches that count as such
	maxApart = 100          // stores that an address stands for, each of which makes a set
)

// SureEmpty is how many answers in a row without a total show that a set is empty.
// One may be from what stands before the server, and so may even two of many.
const SureEmpty = 3

var valueFields = [...]filter.Field{filter.ByUser, filter.ByIP, filter.ByStore}

// listings keeps what answers listed.
type listings struct {
	full     map[filter.Query]listing // the last answer to each search, if it listed all it counted
	empty    map[filter.Query]int     // times in a row that a search was answered as no match without a total
	lastSeen map[int]sighting         // by Ref
	found    map[filter.Query]bool    // searches for a store or an address that found sessions
	usersOf  map[string]bool          // stores whose users were found by searches for a user
	reached  map[string]bool          // stores listed; whether by a search that asked for none
}

// listing is an answer that listed all it counted.
type listing struct {
	number int          // of the answer
	rows   []filter.Row // as the server spells them
}

type sighting struct {
	filter.Row
	number int
}

func newListings() listings {
	return listings{full: map[filter.Query]listing{}, empty: map[filter.Query]int{}, lastSeen: map[int]sighting{}, found: map[filter.Query]bool{}, usersOf: map[string]bool{}, reached: map[string]bool{}}
}

// see takes an answer in as it came.
func (ls *listings) see(number int, q filter.Query, a *filter.Answer, fold bool) {
	for _, r := range a.Rows {
		ls.lastSeen[r.Ref] = sighting{r, number}
		ls.reached[r.Store] = ls.reached[r.Store] || q.Store == ""
	}
	delete(ls.full, q)
	if ls.empty[q]++; a.Outcome != filter.NoMatch {
		delete(ls.empty, q)
	}
	if q.Kinds() == 0 || q.Flag != filter.AnyFlag || q.Expires != 0 || q.Used != 0 || strings.Contains(q.User+q.IP+q.Store, "*") {
		return
	}
	for i := range a.Rows {
		if !q.Holds(&a.Rows[i], fold) {
			return
		}
	}
	ls.find(q, a.Rows)
	if a.Total == len(a.Rows) && a.Total <= filter.Window {
		ls.full[q] = listing{number, slices.Clone(a.Rows)}
	}
}

// find notes that a search for a store or an address found sessions, and of which
// stores one for a user did.
func (ls *listings) find(q filter.Query, rows []filter.Row) {
	switch k := q.Kinds(); {
	case len(rows) == 0:
	case k == filter.OfStore, k == filter.OfIP:
		ls.found[q] = true
	case k == filter.OfUser:
		for i := range rows {
			ls.usersOf[rows[i].Store] = true
		}
	}
}

func (ls *listings) forget(q filter.Query) {
	delete(ls.full, q)
	delete(ls.empty, q)
}

// apart reports whether there are stores whose sessions were listed only by asking
// for the store.
func (ls *listings) apart() bool {
	for _, reached := range ls.reached {
		if !reached {
			return true
		}
	}
	return false
}

// claim is a set, by the answer that shows that it was listed in full.
type claim struct {
	asked, of filter.Kinds
	listing
}

// fullyListed returns the sets that were listed in full, and the fields that prove
// to be doubtful.
func (l *Log) fullyListed() (sets []filter.Query, doubted filter.Kinds) {
	claims := map[filter.Query]claim{}
	for q, a := range l.listings.full {
		k := q.Kinds()
		if len(a.rows) == filter.Window && !l.past.Beyond || !l.shows(k) {
			continue
		}
		if len(a.rows) == 0 && l.foundBefore(q) && !l.doubtful(q) {
			l.claim(claims, q, claim{k, k, a})
		}
		for i := range a.rows {
			l.claim(claims, a.rows[i].Of(k), claim{k, k, a})
		}
	}
	l.claimUsers(claims)
	doubted = l.contradicted(claims)
	for q, c := range claims {
		if c.asked&doubted == 0 {
			sets = append(sets, q)
		}
	}
	return sets, doubted
}

// claim adds a set. If there are stores apart, an address may have more of their
// sessions than a search by address finds: it stands for those of the other stores,
// and for none if these are so many that the sets would take much memory.
func (l *Log) claim(claims map[filter.Query]claim, q filter.Query, c claim) {
	if c.of != filter.OfIP || !l.listings.apart() {
		claims[q] = c
		return
	}
	if len(l.listings.reached) > maxApart {
		return
	}
	c.of |= filter.OfStore
	for store, reached := range l.listings.reached {
		if reached && store != "" {
			q.Store = store
			claims[q] = c
		}
	}
}

// shows reports whether sets by some fields may prove anything.
func (l *Log) shows(k filter.Kinds) bool {
	if k&(k-1) != 0 && l.past.Can.Combine != filter.Yes {
		return false
	}
	for _, f := range valueFields {
		at, doubted := l.past.Doubted[f]
		if k.Has(f) && (l.broken[f] || l.ignored[f] || l.past.Can.Exact(f) != filter.Exact || doubted && l.t0-at < doubtFor) {
			return false
		}
	}
	return true
}

// foundBefore reports whether an earlier refresh has lately found sessions by the
// same search.
func (l *Log) foundBefore(q filter.Query) bool {
	at, ok := l.past.Found[q]
	return ok && l.t0-at < foundFor
}

// doubtful reports whether a set was said to be empty by too few answers.
func (l *Log) doubtful(q filter.Query) bool {
	n := l.listings.empty[q]
	return n > 0 && n < SureEmpty
}

// Unconfirmed returns the sets that seem to have ended, if only too few answers
// without a total say so: asking again may prove it.
func (l *Log) Unconfirmed() (qs []filter.Query) {
	for q, a := range l.listings.full {
		if len(a.rows) == 0 && l.doubtful(q) && l.foundBefore(q) && l.shows(q.Kinds()) {
			qs = append(qs, q)
		}
	}
	slices.SortFunc(qs, func(a, b filter.Query) int { return cmp.Or(cmp.Compare(a.IP, b.IP), cmp.Compare(a.Store, b.Store)) })
	return qs
}

// contradicted looks for sessions that were listed after a set that must have held
// them had come without them, and returns the fields that such sets were asked by:
// they do not mean what they seem to.
func (l *Log) contradicted(claims map[filter.Query]claim) (wrong filter.Kinds) {
	shapes := map[filter.Kinds]bool{}
	for _, c := range claims {
		shapes[c.of] = true
	}
	for _, s := range l.listings.lastSeen {
		if s.Created == 0 || s.Created > l.t0-clockMargin {
			continue
		}
		for k := range shapes {
			c, ok := claims[s.Of(k)]
			// Queries that run at once are answered in any order.
			if ok && c.of == k && s.number >= c.number+l.width && !c.lists(s.Ref) {
				wrong |= c.asked
			}
		}
	}
	return wrong
}

func (a *listing) lists(ref int) bool {
	return slices.ContainsFunc(a.rows, func(r filter.Row) bool { return r.Ref == ref })
}

// listedLater returns the sessions that were listed, but are not among some.
func (l *Log) listedLater(among []int) (others []int) {
	rest := maps.Clone(l.listings.lastSeen)
	for _, ref := range among {
		delete(rest, ref)
	}
	return slices.Collect(maps.Keys(rest))
}
