// Package plan decides which searches to ask an OAM, and what their answers
// prove. It is logic only: queries and answers are values, somebody else asks.
//
// One answer lists at most 28 sessions and there is no second page, but its
// total counts all that match. The counts are exact for these reasons:
//
//   - A total that was asked for is a count, not an estimate. It is used only
//     where the probe has proven what its filter means, and where every row that
//     came with it fits the filter.
//   - Each session has one identity store, one user, one flag and at most one
//     address. So the totals of different values of one field add up, and the
//     total of everything minus their sum is exactly what lies outside them.
//   - A session that was listed exists, whatever the filter meant. Of those
//     listed, the ones created before t0, when the scrape's first search was
//     counted, were all alive then, and so part of its total T0. Hence
//     T0 − listed is never negative, and where it is 0 the list is whole. Those
//     that ended and those that came meanwhile can't make up for each other.
//     Clocks tell whole seconds: sessions of the very second of t0 count where
//     nothing else has moved and all counts agree with them (whole, consistent).
//
// What earlier scrapes learnt (Memory) only decides where to look first.
//
// How a scrape goes: probe what filters mean where that is not known (probe),
// count the parts by store and flag (count), then list all, where that is within
// reach: by dividing into sets that fit a window where filters combine and take
// prefixes (divide, parts, cost), else by asking, again and again, the set that
// should list most (sets, list). Where not all was listed, the sessions of the
// largest addresses are counted (count), first of those that the last scrapes have
// counted (inplace), and others discovered: from rows that are drawn (discover), or
// where the same query lists the same rows (explore, ages). Which it is, two looks
// at everything tell (rows); whether the total is a limit, what exceeds it (limit).
// How much is hidden where is estimated (estimate): a wrong estimate costs queries,
// never a wrong number.
package plan

// Limits say what is wanted and known beforehand.
type Limits struct {
	Addresses int      // addresses whose count is wanted: the largest ones
	Stores    []string // known beforehand
	Idle      int64    // seconds without use after which a session is idle; 0: never

	// Sole reports whether an address may be handed over: others get no place.
	// ended: nothing more is asked in this scrape. Nil: all may.
	Sole func(ip string, ended bool) bool
}

func (l *Limits) sole(ip string, ended bool) bool { return l.Sole == nil || l.Sole(ip, ended) }

// Asker asks.
type Asker interface {
	// Ask returns the answers in the queries' order: Unanswered for a query that
	// failed. Fewer answers than queries mean that no more will be answered in this
	// scrape. The first answer of a scrape is Found.
	Ask([]Query) []Answer
	// Left is how many queries may still be asked, as far as is known.
	Left() int
	// Width is how many queries may run at once.
	Width() int
}

// Result is what a scrape has proven.
type Result struct {
	Total  int   // T0
	Last   int   // the total when it was last looked at
	Listed []int // Refs of the sessions listed that were alive at t0

	Complete bool // Listed is all of them

	// Totals asked for, by value; empty where not proven.
	Addresses, Stores map[string]int
	Impersonating     int // sessions; -1 where not proven
	Expired, Idle     int // sessions at t0, idle ones not expired; -1 where not proven

	// Whole are sets of which one answer listed every session, where not all are
	// listed. A User is meant as one of the Store. Besides are sessions that were
	// listed, and are not in Listed.
	Whole   []Query
	Besides []int // Refs

	Folded bool // case is ignored: values that differ by it only are one

	// Untrusted names the check that failed: nothing may be published.
	Untrusted string
	Lost      int      // searches without an answer, or with one that proves nothing
	Notes     []string // what was decided; no identity in it
}

// Run does one scrape. It reports false where even the first search got no
// answer.
func Run(m *Memory, l Limits, ask Asker) (Result, bool) {
	s := newScrape(m, l, ask)
	first, ok := s.one(Query{})
	if !ok {
		return Result{}, false
	}
	m.begin(s.t0)
	switch {
	case s.total < Window || s.total == Window && len(first.Rows) == Window && m.beyond:
		// One answer has told everything, or should have.
		s.alone = true
	case s.total == m.capped:
		s.fail("total_capped")
	case s.total == Window && !m.beyond:
		s.doubt()
	default:
		s.probe(first)
		s.lookAgain()
		s.recall()
		s.parts()
		if s.reachable() {
			s.list()
		}
		s.times()
		if !s.whole() {
			s.addresses()
		}
	}
	return s.conclude(), true
}

