package oam

import (
	"strings"

	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
)

// searchInfo says what the search filters were found to mean. Each field is a
// value of the label of that name of iam_oam_search_info; "unknown" where it is
// not proven.
type searchInfo struct {
	combine        string // and, no, unknown
	match          string // exact, loose, unknown
	caseOf         string // sensitive, insensitive, unknown
	wildcard       string // yes, no, unknown
	rows           string // drawn, fixed, unknown
	expiryTime     string // before, after, equal, ignored, rejected, unknown
	lastAccessTime string // before, after, equal, ignored, rejected, unknown
	total          string // all, capped, unknown
	noMatch        string // the status with which no match is answered: 200, 404, unknown (also where it is another)
}

// unknownSearch is the searchInfo of a source that has proven nothing yet.
func unknownSearch() searchInfo { return infoOf(filter.Capabilities{}) }

// infoOf names what is proven of a server's filters.
func infoOf(c filter.Capabilities) searchInfo {
	times := func(t filter.Time) string {
		return [...]string{"unknown", "before", "after", "equal", "ignored", "rejected"}[t]
	}
	match := filter.Match(filter.Unknown)
	switch {
	case c.ExactIP == filter.Loose || c.ExactStore == filter.Loose:
		match = filter.Loose
	case c.ExactIP == filter.Exact && c.ExactStore == filter.Exact:
		match = filter.Exact
	}
	noMatch := "unknown"
	switch {
	case c.NoMatch == filter.Form404:
		noMatch = "404"
	case c.NoMatch == filter.FormTotal || c.NoMatch >= filter.FormOther:
		noMatch = "200"
	}
	return searchInfo{
		combine: one(c.Combine, "and", "no"), match: one(match, "exact", "loose"), caseOf: one(c.Case, "sensitive", "insensitive"),
		wildcard: one(c.WildcardUser, "yes", "no"), rows: one(c.Rows, "drawn", "fixed"),
		expiryTime: times(c.Expiry), lastAccessTime: times(c.Access),
		total: one(c.Total, "all", "capped"), noMatch: noMatch,
	}
}

func (i searchInfo) labels() []session.Label {
	return []session.Label{
		{Name: "combine", Value: i.combine}, {Name: "match", Value: i.match}, {Name: "case", Value: i.caseOf}, {Name: "wildcard", Value: i.wildcard},
		{Name: "rows", Value: i.rows}, {Name: "expiry_time", Value: i.expiryTime}, {Name: "last_access_time", Value: i.lastAccessTime},
		{Name: "total", Value: i.total}, {Name: "no_match", Value: i.noMatch},
	}
}

func (i searchInfo) info() session.Info {
	return session.Info{
		Labels: i.labels(), Title: "OAM's filters", Text: i.text(),
		Incomplete: "OAM returns at most 28 sessions per response. Totals are exact; what is not known is counted in other and unknown. More time or a higher max_queries may list more.",
	}
}

// text says in a sentence what the filters were found to mean.
func (i searchInfo) text() string {
	if i == unknownSearch() {
		return "Their meaning is not known yet; it is found out once there are more than 27 sessions."
	}
	var known, unknown []string
	for _, f := range []struct {
		name, value string
		meanings    map[string]string
	}{
		{"several filters at once", i.combine, map[string]string{"and": "a session must match all filters of a search", "no": "only one filter of a search counts"}},
		{"parts of values", i.match, map[string]string{"exact": "a value must match completely", "loose": "a part of a value matches, too"}},
		{"case", i.caseOf, map[string]string{"sensitive": "upper and lower case differ", "insensitive": "upper and lower case are the same"}},
		{"*", i.wildcard, map[string]string{"yes": "* stands for anything", "no": "* is no wildcard"}},
		{"totals", i.total, map[string]string{"all": "totals count all matches", "capped": "totals are capped"}},
		{"which of more than 28 matches are listed", i.rows, map[string]string{"drawn": "of more than 28 matches each response lists others", "fixed": "of more than 28 matches always the same are listed"}},
		{"expiry times", i.expiryTime, timeFilter("an expiry time", "expire")},
		{"last access times", i.lastAccessTime, timeFilter("a last access time", "were last used")},
		{"the answer to no match", i.noMatch, map[string]string{"200": "no match is answered with HTTP 200", "404": "no match is answered with HTTP 404"}},
	} {
		if m := f.meanings[f.value]; m != "" {
			known = append(known, m)
		} else {
			unknown = append(unknown, f.name)
		}
	}
	text := ""
	if len(known) > 0 {
		text = strings.Join(known, "; ") + "."
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if len(unknown) > 0 {
		text += " Not known: " + strings.Join(unknown, ", ") + "."
	}
	return strings.TrimSpace(text)
}

// timeFilter says what a time in a filter was found to mean, such as an expiry
// time for when sessions expire.
func timeFilter(a, verb string) map[string]string {
	return map[string]string{
		"before":   a + " matches sessions that " + verb + " then or before",
		"after":    a + " matches sessions that " + verb + " then or later",
		"equal":    a + " matches sessions that " + verb + " exactly then",
		"ignored":  a + " in a search is ignored",
		"rejected": a + " in a search is refused",
	}
}

func one[T ~uint8](t T, first, second string) string { return [...]string{"unknown", first, second}[t] }
