package simulator

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// search answers a query: the rows in the window, and how many match.
func (w *World) search(q *Query, o *OAMOptions, random *rand.Rand) (rows []Session, total int) {
	defer w.enter()()
	window := positive(o.Window, 28)
	tests := q.tests(&o.Filter)
	lists, rest := w.oam.candidates(tests, o.Filter.Combine)
	if o.DefaultStoreOnly != "" && q.Fields[FieldStore] == "" {
		only := o.DefaultStoreOnly
		rest = append(rest, func(s *Session) bool { return s.Store == only })
	}
	if q.noMatch {
		lists = nil
	}
	if len(rest) > 0 {
		lists = [][]*entry{narrow(lists, rest)}
	}
	for _, l := range lists {
		total += len(l)
	}
	var chosen []*entry
	if o.Rows == RowsFixed {
		chosen = lowest(lists, window)
	} else {
		chosen = draw(lists, total, window, random)
	}
	for _, e := range chosen {
		rows = append(rows, e.Session)
	}
	return rows, total
}

// test is the condition of one field.
type test struct {
	dimension int // that finds its sessions; byAll where none does
	value     func(string) bool
	exact     string // the one value that matches, if exactIs
	exactIs   bool
	session   func(*Session) bool
}

// tests returns the conditions that are honoured, in the order of fieldOrder.
func (q *Query) tests(f *OAMFilter) []test {
	var out []test
	for _, field := range fieldOrder {
		text, ok := q.Fields[field]
		if !ok {
			continue
		}
		var t test
		switch field {
		case FieldSessionID:
			t = textTest(byID, text, &OAMFilter{})
		case FieldImpersonating:
			t = textTest(byFlag, text, &OAMFilter{})
		case FieldUserID:
			t = textTest(byUser, text, f)
		case FieldClientIP:
			t = textTest(byIP, text, f)
		case FieldStore:
			t = textTest(byStore, text, f)
		case FieldExpiry:
			t.session = timeTest(f.ExpiryTime, q.times[field], func(s *Session) time.Time { return s.Expires })
		case FieldLastAccess:
			t.session = timeTest(f.LastAccessTime, q.times[field], func(s *Session) time.Time { return s.LastAccess })
		case FieldUpdate:
			t.session = timeTest(f.UpdateTime, q.times[field], func(s *Session) time.Time { return s.Updated })
		}
		out = append(out, t)
		if f.Combine == CombineFirst {
			break
		}
	}
	return out
}

func textTest(dimension int, want string, f *OAMFilter) test {
	t := test{dimension: dimension}
	t.value = textMatch(want, f)
	t.exact, t.exactIs = want, f.Match == MatchExact && !f.IgnoreCase && !(f.Wildcard && strings.Contains(want, "*"))
	t.session = func(s *Session) bool { return t.value(keyOf(dimension, s)) }
	return t
}

func textMatch(want string, f *OAMFilter) func(string) bool {
	fold := func(s string) string { return s }
	if f.IgnoreCase {
		fold = strings.ToLower
	}
	want = fold(want)
	compare := func(have string) bool {
		switch f.Match {
		case MatchPrefix:
			return strings.HasPrefix(have, want)
		case MatchContains:
			return strings.Contains(have, want)
		}
		return have == want
	}
	if f.Wildcard && strings.Contains(want, "*") {
		pieces := strings.Split(want, "*")
		compare = func(have string) bool { return matchPieces(have, pieces, f.Match) }
	}
	// A session that has no value of the field is never found by it.
	return func(have string) bool { return have != "" && compare(fold(have)) }
}

// matchPieces matches what lay between the wildcards, in order; the ends must
// fit too unless the match is loose anyway.
func matchPieces(have string, pieces []string, m Match) bool {
	first, last := pieces[0], pieces[len(pieces)-1]
	if m != MatchContains {
		if !strings.HasPrefix(have, first) {
			return false
		}
	}
	for n, p := range pieces {
		if n == len(pieces)-1 && m == MatchExact {
			return strings.HasSuffix(have, last)
		}
		i := strings.Index(have, p)
		if i < 0 {
			return false
		}
		have = have[i+len(p):]
	}
	return true
}

