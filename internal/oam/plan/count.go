package plan

import (
	"cmp"
	"iam_session_exporter/internal/oam/filter"
	"maps"
	"math"
	"slices"
	"strings"
)

// parts asks for the stores and the flag.
func (s *scrape) parts() {
	if s.mem.can.ExactStore == Exact {
		for _, v := range s.limits.Stores {
			s.seek(fieldStore, v)
		}
		known := make([]string, 0, len(s.mem.stores))
		for v := range s.mem.stores {
			known = append(known, v)
		}
		slices.Sort(known)
		for _, v := range known {
			s.seek(fieldStore, v)
		}
		s.stores()
		s.retry()
	}
	s.sum(fieldStore)
	counted := func(a Answer) bool { return a.Outcome == Found || a.Outcome == NoMatch }
	flag := []Query{{Flag: Impersonating}, {Flag: Plain}}
	a := s.certain(flag...)
	if len(a) > 0 && a[0].Outcome == NoMatch {
		if again := s.certain(flag[0]); len(again) > 0 {
			a[0] = again[0]
		} else {
			a = nil
		}
	}
	if len(a) > 0 && counted(a[0]) && !s.broken[fieldFlag] && a[0].Total <= s.total {
		s.flagged = a[0].Total
		if len(a) == 2 && counted(a[1]) && a[1].Total > 0 && s.flagged > 0 && s.flagged+a[1].Total == s.total {
			s.mem.can.Total = All
		}
	}
	if x := s.sets[Query{Flag: Plain}]; x != nil && x.total < s.total { // else false may mean any
		s.sum(fieldFlag)
	}
}

// seek makes the set of a value that is known from elsewhere.
func (s *scrape) seek(f field, v string) *set {
	if !filter.Askable(v) {
		return nil
	}
	r := Row{}
	switch f {
	case fieldStore:
		r.Store = v
		s.canon(&r)
		return s.set(Query{Store: r.Store}, s.root)
	case fieldIP:
		r.IP = v
		s.canon(&r)
		return s.set(Query{IP: r.IP}, s.root)
	}
	r.User = v
	s.canon(&r)
	return s.set(Query{User: r.User}, s.root)
}

// stores asks for each store that is known, also those that turn up.
func (s *scrape) stores() {
	for s.left() > 1 {
		var qs []Query
		for _, x := range s.order {
			if x.q.Field() == fieldStore && x.asked == 0 && !x.refused && len(qs) < s.asker.Width() {
				qs = append(qs, x.q)
			}
		}
		if len(qs) == 0 {
			return
		}
		s.ask(qs[:max(min(len(qs), s.left()-1), 0)]...)
	}
}

// sum checks that the parts by a field do not exceed the whole. Where they do,
// the whole is asked again: it may have grown.
func (s *scrape) sum(f field) {
	sum, parts := s.sumOf(f)
	looked := false
	if sum > s.total+tolerance(s.total) && !s.over && s.asker.Left() > 0 {
		_, looked = s.one(Query{})
	}
	switch whole := max(s.total, s.last); {
	case sum > whole+tolerance(whole):
		// Those that begin while others end are in more than one part, too.
		if more := sum - s.total; looked && s.last == s.total && (more > s.total/2 || more > s.total/10 && !s.began()) {
			s.limited()
		}
		s.fail("parts_exceed_total")
	case sum == s.total && parts > 1 && (f == fieldStore || f == fieldFlag):
		s.mem.can.Total = All // two parts and their whole: none of them was cut
	}
}

// sumOf adds up the totals of disjoint parts that were asked for by a field.
// Where a value also finds those that contain it, they are left out.
func (s *scrape) sumOf(f field) (sum, parts int) {
	if f == fieldUser {
		if s.broken[f] {
			return 0, 0
		}
		return s.sumLoose(f), 0
	}
	switch s.mem.can.Exact(f) {
	case Unknown:
		return 0, 0
	case Loose:
		if s.ignored[f] {
			return 0, 0 // not a loose filter, but none
		}
		return s.sumLoose(f), 0
	}
	if s.broken[f] {
		return 0, 0
	}
	twice := s.ambiguous(f)
	for _, x := range s.order {
		if x.q.Field() == f && x.asked > 0 && x.total > 0 && !strings.HasSuffix(x.q.IP, "*") && !twice[strings.ToLower(x.q.Value())] {
			sum, parts = sum+x.total, parts+1
		}
	}
	return sum, parts
}

