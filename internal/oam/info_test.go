package oam

import (
	"strings"
	"testing"
)

func TestInfoInWords(t *testing.T) {
	partly := unknownSearch()
	partly.rows, partly.expiryTime, partly.noMatch = "drawn", "rejected", "200"
	for _, c := range []struct {
		info searchInfo
		want string
	}{
		{unknownSearch(), "Their meaning is not known yet; it is found out once there are more than 27 sessions."},
		{partly, "Of more than 28 matches each response lists others; an expiry time in a search is refused; no match is answered with HTTP 200." +
			" Not known: several filters at once, parts of values, case, *, totals, last access times."},
		{searchInfo{combine: "and", match: "exact", caseOf: "insensitive", wildcard: "yes", total: "all", rows: "fixed", expiryTime: "before", lastAccessTime: "after", noMatch: "404"},
			"A session must match all filters of a search; a value must match completely; upper and lower case are the same; * stands for anything; totals count all matches;" +
				" of more than 28 matches always the same are listed; an expiry time matches sessions that expire then or before;" +
				" a last access time matches sessions that were last used then or later; no match is answered with HTTP 404."},
	} {
		if got := c.info.text(); got != c.want {
			t.Errorf("%+v:\n got %q\nwant %q", c.info, got, c.want)
		}
	}
}

// Each value that a filter may be found to have has words of its own.
func TestInfoSaysEveryMeaning(t *testing.T) {
	var info searchInfo
	times := []string{"before", "after", "equal", "ignored", "rejected"}
	fields := []struct {
		field  *string
		values []string
	}{
		{&info.combine, []string{"and", "no"}}, {&info.match, []string{"exact", "loose"}}, {&info.caseOf, []string{"sensitive", "insensitive"}},
		{&info.wildcard, []string{"yes", "no"}}, {&info.rows, []string{"drawn", "fixed"}}, {&info.expiryTime, times}, {&info.lastAccessTime, times},
		{&info.total, []string{"all", "capped"}}, {&info.noMatch, []string{"200", "404"}},
	}
	if want := len(info.labels()); len(fields) != want {
		t.Errorf("%d fields are tested, want %d", len(fields), want)
	}
	for i, f := range fields {
		seen := map[string]string{}
		for _, v := range f.values {
			info = unknownSearch()
			*f.field = v
			said, _, _ := strings.Cut(info.text(), ". Not known: ")
			if strings.HasPrefix(said, "Not known") || seen[said] != "" {
				t.Errorf("%s %s: got %q, as %q, want a sentence of its own", info.labels()[i].Name, v, said, seen[said])
			}
			seen[said] = v
		}
	}
}
