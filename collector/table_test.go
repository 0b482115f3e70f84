package collector

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"iam_session_exporter/internal/session"
)

// A table does what a map does.
func TestTable(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		var got table[int]
		want := map[session.Key]int{}
		keys := 1 + r.IntN(400)
		for range 3000 {
			k := session.Key(1 + r.IntN(keys))
			if seed%2 == 0 {
				k *= 1 << 40 // all low bits alike
			}
			switch r.IntN(30) {
			case 0:
				n := 1 + r.IntN(5)
				maps.DeleteFunc(want, func(_ session.Key, v int) bool { return v%n == 0 })
				got.deleteFunc(func(v *int) bool { return *v%n == 0 })
			case 1, 2, 3, 4, 5, 6, 7, 8, 9:
				v := r.IntN(100)
				*got.put(k) = v
				want[k] = v
			default:
				v, ok := want[k]
				p := got.get(k)
				if (p != nil) != ok || ok && *p != v {
					t.Fatalf("seed %d: key %d: %v, want one: %v", seed, k, p, ok)
				}
			}
			if got.len != len(want) {
				t.Fatalf("seed %d: %d entries, want %d", seed, got.len, len(want))
			}
		}
		var all []int
		for v := range got.all() {
			all = append(all, *v)
		}
		slices.Sort(all)
		if !slices.Equal(all, slices.Sorted(maps.Values(want))) {
			t.Fatalf("seed %d: %v, want %v", seed, all, want)
		}
	}
	if (&table[int]{}).get(1) != nil || (&table[int]{}).get(0) != nil {
		t.Error("an empty table has a value")
	}
}

// What is forgotten leaves room everywhere: no stretch of a table fills up.
func TestDroppingSpreads(t *testing.T) {
	const size = 6000
	for _, n := range []int{size / 7, size / 2, 50} {
		var m table[int]
		next := 0
		for round := range 60 {
			dropOldest(&m, m.len+n-size, func(v *int) int64 { return int64(*v) }, func(*int) {})
			for range n {
				next++
				*m.put(session.Key(next)) = round / 9
			}
		}
		run, longest := 0, 0
		for i := range m.entries {
			if run++; m.entries[i].key == 0 {
				run = 0
			}
			longest = max(longest, run)
		}
		if longest > 300 {
			t.Errorf("by %d: %d entries in a row; want at most 300", n, longest)
		}
	}
}
