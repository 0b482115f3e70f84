package collector

import (
	"maps"
	"slices"
	"time"
)

// horizon is what is known of sessions that were forgotten: none was created
// later. One that is listed for the first time and is not younger may be one of
// them. The zero horizon is that of no sessions. Times are Unix nanoseconds.
type horizon struct {
	created int64 // 0 is none
	undated bool  // one of them had no creation time
	future  bool  // one of them had an impossible one
}

// impossible is how far in the API's future a creation time is no longer taken
// for an hour's or a time zone's mistake. A horizon there would hide for as long
// what really begins.
const impossible = 24 * time.Hour

func inFuture(created, now int64) bool {
	return created > now && uint64(created)-uint64(now) > uint64(impossible)
}

// extend takes a session in that is forgotten now.
func (h *horizon) extend(created, now int64) {
	switch {
	case created == 0:
		h.undated = true
	case inFuture(created, now):
		h.future = true
	case h.created == 0 || created > h.created:
		h.created = created
	}
}

func (h *horizon) covers(created, now int64) bool {
	switch {
	case created == 0:
		return h.undated
	case inFuture(created, now):
		return h.future
	}
	return h.created != 0 && created <= h.created
}

// makeRoom forgets, for n entries more than a table has, those with the smallest
// stamps, but none that bears the newest. It passes each to gone, and reports whether
// there was less room than that.
func makeRoom[V any](t *table[V], n, limit int, newest int64, stamp func(*V) int64, gone func(*V)) bool {
	if n = t.len + n - limit; n <= 0 {
		return false
	}
	old := 0
	for v := range t.all() {
		if stamp(v) != newest {
			old++
		}
	}
	dropOldest(t, min(n, old), stamp, gone)
	return true
}

// dropOldest deletes n entries of t, those with the smallest stamps, and passes
// each to gone. Stamps are few: many entries share one.
func dropOldest[V any](t *table[V], n int, stamp func(*V) int64, gone func(*V)) {
	n = min(n, t.len)
	if n <= 0 {
		return
	}
	count := map[int64]int{}
	for v := range t.all() {
		count[stamp(v)]++
	}
	// All of the stamps before last go, and some of last: evenly over the table,
	// or what is put next would crowd where none went.
	var last int64
	some := n
	for _, last = range slices.Sorted(maps.Keys(count)) {
		if some <= count[last] {
			break
		}
		some -= count[last]
	}
	share, due := some, 0
	t.deleteFunc(func(v *V) bool {
		switch at := stamp(v); {
		case at > last:
			return false
		case at == last:
			if due += share; due < count[last] || some == 0 {
				return false
			}
			due -= count[last]
			some--
		}
		gone(v)
		return true
	})
}
