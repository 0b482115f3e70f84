package search

import (
	"math"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// explain works out, for each set, how much of what is hidden in it lies in
// children that were asked, and how users and addresses turn up.
func (t *Tree) explain() {
	t.epoch++
	for _, x := range t.order {
		x.kinds = [6]known{}
	}
	t.users, t.ips = tally{}, tally{}
	for _, x := range t.order {
		if x.parent != nil && x.asked > 0 {
			k := &x.parent.kinds[x.kind()]
			k.total += float64(x.total)
			k.seen += float64(x.seen)
		}
		if of := t.tally(x); of != nil {
			of.add(x.incidental)
		}
	}
	for _, of := range [...]*tally{&t.users, &t.ips} {
		of.all = float64(t.log.Total())
	}
	// What is hidden among those never asked is as much as the total says.
	for _, x := range t.order {
		if of := t.tally(x); of != nil {
			if x.asked > 0 {
				of.rest -= float64(x.total)
			} else {
				of.rest -= float64(x.seen)
				of.spread += of.hidden(x)
			}
		}
	}
	for _, of := range [...]*tally{&t.users, &t.ips} {
		of.rest += of.all
		of.spread += of.unseen()
		if of.scale = 1; of.spread > 0 {
			of.scale = max(of.rest, 0) / of.spread
		}
	}
}

// tally returns what a single user or address is counted in.
func (t *Tree) tally(x *set) *tally {
	switch {
	case x.parent != t.root || x.q.Prefix():
	case x.q.User != "":
		return &t.users
	case x.q.IP != "":
		return &t.ips
	}
	return nil
}

// tally is how often values of a field turned up incidentally. How many turned up
// once more often shows how much of one is hidden (Good and Turing): the share of
// rows that was seen, those of value v are seen by, too.
type tally struct {
	seen [10]float64 // values, by times they turned up
	rows float64
	all  float64

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

// hiddenPerSeen is how many rows are hidden for each that turned up.
func (t *tally) hiddenPerSeen() float64 {
	if t.rows == 0 || t.rows >= t.all {
		return 0
	}
	return (t.all - t.rows) / t.rows
}

// hidden estimates how many sessions of a value that was never asked for are
// hidden.
func (t *tally) hidden(x *set) float64 {
	n := x.incidental
	expected := float64(n) - 0.5
	if n+1 < len(t.seen) && t.seen[n] >= 8 && t.seen[n+1] >= 3 {
		expected = float64(n+1) * t.seen[n+1] / t.seen[n]
	}
	return max(float64(n)+t.hiddenPerSeen()*max(expected, 0.05)-float64(x.seen), 0)
}

// unseen estimates how many sessions are of values that never turned up.
func (t *tally) unseen() float64 { return t.hiddenPerSeen() * t.seen[1] }

// sizeOf is how many sessions a set is taken to have. It is worked out once between
// answers.
func (t *Tree) sizeOf(x *set) float64 {
	if x.sizedAt != t.epoch {
		x.size, x.sizedAt = t.guess(x), t.epoch
	}
	return x.size
}

func (t *Tree) guess(x *set) float64 {
	switch {
	case x.asked > 0:
		return float64(x.total)
	case x.belief > 0:
		return max(x.belief, float64(x.seen))
	case x.parent == nil:
		return float64(t.log.Total())
	}
	if of := t.tally(x); of != nil && of.all > 0 {
		return float64(x.seen) + of.hidden(x)*min(of.scale, 2)
	}
	// What is hidden in its parent is spread as what was seen, the rarest apart.
	k := x.parent.kinds[x.kind()]
	seen := float64(x.parent.seen) - k.seen
	hidden := t.sizeOf(x.parent) - k.total - seen
	if hidden <= 0 || x.seen == 0 || seen <= 0 {
		return float64(x.seen)
	}
	return float64(x.seen) + hidden/max(seen, float64(x.seen))*(float64(x.seen)-restShare)
}

// useless reports whether asking a set can't bring anything.
func (t *Tree) useless(x *set) bool {
	switch {
	case x.refused, t.unheeded(x.q):
		return true
	case x.asked == 0:
		return false
	}
	return x.total <= filter.Window || t.stableRows() || !t.sampledRows() && x.missed > missesUnknown || x.missed > missesSampled
}

// unheeded reports whether a query asks for a field that the server does not honour.
func (t *Tree) unheeded(q filter.Query) bool {
	return q.IP != "" && t.can.ExactIP == filter.Unknown && t.log.Broken(filter.ByIP) ||
		q.User != "" && t.log.Broken(filter.ByUser) ||
		q.Store != "" && t.can.ExactStore == filter.Unknown && t.log.Broken(filter.ByStore)
}

// yield is how many new sessions asking a set is expected to list.
func (t *Tree) yield(x *set) float64 {
	if t.useless(x) {
		return 0
	}
	n := t.sizeOf(x)
	hidden := n - float64(x.seen)
	for _, o := range x.over {
		if o.asked > 0 {
			hidden = min(hidden, float64(o.total-o.seen))
		}
	}
	if hidden <= 0 {
		return 0
	}
	return min(filter.Window, n) * hidden / n
}

// estimator works out the size of addresses that were never asked for, by their
// share of the rows that turned up incidentally. What was seen but once or twice is
// mostly smaller than that share: how many were seen once more often shows by how
// much (Good and Turing).
func (t *Tree) estimator() func(*set, Value) float64 {
	// Of addresses that may be large or small the large ones must not be missed.
	bonus := 1.2
	if t.stableRows() {
		bonus = 0.5
	}
	rows := max(t.memory.Sampled+t.sampled, 1)
	const most = 8
	var seen [most + 2]float64
	for _, x := range t.order {
		if x.q.Field() == filter.ByIP {
			if r := int(t.memory.Addresses[x.q.IP].Samples + float64(x.sampleRows) + 0.5); r > 0 && r < len(seen) {
				seen[r]++
			}
		}
	}
	return func(x *set, v Value) float64 {
		n := v.Samples + float64(x.sampleRows)
		if r := int(n + 0.5); r > 0 && r < most && seen[r] >= 8 {
			n = min(n, float64(r+1)*seen[r+1]/seen[r])
		}
		return max((n+bonus*math.Sqrt(n))/rows*float64(t.log.Total()), float64(x.seen))
	}
}

// smallestWanted is the size above which an address is expected to be among the
// largest n.
func (t *Tree) smallestWanted(n int) float64 {
	var sizes []float64
	estimate := t.estimator()
	for _, x := range t.order {
		if !x.address() {
			continue
		}
		if v, ok := t.memory.Addresses[x.q.IP]; ok && v.Size >= 0 {
			sizes = append(sizes, float64(v.Size))
		} else {
			sizes = append(sizes, estimate(x, v))
		}
	}
	if len(sizes) < n {
		return 1
	}
	slices.Sort(sizes)
	return sizes[len(sizes)-n]
}