// scrape is one scrape under way.
type scrape struct {
	asker  Asker
	mem    *Memory
	limits Limits

	asked    int  // queries so far
	want     int  // addresses that are wanted, and can be counted
	most     int  // of these, for now; 0: as many as may be asked
	fruitful int  // the last one that listed a session of t0
	epoch    int  // answers and changes of mind so far
	over     bool // no more will be answered
	alone    bool // {} was all there was to ask
	unsure   bool // what might have contradicted the total could not be looked at
	dividing bool // sets are told apart without their children

	t0, date    int64 // of the first answer: as sessions are stamped, as the server says
	total, last int

	rows    []Row
	have    []bool // by Ref
	sure    []bool // by Ref: in the first answer, so alive at t0
	listed  int    // of rows, those created by t0
	aged    int    // of these, those that were there however clocks differ
	instant int    // of rows, those of the very second of t0 that the first answer lacks
	moved   bool   // a row began later
	looked  bool   // at the total again, at the end
	looks   []look // at everything
	unclear bool   // the last look left open whether rows are drawn

	sets  map[Query]*set
	order []*set // as they were found
	root  *set

	witness witness // of sets listed whole

	forms   map[field]Form // of no match, as proven in this scrape; FormTotal also where none is
	proofs  map[field]int  // times that they were looked for
	void    []Form         // those in which even {} was answered: they prove nothing
	nothing int            // times in a row that {} was answered in such a form
	empties []Query        // answered as no match since the last answer with a total
	lost    int            // searches that got no answer
	inARow  int            // of these, the last ones that had no answer at all
	silent  int            // answers without a total since the last one with one
	putOff  []*set         // those of sets

	spelling map[string]string // where case is ignored: the first one, by the lower-case one

	users, ips   tally
	byUser, byIP []bool // by Ref: listed by what did not ask for users, or addresses

	sampled float64 // rows that count as samples of addresses
	fixed   bool    // rows are the same each time, so far as is known
	drawn   bool

	flagged         int
	expired, unused int            // -1: not known
	broken          map[field]bool // a row did not fit its filter
	ignored         map[field]bool // those whose answers list what does not even contain the value
	untrusted       string
	notes           []string
}

func newScrape(m *Memory, l Limits, ask Asker) *scrape {
	s := &scrape{asker: ask, mem: m, limits: l, flagged: -1, expired: -1, unused: -1,
		sets: map[Query]*set{}, forms: map[field]Form{}, proofs: map[field]int{}, broken: map[field]bool{}, ignored: map[field]bool{}, witness: newWitness()}
	s.root = s.set(Query{}, nil)
	s.root.open = true
	s.fixed, s.drawn = m.can.Rows == Fixed, m.can.Rows == Drawn
	return s
}

func (s *scrape) note(text string) { s.notes = append(s.notes, text) }

func (s *scrape) fail(check string) {
	if s.untrusted == "" {
		s.untrusted = check
	}
	s.over = true
}

func (s *scrape) left() int {
	switch {
	case s.over:
		return 0
	case s.most > 0:
		return max(min(s.asker.Left(), s.most-s.asked), 0)
	}
	return s.asker.Left()
}

func (s *scrape) one(q Query) (Answer, bool) {
	a := s.certain(q)
	if len(a) == 0 || a[0].Outcome == Unanswered {
		return Answer{}, false
	}
	return a[0], true
}

// ask asks and takes in the answers. Those that prove nothing are Unanswered.
func (s *scrape) ask(qs ...Query) []Answer {
	if s.over || len(qs) == 0 {
		return nil
	}
	answers := s.asker.Ask(qs)
	if len(answers) < len(qs) {
		s.over = true
	}
	for i := range answers {
		if answers[i].Outcome == NoMatch {
			s.settle(qs[i], answers[i].Form)
		}
	}
	for i := range answers {
		s.take(qs[i], &answers[i])
	}
	if s.inARow >= maxInARow {
		s.over = true
	}
	s.listen()
	return answers
}

