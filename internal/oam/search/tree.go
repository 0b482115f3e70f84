package search

import (
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
)

// Tree is what is known and guessed of sets of sessions: each is what a query
// matches, and the part of another.
type Tree struct {
	log      evidence.View
	memory   *Lessons
	can      filter.Capabilities
	sets     map[filter.Query]*set
	order    []*set // as they were found
	root     *set
	sought   map[filter.Query]filter.Query // values that are known from elsewhere, by the lower-case one
	filed    int                           // rows that are counted in sets
	epoch    int                           // answers and changes of mind so far
	dividing bool                          // sets get no children: whoever divides tells them apart

	users, ips   tally
	byUser, byIP []bool  // by Ref: listed by what did not ask for users, or addresses
	sampled      float64 // rows that count as samples of addresses
	putOff       []*set  // got no answer

	free [][]filter.Query // memory to use again
}

// set is the sessions that a query matches.
type set struct {
	q      filter.Query
	parent *set

	total   int     // as last asked
	asked   int     // times
	refused bool    // by the server, or put off: not to be asked for now
	lost    int     // times it got no answer
	hoped   float64 // new sessions expected when it was picked
	missed  float64 // new sessions expected, and not found, since it last had some
	belief  float64 // size expected from earlier refreshes; 0: none
	seen    int     // sessions of it seen in this refresh
	open    bool    // too large for a window: its children are sets too

	incidental int // of a user or an address: those listed by what did not ask for users, or addresses
	sampleRows int // of these, the ones that no earlier refresh can have listed so

	size    float64 // as estimated at
	sizedAt int
	visited int // number of the row

	over  []*set   // single fields of it: it is a part of each
	kinds [6]known // of its children: what those asked had
}

// known sums up the children of one kind that were asked.
type known struct{ total, seen float64 }

// NewTree begins a refresh.
func NewTree(log evidence.View, memory *Lessons) *Tree {
	t := &Tree{log: log, memory: memory, can: log.Can(), sets: map[filter.Query]*set{}, sought: map[filter.Query]filter.Query{}}
	t.root = t.set(filter.Query{}, nil)
	t.root.open = true
	return t
}

func (t *Tree) sampledRows() bool { return t.log.Can().Rows == filter.Sampled }
func (t *Tree) stableRows() bool  { return t.log.Can().Rows == filter.Stable }

// kind is how a set narrows its parent.
func (x *set) kind() int {
	p, star := x.parent.q, x.q.Prefix()
	switch {
	case x.q.User != p.User:
		if star || p.User != "" {
			return 1
		}
		return 0
	case x.q.IP != p.IP:
		if star || p.IP != "" {
			return 3
		}
		return 2
	case x.q.Store != p.Store:
		return 4
	}
	return 5
}

// address reports whether a set is a single address.
func (x *set) address() bool { return x.q.Field() == filter.ByIP && !x.q.Prefix() }

func (t *Tree) set(q filter.Query, parent *set) *set {
	x := t.sets[q]
	if x == nil {
		x = &set{q: q, parent: parent}
		t.sets[q] = x
		for _, f := range [...]filter.Query{{User: q.User}, {IP: q.IP}, {Store: q.Store}} {
			if o := t.sets[f]; o != nil && o != x && o.parent != nil {
				x.over = append(x.over, o)
			}
		}
		t.order = append(t.order, x)
	}
	return x
}

// Seek makes the set of a value that is known from elsewhere; nil if it can't be
// asked for. If case is ignored, there is one of values that differ by it only.
func (t *Tree) Seek(f filter.Field, value string) *set {
	if !filter.Askable(value) {
		return nil
	}
	q := t.log.Canonical(filter.Of(f, value))
	if t.can.Case == filter.Insensitive {
		low := filter.Of(f, strings.ToLower(q.Value()))
		first, known := t.sought[low]
		if !known {
			first = q
			t.sought[low] = first
		}
		q = first
	}
	return t.set(q, t.root)
}

// Answered takes in an answer that the log has taken in, of whose rows some are
// fresh.
func (t *Tree) Answered(q filter.Query, a *filter.Answer, fresh []filter.Row) {
	t.epoch++
	t.can = t.log.Can()
	x := t.sets[q]
	switch a.Outcome {
	case filter.Unanswered:
		if x != nil {
			x.lost++
			t.putOff, x.refused = append(t.putOff, x), true
		}
		return
	case filter.Rejected:
		if x != nil {
			x.refused = true
		}
		return
	}
	stale := t.stale(q)
	for i := range fresh {
		t.filed++
		t.visit(t.root, &fresh[i])
	}
	for i := range a.Rows {
		t.turnedUp(q, &a.Rows[i], !stale)
	}
	if x == nil {
		return
	}
	if x.missed += x.hoped; len(fresh) > 0 {
		x.missed = 0
	}
	x.asked++
	if x.total = a.Total; a.Total > filter.Window && !x.open && !t.dividing {
		t.opened(x)
	}
}

// TakenBack has a query count as not asked, and puts it off.
func (t *Tree) TakenBack(q filter.Query) {
	if x := t.sets[q]; x != nil {
		x.asked, x.refused = 0, true
		t.putOff = append(t.putOff, x)
	}
}

// again lets sets that were put off be asked once more, and returns them.
func (t *Tree) again() []*set {
	list := slices.DeleteFunc(t.putOff, func(x *set) bool { return x.lost > 1 || t.sets[x.q] != x })
	t.putOff = nil
	for _, x := range list {
		x.refused = false
	}
	return list
}

