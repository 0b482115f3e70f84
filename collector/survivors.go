package collector

import (
	"cmp"
	"slices"
)

// sized is a label value with its number of sessions in all statuses.
type sized struct {
	value string
	size  int
}

// survivors picks the values to publish by name: the largest, but one that was
// published before yields its place only to one that is clearly larger, so that
// values of about the same size do not take turns. The result is a set.
func survivors(values []sized, limit int, before map[string]bool) map[string]bool {
	slices.SortFunc(values, largestFirst)
	var placed, challengers []sized // both from the largest down
	for _, v := range values {
		if before[v.value] && len(placed) < limit {
			placed = append(placed, v)
		} else {
			challengers = append(challengers, v)
		}
	}
	if free := min(limit-len(placed), len(challengers)); free > 0 {
		// A newcomer in a free place is larger than all challengers after it.
		placed = append(placed, challengers[:free]...)
		challengers = challengers[free:]
		slices.SortStableFunc(placed, func(a, b sized) int { return cmp.Compare(b.size, a.size) })
	}
	for i := len(placed) - 1; i >= 0 && len(challengers) > 0; i-- {
		if !clearlyLarger(challengers[0].size, placed[i].size) {
			break
		}
		placed[i], challengers = challengers[0], challengers[1:]
	}
	set := make(map[string]bool, len(placed))
	for _, v := range placed {
		set[v.value] = true
	}
	return set
}

// largestFirst orders values by size, those of the same size by name.
func largestFirst(a, b sized) int {
	return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.value, b.value))
}

// clearlyLarger: more than 10 % larger, and by at least 2.
func clearlyLarger(a, b int) bool { return a-b > b/10 && a-b >= 2 }