func (s *scrape) take(q Query, a *Answer) {
	s.asked++
	s.epoch++
	if a.Outcome == Unanswered {
		s.inARow++
	}
	if s.silent++; a.Outcome == Found {
		s.silent = 0
		if a.Total == 0 {
			s.zero(q)
		}
	}
	if a.Outcome == NoMatch && !s.believes(q, a) {
		a.Outcome = Unanswered
	}
	if a.Outcome == Unanswered {
		s.unanswered(q)
		return
	}
	everything := q == Query{}
	first := s.asked == 1
	if first {
		s.t0, s.date, s.total = a.At-a.Took, a.At, a.Total
	}
	s.inARow = 0
	switch a.Outcome {
	case NoMatch:
		s.empties = append(s.empties, q)
	case Found:
		s.empties = nil
	}
	if a.Outcome == Rejected {
		if x := s.sets[q]; x != nil {
			x.refused = true
		}
		return
	}
	if a.Total > len(a.Rows) && len(a.Rows) > 0 && a.Total > Window {
		s.mem.beyond = true
	}
	s.witness.see(s.asked, q, a, &s.mem.can)
	fresh, stale := 0, s.stale(q)
	for i := range a.Rows {
		r := &a.Rows[i]
		if f, bad := s.mem.can.Misfit(q, r); bad {
			s.broken[f] = true
			s.ignored[f] = s.ignored[f] || q.Unrelated(r)
		}
		s.combined(q, r)
		s.canon(r)
		if s.keep(r, first) {
			fresh++
			s.visit(s.root, r)
		}
		s.chance(q, r, !stale)
	}
	if everything {
		s.last, s.nothing = a.Total, 0
		s.mem.above(a.Total)
		s.compare(a)
	}
	if x := s.sets[q]; x != nil {
		if x.missed += x.hoped; fresh > 0 {
			x.missed = 0
		}
		x.asked++
		if x.total = a.Total; x.asked == 1 {
			x.early = a.Total
		}
		if x.assumed = false; a.Total > Window && !x.open && !s.dividing {
			s.opened(x)
		}
	}
	s.exceeds()
}

// combined checks that a row is what several filters together ask for. Else they
// do not combine, whatever the probe found.
func (s *scrape) combined(q Query, r *Row) {
	if can := &s.mem.can; can.Combine == Yes && q.Fields() > 1 && q.Unrelated(r) {
		can.Combine, s.mem.probed = Unknown, 0
		s.note("rows did not fit filters that were taken to combine: it will be probed again")
	}
}

// chance counts a row that turned up though nobody asked for its user, or address.
func (s *scrape) chance(q Query, r *Row, sample bool) {
	for len(s.byUser) <= r.Ref {
		s.byUser, s.byIP = append(s.byUser, false), append(s.byIP, false)
	}
	count := func(was *bool, of Query) (first bool) {
		first, *was = !*was, true
		if x := s.sets[of]; first && x != nil {
			x.chance++
			if sample {
				x.sample++
			}
		}
		return first
	}
	if q.User == "" {
		count(&s.byUser[r.Ref], Query{User: r.User})
	}
	if q.IP == "" && count(&s.byIP[r.Ref], Query{IP: r.IP}) && sample {
		s.sampled++
	}
}

// stale reports whether an earlier scrape has lately asked the same, of a server
// that always lists the same rows: they tell nothing new of how large anything is.
func (s *scrape) stale(q Query) bool {
	before := func(l lesson, known bool) bool { return known && l.asked > 0 && s.t0-l.asked <= freshAfter }
	switch {
	case !s.fixed || s.mem.sampled == 0:
		return false
	case q.Field() == fieldUser:
		l, known := s.mem.users[q.User]
		return before(l, known)
	case q.Field() == fieldIP:
		l, known := s.mem.addresses[q.IP]
		return before(l, known)
	}
	_, parted := s.mem.parted[q]
	return parted || q.User == "" && q.IP == "" && q.Fields() < 2
}

// keep takes a row in and reports whether it is new.
func (s *scrape) keep(r *Row, first bool) bool {
	for len(s.have) <= r.Ref {
		s.have, s.sure = append(s.have, false), append(s.sure, false)
	}
	if s.have[r.Ref] {
		return false
	}
	s.have[r.Ref], s.sure[r.Ref] = true, first
	s.rows = append(s.rows, *r)
	switch {
	case s.old(r):
		s.listed++
		s.fruitful = s.asked
		if first || r.Created < s.t0-settled {
			s.aged++
		}
	case r.Created == s.t0:
		s.instant++
	case r.Created > s.t0:
		s.moved = true
	}
	return true
}

// old reports whether a row is proven to have been alive at t0: listed by the
// first answer, or created before the second it came in.
func (s *scrape) old(r *Row) bool { return s.sure[r.Ref] || r.Created != 0 && r.Created < s.t0 }

// whole reports whether all seem to be listed. Sessions of the very second of t0
// began before the first answer or after it. They are taken for older where
// nothing else has begun, and they are just what the total says is missing.
func (s *scrape) whole() bool {
	return s.listed == s.total || s.instant > 0 && !s.moved && s.listed+s.instant == s.total
}

// fits reports whether all rows of an answer are what the query asked for.
func (s *scrape) fits(q Query, a *Answer) bool {
	for i := range a.Rows {
		if !q.Holds(&a.Rows[i], s.mem.can.Case == Insensitive) {
			return false
		}
	}
	return true
}
