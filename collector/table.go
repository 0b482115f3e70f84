package collector

import (
	"iter"
	"math/bits"

	"iam_session_exporter/internal/session"
)

// table is a map from Keys, none of them zero, for very many small values: it
// takes half the memory of Go's own, as Keys are hashes already and entries are
// next to each other (open addressing, linear probing). Pointers to values hold
// until the next put or deleteFunc.
type table[V any] struct {
	entries []entry[V] // a power of two, or none
	len     int
}

type entry[V any] struct {
	key   session.Key // zero: free
	value V
}

// home is where an entry is if nothing is in its way.
func (t *table[V]) home(k session.Key) int {
	return int(uint64(k) * 0x9E3779B97F4A7C15 >> (64 - bits.Len(uint(len(t.entries)-1))))
}

// find returns where a key is, or would be.
func (t *table[V]) find(k session.Key) int {
	i := t.home(k)
	for t.entries[i].key != 0 && t.entries[i].key != k {
		i = (i + 1) & (len(t.entries) - 1)
	}
	return i
}

// get returns the value of a key, or nil.
func (t *table[V]) get(k session.Key) *V {
	if t.len == 0 {
		return nil
	}
	if e := &t.entries[t.find(k)]; e.key == k && k != 0 {
		return &e.value
	}
	return nil
}

// put returns the value of a key, which is made if need be.
func (t *table[V]) put(k session.Key) *V {
	if 5*(t.len+1) > 4*len(t.entries) {
		old := t.entries
		t.entries = make([]entry[V], max(16, 2*len(old)))
		for i := range old {
			if old[i].key != 0 {
				t.entries[t.find(old[i].key)] = old[i]
			}
		}
	}
	e := &t.entries[t.find(k)]
	if e.key == 0 {
		e.key = k
		t.len++
	}
	return &e.value
}

// all returns the values, in no order.
func (t *table[V]) all() iter.Seq[*V] {
	return func(yield func(*V) bool) {
		for i := range t.entries {
			if t.entries[i].key != 0 && !yield(&t.entries[i].value) {
				return
			}
		}
	}
}

// deleteFunc deletes what del says so of. It may ask twice about a value that
// stays.
func (t *table[V]) deleteFunc(del func(*V) bool) {
	for i := 0; i < len(t.entries); {
		if t.entries[i].key != 0 && del(&t.entries[i].value) {
			t.delete(i) // another one may be there now
			continue
		}
		i++
	}
}

// delete frees an entry, and moves up those that it was in the way of.
func (t *table[V]) delete(i int) {
	mask := len(t.entries) - 1
	for j := (i + 1) & mask; t.entries[j].key != 0; j = (j + 1) & mask {
		if (j-t.home(t.entries[j].key))&mask >= (j-i)&mask {
			t.entries[i] = t.entries[j]
			i = j
		}
	}
	t.entries[i] = entry[V]{}
	t.len--
}
