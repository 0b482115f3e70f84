package collector

import (
	"cmp"
	"slices"

	"iam_session_exporter/internal/session"
)

// sized is a label value with its number of sessions in all statuses.
type sized struct {
	value string
	size  int
}

// published remembers which label values are in place, by dimension.
type published map[session.Dimension]inPlace

// inPlace is the label values in place.
type inPlace map[string]seat

// seat is what is remembered of a value in place.
type seat struct {
	size   int // when it was last counted
	missed int // snapshots since
}

// maxMissed is in how many snapshots in a row a value may be neither listed nor
// counted and keep its place: an API that answers badly moves no names.
const maxMissed = 5

func (p inPlace) names() map[string]bool {
	names := make(map[string]bool, len(p))
	for v := range p {
		names[v] = true
	}
	return names
}

// absent returns the values in place that a snapshot could not count, and that
// keep their places: it names fewer than the limit, and not all that there are.
func (p inPlace) absent(values []sized, limit int, r session.Resolution) (absent []sized) {
	if r.Listed || len(values) >= limit {
		return nil
	}
	there := make(map[string]bool, len(values))
	for _, v := range values {
		there[v.value] = true
	}
	for v, at := range p {
		if !there[v] && at.missed < maxMissed {
			absent = append(absent, sized{v, at.size})
		}
	}
	return absent
}

// after returns the places after a snapshot that kept some of its values, and of
// those that it could not count.
func (p inPlace) after(values, absent []sized, keep map[string]bool) inPlace {
	next := make(inPlace, len(keep))
	for _, v := range values {
		if keep[v.value] {
			next[v.value] = seat{size: v.size}
		}
	}
	for _, v := range absent {
		if keep[v.value] {
			next[v.value] = seat{v.size, p[v.value].missed + 1}
		}
	}
	return next
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