// timeTest compares to the millisecond; a session without the time never matches.
func timeTest(f TimeFilter, limit time.Time, of func(*Session) time.Time) func(*Session) bool {
	ms := limit.UnixMilli()
	return func(s *Session) bool {
		t := of(s)
		if t.IsZero() {
			return false
		}
		switch have := t.UnixMilli(); f {
		case TimeBefore:
			return have <= ms
		case TimeAfter:
			return have >= ms
		default:
			return have == ms
		}
	}
}

// candidates returns lists that together hold every match once, and the
// conditions that still have to be applied to them.
func (p *pool) candidates(tests []test, c Combine) (lists [][]*entry, rest []func(*Session) bool) {
	everything := [][]*entry{p.all()}
	if len(tests) == 0 {
		return everything, nil
	}
	if c == CombineOr && len(tests) > 1 {
		return everything, []func(*Session) bool{func(s *Session) bool {
			return slices.ContainsFunc(tests, func(t test) bool { return t.session(s) })
		}}
	}
	best, least := -1, len(p.all())+1
	for n, t := range tests {
		if t.dimension == byAll {
			continue
		}
		l := p.lists(t)
		size := 0
		for _, part := range l {
			size += len(part)
		}
		if size < least {
			best, least, lists = n, size, l
		}
	}
	if best < 0 {
		lists = everything
	}
	for n, t := range tests {
		if n != best {
			rest = append(rest, t.session)
		}
	}
	return lists, rest
}

// lists returns the index lists whose value a test matches.
func (p *pool) lists(t test) [][]*entry {
	index := p.index[t.dimension]
	if t.exactIs {
		return [][]*entry{index[t.exact]}
	}
	var values []string
	for v := range index {
		if t.value(v) {
			values = append(values, v)
		}
	}
	slices.Sort(values) // so that the draw depends on the seed alone
	out := make([][]*entry, len(values))
	for n, v := range values {
		out[n] = index[v]
	}
	return out
}

func narrow(lists [][]*entry, conditions []func(*Session) bool) []*entry {
	var out []*entry
	for _, l := range lists {
	entries:
		for _, e := range l {
			for _, c := range conditions {
				if !c(&e.Session) {
					continue entries
				}
			}
			out = append(out, e)
		}
	}
	return out
}

// draw takes n entries, or all if there are fewer, in random order.
func draw(lists [][]*entry, total, n int, random *rand.Rand) []*entry {
	at := func(k int) *entry {
		for _, l := range lists {
			if k < len(l) {
				return l[k]
			}
			k -= len(l)
		}
		return nil
	}
	var picks []int
	if n = min(n, total); total <= 4*n {
		picks = random.Perm(total)[:n]
	}
	for len(picks) < n {
		if k := random.IntN(total); !slices.Contains(picks, k) {
			picks = append(picks, k)
		}
	}
	out := make([]*entry, n)
	for i, k := range picks {
		out[i] = at(k)
	}
	return out
}

// lowest takes the n entries of lowest rank, in an order that is the same each
// time but sorted by nothing visible.
func lowest(lists [][]*entry, n int) []*entry {
	byRank := func(a, b *entry) int {
		switch {
		case a.rank < b.rank:
			return -1
		case a.rank > b.rank:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	}
	var out []*entry
	for _, l := range lists {
		for _, e := range l {
			if len(out) == n && byRank(e, out[n-1]) >= 0 {
				continue
			}
			i, _ := slices.BinarySearchFunc(out, e, byRank)
			if len(out) < n {
				out = append(out, nil)
			}
			copy(out[i+1:], out[i:len(out)-1])
			out[i] = e
		}
	}
	return out
}
