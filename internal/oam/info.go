package oam

import (
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
)

// searchInfo names what is proven of a server's filters.
func searchInfo(c filter.Capabilities) session.SearchInfo {
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
	return session.SearchInfo{
		Combine: one(c.Combine, "and", "no"), Match: one(match, "exact", "loose"), Case: one(c.Case, "sensitive", "insensitive"),
		Wildcard: one(c.WildcardUser, "yes", "no"), Rows: one(c.Rows, "drawn", "fixed"),
		ExpiryTime: times(c.Expiry), LastAccessTime: times(c.Access),
		Total: one(c.Total, "all", "capped"), NoMatch: noMatch,
	}
}

func one[T ~uint8](t T, first, second string) string { return [...]string{"unknown", first, second}[t] }
