package oam

import (
	"strings"
	"testing"
)

func TestInfoInWords(t *testing.T) {
	i := unknownSearch()
	if got := i.text(); !strings.Contains(got, "not known yet") {
		t.Errorf("nothing known: got %q, want that it is not known yet", got)
	}
	i.rows = "drawn"
	const sampled = "Of more than 28 matches each response lists others. Not known: several filters at once, parts of values, case, *, totals."
	if got := i.text(); got != sampled {
		t.Errorf("sampled: got %q, want %q", got, sampled)
	}
	i = searchInfo{combine: "and", match: "exact", caseOf: "insensitive", wildcard: "yes", total: "all", rows: "fixed"}
	const all = "A session must match all filters of a search; a value must match completely; upper and lower case are the same; * stands for anything; totals count all matches; of more than 28 matches always the same are listed."
	if got := i.text(); got != all {
		t.Errorf("all known: got %q, want %q", got, all)
	}
}
