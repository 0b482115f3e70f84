package collector

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}

func TestSurvivors(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []sized
		limit  int
		before string
		want   string
	}{
		{"largest first", []sized{{"a", 1}, {"b", 3}, {"c", 2}}, 2, "", "b c"},
		{"ties by name", []sized{{"b", 1}, {"a", 1}, {"c", 1}}, 2, "", "a b"},
		{"ties go to the one in place", []sized{{"b", 1}, {"a", 1}, {"c", 1}}, 2, "c", "a c"},
		{"a little larger does not replace", []sized{{"a", 110}, {"b", 100}}, 1, "b", "b"},
		{"more than 10 % does", []sized{{"a", 111}, {"b", 100}}, 1, "b", "a"},
		{"small ones need 2 more", []sized{{"a", 2}, {"b", 1}}, 1, "b", "b"},
		{"2 more is enough", []sized{{"a", 3}, {"b", 1}}, 1, "b", "a"},
		{"one in place that is gone frees its place", []sized{{"a", 1}}, 1, "b", "a"},
		{"only the smallest in place yields", []sized{{"a", 50}, {"b", 40}, {"x", 100}, {"y", 41}}, 2, "a b", "a x"},
		{"a shrunken limit keeps the largest", []sized{{"a", 1}, {"b", 2}, {"c", 3}}, 1, "a b c", "c"},
		{"beyond all reason", []sized{{"a", math.MaxInt}, {"b", math.MaxInt / 2}}, 1, "b", "a"},
		{"10 % of what is not a multiple of 10", []sized{{"a", 120}, {"b", 109}}, 1, "b", "a"},
		{"not quite 10 %", []sized{{"a", 119}, {"b", 109}}, 1, "b", "b"},
		{"room for all", []sized{{"a", 1}, {"b", 2}}, 5, "", "a b"},
	} {
		got := survivors(slices.Clone(c.values), c.limit, set(c.before))
		if !maps.Equal(got, set(c.want)) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

// What is published is never clearly smaller than what is not, and a second
// look at the same sizes changes nothing.
func TestSurvivorsProperty(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var values []sized
		before := map[string]bool{}
		for i := range rng.IntN(30) {
			values = append(values, sized{fmt.Sprint(i), 1 + rng.IntN(40)})
			if rng.IntN(2) == 0 {
				before[fmt.Sprint(i)] = true
			}
		}
		limit := 1 + rng.IntN(10)
		got := survivors(slices.Clone(values), limit, before)
		if len(got) != min(limit, len(values)) {
			t.Fatalf("%d survivors of %d, want %d", len(got), len(values), min(limit, len(values)))
		}
		for _, in := range values {
			for _, out := range values {
				if got[in.value] && !got[out.value] && clearlyLarger(out.size, in.size) {
					t.Fatalf("%v is in place, %v is not", in, out)
				}
			}
		}
		if again := survivors(slices.Clone(values), limit, got); !maps.Equal(again, got) {
			t.Fatalf("flaps: %v, then %v", got, again)
		}
	}
}
