package oam

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
)

// search answers a query: the rows in the window, and how many match.
func search(w *world.World, q *Query, o *Options, random *rand.Rand) (rows []world.Session, total int) {
	window := cmp.Or(max(o.Window, 0), 28)
	tests := q.tests(&o.Filter)
	w.Look(session.OAM, func(listed world.Listed) {
		lists, rest := candidates(listed, tests, o.Filter.Combine)
		if o.DefaultStoreOnly != "" && q.Fields[FieldStore] == "" {
			only := o.DefaultStoreOnly
			rest = append(rest, func(s *world.Session) bool { return s.Store == only })
		}
		if q.noMatch {
			lists = nil
		}
		if len(rest) > 0 {
			lists = [][]*world.Entry{narrow(lists, rest)}
		}
		for _, l := range lists {
			total += len(l)
		}
		var chosen []*world.Entry
		if o.Rows == RowsFixed {
			chosen = lowest(lists, window)
		} else {
			chosen = draw(lists, total, window, random)
		}
		for _, e := range chosen {
			rows = append(rows, e.Session)
		}
	})
	return rows, total
}

// test is the condition of one field.
type test struct {
	by      world.By // that finds its sessions; byAll where none does
	value   func(string) bool
	exact   string // the one value that matches, if exactIs
	exactIs bool
	session func(*world.Session) bool
}

// tests returns the conditions that are honoured, in the order of fieldOrder.
func (q *Query) tests(f *Filter) []test {
	var out []test
	for _, field := range fieldOrder {
		text, ok := q.Fields[field]
		if !ok {
			continue
		}
		var t test
		switch field {
		case FieldSessionID:
			t = textTest(world.ByID, text, &Filter{})
		case FieldImpersonating:
			t = textTest(world.ByFlag, text, &Filter{})
		case FieldUserID:
			t = textTest(world.ByUser, text, f)
		case FieldClientIP:
			t = textTest(world.ByIP, text, f)
		case FieldStore:
			t = textTest(world.ByStore, text, f)
		case FieldExpiry:
			t.session = timeTest(f.ExpiryTime, q.times[field], func(s *world.Session) time.Time { return s.Expires })
		case FieldLastAccess:
			t.session = timeTest(f.LastAccessTime, q.times[field], func(s *world.Session) time.Time { return s.LastAccess })
		case FieldUpdate:
			t.session = timeTest(f.UpdateTime, q.times[field], func(s *world.Session) time.Time { return s.Updated })
		}
		out = append(out, t)
		if f.Combine == CombineFirst {
			break
		}
	}
	if f.Combine == CombineLast && len(out) > 1 {
		out = out[len(out)-1:]
	}
	return out
}

func textTest(by world.By, want string, f *Filter) test {
	t := test{by: by}
	t.value = textMatch(want, f)
	t.exact, t.exactIs = want, f.Match == MatchExact && !f.IgnoreCase && !(f.Wildcard && strings.Contains(want, "*"))
	t.session = func(s *world.Session) bool { return t.value(by.Of(s)) }
	return t
}

func textMatch(want string, f *Filter) func(string) bool {
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
func timeTest(f TimeFilter, limit time.Time, of func(*world.Session) time.Time) func(*world.Session) bool {
	ms := limit.UnixMilli()
	return func(s *world.Session) bool {
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
func candidates(listed world.Listed, tests []test, c Combine) (lists [][]*world.Entry, rest []func(*world.Session) bool) {
	everything := [][]*world.Entry{listed.All()}
	if len(tests) == 0 {
		return everything, nil
	}
	if c == CombineOr && len(tests) > 1 {
		return everything, []func(*world.Session) bool{func(s *world.Session) bool {
			return slices.ContainsFunc(tests, func(t test) bool { return t.session(s) })
		}}
	}
	best, least := -1, len(listed.All())+1
	for n, t := range tests {
		if t.by == world.ByAll {
			continue
		}
		l := matching(listed, t)
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

// matching returns lists of the sessions whose value a test matches.
func matching(listed world.Listed, t test) [][]*world.Entry {
	if t.exactIs {
		return [][]*world.Entry{listed.With(t.by, t.exact)}
	}
	var values []string
	for v := range listed.Values(t.by) {
		if t.value(v) {
			values = append(values, v)
		}
	}
	slices.Sort(values) // so that the draw depends on the seed alone
	out := make([][]*world.Entry, len(values))
	for n, v := range values {
		out[n] = listed.With(t.by, v)
	}
	return out
}

func narrow(lists [][]*world.Entry, conditions []func(*world.Session) bool) []*world.Entry {
	var out []*world.Entry
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
func draw(lists [][]*world.Entry, total, n int, random *rand.Rand) []*world.Entry {
	at := func(k int) *world.Entry {
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
	out := make([]*world.Entry, n)
	for i, k := range picks {
		out[i] = at(k)
	}
	return out
}

// lowest takes the n entries of lowest rank, in an order that is the same each
// time but sorted by nothing visible.
func lowest(lists [][]*world.Entry, n int) []*world.Entry {
	byRank := func(a, b *world.Entry) int {
		switch {
		case a.Rank() < b.Rank():
			return -1
		case a.Rank() > b.Rank():
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	}
	var out []*world.Entry
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
