package collector

import (
	"iam_session_exporter/internal/session"
)

// perStatus counts sessions by status, indexed by session.Status.
type perStatus [session.Terminated + 1]int

func (p *perStatus) add(q *perStatus) {
	for i := range p {
		p[i] += q[i]
	}
}

func (p *perStatus) sum() int {
	n := 0
	for _, v := range p {
		n += v
	}
	return n
}

// tally counts sessions by label value and status.
type tally map[string]*perStatus

func (t tally) of(value string) *perStatus {
	p := t[value]
	if p == nil {
		p = new(perStatus)
		t[value] = p
	}
	return p
}

// tallyBy counts a snapshot's sessions by a label made of a dimension's raw
// values. What is not resolved is counted in rest, so the sum is snap.Total.
// It also returns how many sessions are not resolved and how many distinct
// values, reserved ones apart, the snapshot knows.
func tallyBy(snap *session.Snapshot, d session.Dimension, label func(raw string) string, rest string) (t tally, unresolved, distinct int) {
	t = tally{}
	r := snap.Resolved[d]
	seen := map[string]string{} // raw value to label value: parsing is the cost
	labelOf := func(raw string) string {
		v, ok := seen[raw]
		if !ok {
			v = label(raw)
			seen[raw] = v
		}
		return v
	}
	listed := map[string]int{} // sessions listed of each counted raw value
	counted := 0
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		raw := s.Value(d)
		v := labelOf(raw)
		if !r.Listed {
			if _, ok := r.Counted[raw]; !ok {
				v = rest
			} else {
				listed[raw]++
			}
		}
		t.of(v)[s.Status]++
		counted++
	}
	if !r.Listed {
		unresolved = snap.Total
		for raw, n := range r.Counted {
			unresolved -= n
			if more := n - listed[raw]; more > 0 {
				t.of(labelOf(raw))[session.Unknown] += more
				counted += more
			}
		}
	} else {
		unresolved = snap.Total - len(snap.Sessions)
	}
	if left := snap.Total - counted; left > 0 {
		t.of(rest)[session.Unknown] += left
	}
	values := map[string]bool{}
	for _, v := range seen {
		if !reserved(v) {
			values[v] = true
		}
	}
	return t, max(unresolved, 0), len(values)
}

// limit folds what is beyond a label's limit into "other" and returns the
// values that survive.
func (t tally) limit(n int, before map[string]bool) map[string]bool {
	var values []sized
	for v, p := range t {
		if !reserved(v) {
			values = append(values, sized{v, p.sum()})
		}
	}
	keep := survivors(values, n, before)
	for _, v := range values {
		if !keep[v.value] {
			t.of(valueOther).add(t[v.value])
			delete(t, v.value)
		}
	}
	return keep
}
