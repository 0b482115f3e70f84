package plan

import (
	"maps"
	"slices"
	"strings"
)

// What one answer listed whole tells more than counts: a session that must be in
// it, and is not, has ended by then. That holds under every meaning of a filter
// that finds at least the sessions with exactly the value that was asked for. So
// it is shown, not assumed: an answer must have rows, all with that value, or be
// empty where the same search has found such rows before. And no session may
// turn up later that a set should have listed. Sets by the flag prove nothing:
// whether a session impersonates may change while it lasts.

const (
	settled  = 60          // seconds: sessions older than that were there, however clocks differ
	doubtFor = 4 * 60 * 60 // seconds that a field proves nothing after a set lacked what it must hold
	maxFound = 1000        // stores
)

// witness keeps what answers showed.
type witness struct {
	answers map[Query]shown  // the last answer to each search
	nothing map[Query]int    // times in a row that a search was answered as no match without a total
	last    map[int]sighting // by Ref
	stores  map[string]bool  // that searches for them found
	reached map[string]bool  // stores listed; whether by a search that asked for none
}

// shown is an answer that listed all it counted.
type shown struct {
	number int   // of the query
	rows   []Row // as the server spells them
}

type sighting struct {
	Row
	number int
}

func newWitness() witness {
	return witness{answers: map[Query]shown{}, nothing: map[Query]int{}, last: map[int]sighting{}, stores: map[string]bool{}, reached: map[string]bool{}}
}

// see takes an answer in as it came.
func (w *witness) see(number int, q Query, a *Answer, can *Capabilities) {
	for _, r := range a.Rows {
		w.last[r.Ref] = sighting{r, number}
		w.reached[r.Store] = w.reached[r.Store] || q.Store == ""
	}
	delete(w.answers, q)
	if w.nothing[q]++; a.Outcome != NoMatch {
		delete(w.nothing, q)
	}
	if q.Kinds() == 0 || q.Flag != AnyFlag || q.Expires != 0 || q.Used != 0 || strings.Contains(q.User+q.IP+q.Store, "*") {
		return
	}
	for i := range a.Rows {
		if !q.Holds(&a.Rows[i], can.Case == Insensitive) {
			return
		}
	}
	if q.Kinds() == ofStore && len(a.Rows) > 0 {
		w.stores[q.Store] = true
	}
	if a.Total == len(a.Rows) && a.Total <= Window {
		w.answers[q] = shown{number, slices.Clone(a.Rows)}
	}
}

// proof is what shows that a set was listed whole.
type proof struct {
	asked, of kinds
	shown
}

// wholes returns the sets that were listed whole.
func (s *scrape) wholes() []Query {
	whole := map[Query]proof{}
	apart := slices.Contains(slices.Collect(maps.Values(s.witness.reached)), false)
	for q, a := range s.witness.answers {
		k := q.Kinds()
		if len(a.rows) == Window && !s.mem.beyond || !s.shows(k) {
			continue
		}
		if len(a.rows) == 0 && s.found(q) && !s.doubtful(q) {
			s.claim(whole, apart, q, proof{k, k, a})
		}
		for i := range a.rows {
			s.claim(whole, apart, a.rows[i].Of(k), proof{k, k, a})
		}
	}
	s.contradict(whole)
	maps.DeleteFunc(whole, func(_ Query, p proof) bool { return !s.shows(p.asked) })
	return slices.Collect(maps.Keys(whole))
}

// sureEmpty is how many answers in a row without a total show that a set is empty.
// One may be from what stands before the server, and so may even two of many.
const sureEmpty = 3

// doubtful reports whether a set was said to be empty by too few answers.
func (s *scrape) doubtful(q Query) bool {
	n := s.witness.nothing[q]
	return n > 0 && n < sureEmpty
}

// confirm asks again for the sets that seem to have ended, where only answers
// without a total say so.
func (s *scrape) confirm() {
	for range sureEmpty - 1 {
		for q, a := range maps.Clone(s.witness.answers) {
			if s.left() > 1 && len(a.rows) == 0 && s.doubtful(q) && s.found(q) && s.shows(q.Kinds()) {
				s.ask(q)
			}
		}
	}
}

// twice asks for a set, and once more where an answer without a total says that it
// is empty.
func (s *scrape) twice(q Query) (Answer, bool) {
	a, ok := s.one(q)
	if ok && a.Outcome == NoMatch {
		return s.one(q)
	}
	return a, ok
}

// claim adds a set. Where there are stores apart, whose sessions were listed only
// by asking for them, an address may have more of them than a search by address finds: it
// stands for those of the other stores.
func (s *scrape) claim(whole map[Query]proof, apart bool, q Query, p proof) {
	if p.of == ofIP && apart {
		p.of |= ofStore
		for store, reached := range s.witness.reached {
			if reached && store != "" {
				q.Store = store
				whole[q] = p
			}
		}
		return
	}
	whole[q] = p
}

// shows reports whether sets by some fields may prove anything.
func (s *scrape) shows(k kinds) bool {
	ok := k&(k-1) == 0 || s.mem.can.Combine == Yes
	for _, f := range [...]field{fieldUser, fieldIP, fieldStore} {
		at, doubted := s.mem.doubted[f]
		if k.Has(f) && (s.broken[f] || s.ignored[f] || s.mem.can.Exact(f) != Exact || doubted && s.t0-at < doubtFor) {
			ok = false
		}
	}
	return ok
}

// found reports whether an earlier scrape has found sessions by the same search.
func (s *scrape) found(q Query) bool {
	switch q.Kinds() {
	case ofIP:
		return s.mem.addresses[q.IP].size > 0
	case ofStore:
		at, ok := s.mem.found[q.Store]
		return ok && s.t0-at < forgetAfter
	}
	return false
}

// contradict looks for sessions that were listed after a set that must have held
// them had come without them: then a field does not mean what it seems to.
func (s *scrape) contradict(whole map[Query]proof) {
	shapes, wrong := map[kinds]bool{}, kinds(0)
	for _, p := range whole {
		shapes[p.of] = true
	}
	for _, l := range s.witness.last {
		if l.Created == 0 || l.Created > s.t0-settled {
			continue
		}
		for k := range shapes {
			p, ok := whole[l.Of(k)]
			// Queries that run at once are answered in any order.
			if ok && p.of == k && l.number >= p.number+s.asker.Width() && !p.lists(l.Ref) {
				wrong |= p.asked
			}
		}
	}
	for _, f := range [...]field{fieldUser, fieldIP, fieldStore} {
		if wrong.Has(f) {
			s.mem.doubted[f] = s.t0
		}
	}
	if wrong != 0 {
		s.note("a session was listed after a set that must hold it came without it: such sets prove no end")
	}
}

func (a *shown) lists(ref int) bool {
	return slices.ContainsFunc(a.rows, func(r Row) bool { return r.Ref == ref })
}

// besides returns the sessions that were listed, but are not among some.
func (s *scrape) besides(listed []int) (others []int) {
	among := make(map[int]bool, len(listed))
	for _, ref := range listed {
		among[ref] = true
	}
	for ref := range s.witness.last {
		if !among[ref] {
			others = append(others, ref)
		}
	}
	return others
}

// finds remembers which stores were found by searches for them.
func (m *Memory) finds(s *scrape) {
	for v := range s.witness.stores {
		m.found[v] = s.t0
	}
	if len(m.found) > maxFound {
		clear(m.found)
	}
}
