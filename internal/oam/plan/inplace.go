package plan

import (
	"cmp"
	"iam_session_exporter/internal/oam/filter"
	"maps"
	"slices"
	"strings"
)

// Addresses in place are the largest that were counted, as many as are wanted and
// a scrape can count. Each scrape counts them again before it looks for others, so
// that one gives its place up only to another that the same scrape has counted,
// and that is clearly larger. What is estimated decides only which others to count.

// countInPlace counts the addresses in place, and works out how many there may be: some
// queries are left to find others.
func (s *scrape) countInPlace() (asked int) {
	spare := max(s.left()-1, 0)
	counted, known := 0, 0
	for _, x := range s.order {
		switch {
		case !x.countable() || !s.limits.sole(x.q.IP, false):
		case x.asked > 0:
			counted++
		default:
			known++
		}
	}
	room := spare - s.mem.others(spare, known, s.limits.Addresses > maxAddresses)
	s.want = min(s.limits.Addresses, counted+room)
	var list []*set
	for _, ip := range s.mem.largestInPlace() {
		if x := s.seek(fieldIP, ip); x != nil && x.asked == 0 && !x.refused && len(list) < room {
			list = append(list, x)
		}
	}
	before := s.asked
	s.each(len(list), func() []*set {
		list = slices.DeleteFunc(list, func(x *set) bool { return x.asked > 0 || x.refused })
		return list
	})
	return s.asked - before
}

// others returns how many of the spare queries are left to find other addresses.
// Where all are wanted, these are more once the known ones are too many to count:
// then some have no place, and larger ones are worth finding.
func (m *Memory) others(spare, known int, all bool) int {
	few, many := min(5, spare/5), min(discovery, spare/5)
	switch {
	case known > spare-few:
		m.crowded = true
	case known <= spare-many: // not in between, so that what moves by a few changes nothing
		m.crowded = false
	}
	if all && m.crowded {
		return many
	}
	return few
}

// countable reports whether a set is a single address.
func (x *set) countable() bool { return x.q.Field() == fieldIP && !strings.HasSuffix(x.q.IP, "*") }

func (m *Memory) largestInPlace() []string {
	return slices.SortedFunc(maps.Keys(m.inPlace), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.inPlace[b], m.inPlace[a]), cmp.Compare(a, b))
	})
}

// hold gives places to at most n addresses, of those counted and of those in place
// that this scrape could not ask for.
func (s *scrape) hold(counted map[string]int, n int) {
	m := s.mem
	sizes, before := maps.Clone(counted), map[string]bool{}
	for ip, size := range m.inPlace {
		r := Row{IP: ip}
		s.canon(&r) // where case is ignored, this scrape may have met it in another spelling
		before[r.IP] = true
		if x := s.sets[Query{IP: r.IP}]; x == nil || x.asked == 0 {
			sizes[r.IP] = max(size, sizes[r.IP])
		}
	}
	maps.DeleteFunc(sizes, func(ip string, _ int) bool { return !s.limits.sole(ip, true) })
	var placed, others []string // both from the largest down
	for _, ip := range slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b))
	}) {
		if before[ip] && len(placed) < n {
			placed = append(placed, ip)
		} else {
			others = append(others, ip)
		}
	}
	free := max(min(n-len(placed), len(others)), 0)
	held := slices.Clone(others[:free])
	others = others[free:]
	for i := len(placed) - 1; i >= 0; i-- {
		if len(others) > 0 && clearlyLarger(sizes[others[0]], sizes[placed[i]]) {
			placed[i], others = others[0], others[1:]
		}
	}
	m.inPlace = map[string]int{}
	for _, ip := range append(held, placed...) {
		m.inPlace[ip] = sizes[ip]
	}
}

// listedAt counts rows by address.
func listedAt(rows []Row) map[string]int {
	n := map[string]int{}
	for i := range rows {
		if ip := rows[i].IP; filter.Askable(ip) {
			n[ip]++
		}
	}
	return n
}

// clearlyLarger is by how much a value must be larger to take another's place:
// more than 10 %, and at least 2.
func clearlyLarger(a, b int) bool { return 10*a > 11*b && a-b >= 2 }

// handed returns the counts of addresses to hand over. Where there are fewer places
// than are wanted, what has none would be another address in each scrape: it is
// left out.
func (s *scrape) handed(counted map[string]int) map[string]int {
	if s.want < s.limits.Addresses {
		maps.DeleteFunc(counted, func(ip string, _ int) bool {
			_, in := s.mem.inPlace[ip]
			return !in
		})
	}
	return counted
}
