package plan

import (
	"math"
	"slices"
	"strings"
)

// explain works out, for each set, how much of what is hidden in it lies in
// children that were asked, and how users and addresses turn up.
func (s *scrape) explain() {
	s.epoch++
	for _, x := range s.order {
		x.kinds = [6]known{}
	}
	s.users, s.ips = tally{}, tally{}
	for _, x := range s.order {
		if x.parent != nil && x.asked > 0 {
			k := &x.parent.kinds[x.kind()]
			k.total += float64(x.total)
			k.seen += float64(x.seen)
		}
		if t := s.tally(x); t != nil {
			t.add(x.chance)
		}
	}
	for _, t := range [...]*tally{&s.users, &s.ips} {
		t.whole = float64(s.total)
	}
	// What is hidden among those never asked is as much as the total says.
	for _, x := range s.order {
		if t := s.tally(x); t != nil {
			if x.asked > 0 {
				t.rest -= float64(x.total)
			} else {
				t.rest -= float64(x.seen)
				t.spread += t.hidden(x)
			}
		}
	}
	for _, t := range [...]*tally{&s.users, &s.ips} {
		t.rest += t.whole
		t.spread += t.unseen()
		if t.scale = 1; t.spread > 0 {
			t.scale = max(t.rest, 0) / t.spread
		}
	}
}

// tally returns what a single user or address is counted in.
func (s *scrape) tally(x *set) *tally {
	switch {
	case x.parent != s.root || strings.HasSuffix(x.q.User+x.q.IP, "*"):
	case x.q.User != "":
		return &s.users
	case x.q.IP != "":
		return &s.ips
	}
	return nil
}

// tally is how often values of a field turned up by chance. How many turned up
// once more often tells how much of one is hidden (Good and Turing): the share of
// rows that was seen, those of value v are seen by, too.
type tally struct {
	seen  [10]float64 // values, by times they turned up
	rows  float64
	whole float64

	rest   float64 // hidden, in those that were never asked for
	spread float64 // the same, as it is estimated
	scale  float64
}

func (t *tally) add(n int) {
	t.rows += float64(n)
	if n < len(t.seen) {
		t.seen[n]++
	}
}

// odds is how many rows are hidden for each that turned up.
func (t *tally) odds() float64 {
	if t.rows == 0 || t.rows >= t.whole {
		return 0
	}
	return (t.whole - t.rows) / t.rows
}

// hidden estimates how many sessions of a value that was never asked for are
// hidden.
func (t *tally) hidden(x *set) float64 {
	n := x.chance
	expected := float64(n) - 0.5
	if n+1 < len(t.seen) && t.seen[n] >= 8 && t.seen[n+1] >= 3 {
		expected = float64(n+1) * t.seen[n+1] / t.seen[n]
	}
	return max(float64(n)+t.odds()*max(expected, 0.05)-float64(x.seen), 0)
}

// unseen estimates how many sessions are of values that never turned up.
func (t *tally) unseen() float64 { return t.odds() * t.seen[1] }

// estimator works out the size of addresses that were never asked for, by their
// share of the rows that turned up by chance. What was seen but once or twice is
// mostly smaller than that share: how many were seen once more often tells by how
// much (Good and Turing).
func (s *scrape) estimator() func(*set, lesson) float64 {
	// Of addresses that may be large or small the large ones must not be missed.
	bonus := 1.2
	if s.fixed {
		bonus = 0.5
	}
	rows := max(s.mem.sampled+s.sampled, 1)
	const most = 8
	var seen [most + 2]float64
	for _, x := range s.order {
		if x.q.Field() == fieldIP {
			if r := int(s.mem.addresses[x.q.IP].samples + float64(x.sample) + 0.5); r > 0 && r < len(seen) {
				seen[r]++
			}
		}
	}
	return func(x *set, l lesson) float64 {
		n := l.samples + float64(x.sample)
		if r := int(n + 0.5); r > 0 && r < most && seen[r] >= 8 {
			n = min(n, float64(r+1)*seen[r+1]/seen[r])
		}
		return max((n+bonus*math.Sqrt(n))/rows*float64(s.total), float64(x.seen))
	}
}

// wanted is the size above which an address is expected to be among the largest.
func (s *scrape) wanted(want int) float64 {
	var sizes []float64
	estimate := s.estimator()
	for _, x := range s.order {
		if x.q.Field() != fieldIP || strings.HasSuffix(x.q.IP, "*") {
			continue
		}
		if l, ok := s.mem.addresses[x.q.IP]; ok && l.size >= 0 {
			sizes = append(sizes, float64(l.size))
		} else {
			sizes = append(sizes, estimate(x, l))
		}
	}
	if len(sizes) < want {
		return 1
	}
	slices.Sort(sizes)
	return sizes[len(sizes)-want]
}
