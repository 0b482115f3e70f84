package oam

import (
	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// searchInfo names what is proven of a server's filters.
func searchInfo(c plan.Capabilities) session.SearchInfo {
	tri := func(t plan.Tri, yes, no string) string { return [...]string{"unknown", yes, no}[t] }
	times := func(t plan.Time) string {
		return [...]string{"unknown", "before", "after", "equal", "ignored", "rejected"}[t]
	}
	match := plan.Unknown
	switch {
	case c.ExactIP == plan.Loose || c.ExactStore == plan.Loose:
		match = plan.Loose
	case c.ExactIP == plan.Exact && c.ExactStore == plan.Exact:
		match = plan.Exact
	}
	return session.SearchInfo{
		Combine: tri(c.Combine, "and", "no"), Match: tri(match, "exact", "loose"), Case: tri(c.Case, "sensitive", "insensitive"),
		Wildcard: tri(c.WildcardUser, "yes", "no"), Rows: tri(c.Rows, "drawn", "fixed"),
		ExpiryTime: times(c.Expiry), LastAccessTime: times(c.Access),
		Total: tri(c.Total, "all", "capped"), NoMatch: tri(c.NoMatch404, "404", "200"),
	}
}
