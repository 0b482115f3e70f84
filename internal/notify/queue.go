package notify

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// The most that one request holds.
const (
	maxAlerts = 64
	maxBytes  = 512 << 10
)

// queue is what an Alertmanager is owed: of each alert the latest state, in the
// order in which the alerts are sent.
type queue struct {
	order  []string // each key of states once
	states map[string]*state
}

// put adds a state, or replaces that of the same alert in its place.
func (q *queue) put(s *state) {
	if q.states == nil {
		q.states = map[string]*state{}
	}
	if q.states[s.key] == nil {
		q.order = append(q.order, s.key)
	}
	q.states[s.key] = s
}

// next returns what one request can hold, from the front. It holds one severity:
// Alertmanager waits for no others of the group if an alert started long ago, so that
// what inhibits it, which stands before it, must be there already. Nor may that end
// before it does: of what is resolved, the least severe goes first.
func (q *queue) next() []*state {
	var batch []*state
	size, least := len("[]"), q.leastResolved()
	for _, key := range q.order {
		s := q.states[key]
		if s.resolved && !s.postponed && severity(s) > least || len(batch) > 0 && s.severity != batch[0].severity {
			continue
		}
		if size += len(s.body) + len(","); len(batch) == maxAlerts || size-len(",") > maxBytes {
			break
		}
		batch = append(batch, s)
	}
	return batch
}

// leastResolved is the least severity of what is resolved and was not postponed.
func (q *queue) leastResolved() int {
	least := math.MaxInt
	for _, s := range q.states {
		if s.resolved && !s.postponed {
			least = min(least, severity(s))
		}
	}
	return least
}

// severity ranks severities, the least severe first; one that is not known is below
// all others.
func severity(s *state) int {
	return slices.Index([]string{"info", "warning", "critical"}, s.severity)
}

// remove takes out a batch, but no alert that has another state by now.
func (q *queue) remove(batch []*state) {
	for _, s := range batch {
		if q.states[s.key] == s {
			delete(q.states, s.key)
		}
	}
	q.tidy()
}

// prune takes out what is over.
func (q *queue) prune(now time.Time) {
	for key, s := range q.states {
		if s.over(now) {
			delete(q.states, key)
		}
	}
	q.tidy()
}

func (q *queue) tidy() {
	if len(q.order) > len(q.states) {
		q.order = slices.DeleteFunc(q.order, func(key string) bool { return q.states[key] == nil })
	}
}

// postpone moves a batch to the end: one that always fails must not keep the
// others from their turn.
func (q *queue) postpone(batch []*state) {
	sent := map[string]bool{}
	for _, s := range batch {
		s.postponed = true
		sent[s.key] = true
	}
	front := slices.DeleteFunc(slices.Clone(q.order), func(key string) bool { return sent[key] })
	back := slices.DeleteFunc(q.order, func(key string) bool { return !sent[key] })
	q.order = append(front, back...)
}

// bodyOf is the body of a request.
func bodyOf(batch []*state) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, s := range batch {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(s.body)
	}
	b.WriteByte(']')
	return b.Bytes()
}
