package session

// SearchInfo says what a source's search filters were found to mean. Each field
// is a value of the label of that name of iam_oam_search_info; "unknown" where
// it is not proven.
type SearchInfo struct {
	Combine        string // and, no, unknown
	Match          string // exact, loose, unknown
	Case           string // sensitive, insensitive, unknown
	Wildcard       string // yes, no, unknown
	Rows           string // drawn, fixed, unknown
	ExpiryTime     string // before, after, equal, ignored, rejected, unknown
	LastAccessTime string // before, after, equal, ignored, rejected, unknown
	Total          string // all, capped, unknown
	NoMatch        string // 200, 404, unknown
}

// UnknownSearch is the SearchInfo of a source that has proven nothing yet.
func UnknownSearch() SearchInfo {
	const u = "unknown"
	return SearchInfo{u, u, u, u, u, u, u, u, u}
}

// Searcher is a Source whose search filters have to be explored. SearchInfo may
// be called at any time, also during a Snapshot.
type Searcher interface {
	SearchInfo() SearchInfo
}

// Chooser is a Source that asks for the values of some dimensions one by one.
// Want says how many of a dimension are worth asking for, the largest ones. It
// is called between Snapshots.
type Chooser interface {
	Want(d Dimension, values int)
}