func (s *scrape) sumLoose(f field) (sum int) {
	var values []string
	var totals []int
	for _, x := range s.order {
		if v := strings.ToLower(x.q.Value()); x.q.Field() == f && x.asked > 0 && x.total > 0 && v != "" && !strings.HasSuffix(v, "*") {
			values, totals = append(values, v), append(totals, x.total)
		}
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

// ambiguous names the values that differ by case only, where it is not known
// whether that matters.
func (s *scrape) ambiguous(f field) map[string]bool {
	if s.mem.can.Case == Sensitive {
		return nil
	}
	seen, twice := map[string]string{}, map[string]bool{}
	for _, x := range s.order {
		if x.q.Field() != f || x.q.Value() == "" {
			continue
		}
		low := strings.ToLower(x.q.Value())
		if was, ok := seen[low]; ok && was != x.q.Value() {
			twice[low] = true
		}
		seen[low] = x.q.Value()
	}
	return twice
}

// addresses asks for the sessions of single addresses: those in place, then those
// known to be large, then new ones, found by listing whatever lists most.
func (s *scrape) addresses() {
	if s.limits.Addresses == 0 || s.mem.can.ExactIP != Exact || s.broken[fieldIP] {
		return
	}
	for _, ip := range slices.Sorted(maps.Keys(s.mem.addresses)) {
		s.seek(fieldIP, ip)
	}
	defer s.retry()
	asked := s.countInPlace()
	want, spare := s.want, max(s.left()-1, 0)
	if spare == 0 {
		return
	}
	if len(s.mem.places) > 0 || s.reachable() {
		s.largest(max(min(want+want/5-asked, spare), 0), 0) // most are known from the list
		return
	}
	// Those known to be large come first.
	wanted := s.wanted(want)
	if s.fixed {
		most := want
		if s.mem.settled {
			most += want / 10
		}
		s.largest(min(max(most-asked, 0), spare), 0.6*wanted)
	} else if asked < want {
		s.largest(spare, wanted)
	}
	if s.mem.settled {
		s.most = s.asked + discovery
		defer func() { s.most = 0 }()
	}
	s.grown()
	if s.fixed {
		s.explore()
		return
	}
	// The less is known of the others, the more is left to chance.
	chance := 0.15 + 0.7*(1-min(s.mem.sampled/(enough*float64(want)), 1))
	if s.mem.settled {
		chance = 0.5
	}
	s.discover(int(float64(s.left()-1) * chance))
	s.largest(s.left()-1, 0)
}

// discovery is how many queries a scrape may take to find what is new, once the
// largest addresses are known.
const discovery = 40

// settles reports whether the largest addresses seem to be known: all that are
// wanted were counted, and hardly one of them for the first time.
func (m *Memory) settles(s *scrape) bool {
	want := s.want
	var asked []*set
	for _, x := range s.order {
		if x.countable() && x.asked > 0 {
			asked = append(asked, x)
		}
	}
	if want == 0 || len(asked) < want {
		return false
	}
	slices.SortFunc(asked, func(a, b *set) int { return b.total - a.total })
	found := 0
	for _, x := range asked[:want] {
		if l, known := m.addresses[x.q.IP]; !known || l.size < 0 {
			found++
		}
	}
	return found <= 1
}

// grown asks for addresses that were counted before, and turned up so often since
// then that they must have grown.
func (s *scrape) grown() {
	const most = 10
	var list []*set
	odds := map[*set]float64{}
	for _, x := range s.order {
		l, known := s.mem.addresses[x.q.IP]
		if x.q.Field() != fieldIP || !known || l.size < 0 || x.asked > 0 {
			continue
		}
		since := l.since + float64(x.sample)
		// So many more than chance explains that few are asked for in vain.
		expected := float64(l.size) * (s.mem.rows + s.sampled - l.from) / float64(s.total)
		if since > 2.5+expected+4*math.Sqrt(expected) {
			list, odds[x] = append(list, x), since/(1+expected)
		}
	}
	slices.SortFunc(list, func(a, b *set) int {
		return cmp.Or(cmp.Compare(odds[b], odds[a]), cmp.Compare(a.q.IP, b.q.IP))
	})
	s.each(most, func() (next []*set) {
		next, list = list, nil
		return next
	})
}

// enough rows for each address wanted, by chance, tell which those are.
const enough = 60

// largest asks for up to n addresses from the largest expected.
func (s *scrape) largest(n int, known float64) {
	type expected struct {
		*set
		size float64
	}
	var list []expected
	var done []int
	estimate := s.estimator()
	for _, x := range s.order {
		if !x.countable() {
			continue
		}
		if x.asked > 0 {
			done = append(done, x.total)
			continue
		}
		if x.refused {
			continue
		}
		l, ok := s.mem.addresses[x.q.IP]
		size := float64(l.size)
		if !ok || l.size < 0 {
			size = estimate(x, l)
			if known > 0 {
				continue
			}
		}
		if size < known {
			continue
		}
		list = append(list, expected{x, size})
	}
	slices.SortFunc(list, func(a, b expected) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.q.IP, b.q.IP))
	})
	slices.SortFunc(done, func(a, b int) int { return b - a })
	for i := 0; i < len(list) && i < n && s.left() > 1; {
		// Far below the smallest that will be published, asking is of no use.
		if w := s.want; len(done) >= w && list[i].size < 0.4*float64(done[w-1]) {
			return
		}
		var qs []Query
		for range min(s.asker.Width(), n-i, len(list)-i, s.left()-1) {
			qs = append(qs, list[i].q)
			i++
		}
		s.ask(qs...)
		for _, q := range qs {
			if x := s.sets[q]; x.asked > 0 {
				at, _ := slices.BinarySearchFunc(done, x.total, func(a, b int) int { return b - a })
				done = slices.Insert(done, at, x.total)
			}
		}
	}
}