// Rebuild files all rows anew, after the probe has changed what can be asked.
func (t *Tree) Rebuild() {
	old := t.root
	t.can = t.log.Can()
	t.sets, t.order, t.putOff = map[filter.Query]*set{}, nil, nil
	clear(t.sought)
	t.root = t.set(filter.Query{}, nil)
	t.root.open, t.root.asked, t.root.total = true, old.asked, old.total
	t.filed, t.byUser, t.byIP, t.sampled = 0, nil, nil, 0
	rows := t.log.Rows()
	for i := range rows {
		t.filed++
		t.visit(t.root, &rows[i])
		t.turnedUp(filter.Query{}, &rows[i], !t.stale(filter.Query{}))
	}
}

// visit counts a row in every set that holds it, from the root down.
func (t *Tree) visit(x *set, r *filter.Row) {
	if x.visited == t.filed {
		return
	}
	x.visited = t.filed
	x.seen++
	if x.open {
		qs := t.narrow(x, r)
		for _, q := range qs {
			t.visit(t.set(q, x), r)
		}
		t.free = append(t.free, qs)
	}
}

// narrow returns the queries of the children that hold a row, in memory that was
// given back to be used again.
func (t *Tree) narrow(x *set, r *filter.Row) []filter.Query {
	var to []filter.Query
	if n := len(t.free); n > 0 {
		to, t.free = t.free[n-1][:0], t.free[:n-1]
	}
	return t.can.Narrow(x.q, r, to)
}

// opened makes the children of a set, and counts what was seen in them.
func (t *Tree) opened(x *set) {
	x.open = true
	fold := t.can.Case == filter.Insensitive
	rows := t.log.Rows()
	for i := range rows {
		if r := &rows[i]; x.q.Holds(r, fold) {
			t.recountChildren(x, r, i+1)
		}
	}
}

// recount counts an older row in a set that may be new.
func (t *Tree) recount(x *set, r *filter.Row, row int) {
	if x.visited >= row {
		return
	}
	x.visited = row
	x.seen++
	if x.open {
		t.recountChildren(x, r, row)
	}
}

func (t *Tree) recountChildren(x *set, r *filter.Row, row int) {
	qs := t.narrow(x, r)
	for _, q := range qs {
		t.recount(t.set(q, x), r, row)
	}
	t.free = append(t.free, qs)
}

// turnedUp counts a row that turned up though nobody asked for its user, or address.
func (t *Tree) turnedUp(q filter.Query, r *filter.Row, sample bool) {
	for len(t.byUser) <= r.Ref {
		t.byUser, t.byIP = append(t.byUser, false), append(t.byIP, false)
	}
	count := func(was *bool, of filter.Query) (first bool) {
		first, *was = !*was, true
		if x := t.sets[of]; first && x != nil {
			x.incidental++
			if sample {
				x.sampleRows++
			}
		}
		return first
	}
	if q.User == "" {
		count(&t.byUser[r.Ref], filter.Query{User: r.User})
	}
	if q.IP == "" && count(&t.byIP[r.Ref], filter.Query{IP: r.IP}) && sample {
		t.sampled++
	}
}

// stale reports whether an earlier refresh has lately asked the same, of a server
// that always lists the same rows: they say nothing new of how large anything is.
func (t *Tree) stale(q filter.Query) bool {
	m := t.memory
	fresh := func(v Value) bool { return v.Asked > 0 && t.log.T0()-v.Asked <= FreshAfter }
	switch {
	case !t.stableRows() || m.Sampled == 0:
		return false
	case q.Field() == filter.ByUser:
		return fresh(m.Users[q.User])
	case q.Field() == filter.ByIP:
		return fresh(m.Addresses[q.IP])
	}
	_, parted := m.Parted[q]
	return parted || q.User == "" && q.IP == "" && q.Fields() < 2
}

// Recall takes up what the last list had of where sessions are.
func (t *Tree) Recall() {
	all := make([]int, len(t.memory.Places))
	for i := range all {
		all[i] = i
	}
	t.expect(t.root, all)
}

// expect sets the beliefs of a set's children by the places in it.
func (t *Tree) expect(x *set, places []int) {
	in := map[*set][]int{}
	var found []*set
	for _, i := range places {
		p := &t.memory.Places[i]
		for _, q := range t.can.Narrow(x.q, &p.Row, nil) {
			c := t.set(q, x)
			if c.parent != x {
				continue // another parent's, counted there
			}
			if in[c] == nil {
				found = append(found, c)
			}
			c.belief += float64(p.Sessions)
			in[c] = append(in[c], i)
		}
	}
	for _, c := range found {
		if c.belief > filter.Window && !c.open {
			t.opened(c)
			t.expect(c, in[c])
		}
	}
}

// forget drops what the last list had: it has no more to say.
func (t *Tree) forget() {
	t.epoch++
	for _, x := range t.order {
		x.belief = 0
	}
}

// Set is what is known of a set by the end of a refresh.
type Set struct {
	filter.Query
	Total, Asked, Seen int
	SampleRows         int
}

// Sets calls do with each set.
func (t *Tree) Sets(do func(Set)) {
	for _, x := range t.order {
		do(Set{x.q, x.total, x.asked, x.seen, x.sampleRows})
	}
}

// Sampled is how many rows count as samples of addresses.
func (t *Tree) Sampled() float64 { return t.sampled }
