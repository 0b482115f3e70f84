package oam

// A form says whether an answer lists and counts sessions, or, if not, in which
// way it says nothing. Each form but formListing is an error by itself: what such
// an answer means has to be proven for each server.
type form uint8

const (
	formListing      form = iota // has totalRecords
	formEmptyBody                // nothing, or blanks
	formNull                     // null
	formEmptyObject              // {}, <SessionResults/>, and null, "" or {} as SessionResults
	formNoSessions               // no totalRecords, and of the other documented names only those of links
	formNullSessions             // no totalRecords, and sessions that are null, "", [] or {}
)

// Error says what is missing.
func (f form) Error() string {
	switch f {
	case formEmptyBody:
		return "the answer is empty"
	case formNull:
		return "the answer is null"
	}
	return "the answer has no totalRecords"
}

// formOf names the form of an answer without totalRecords. One that has anything
// but empty sessions and links is none: an error may look like that.
func formOf(root *node) (form, error) {
	f := formEmptyObject
	for i := range root.kids {
		switch n := &root.kids[i]; n.name {
		case totalName, "firstLink", "nextLink", "previousLink":
			f = max(f, formNoSessions)
		case sessionsName, sessionName:
			if !n.empty() {
				return 0, errNoTotal
			}
			f = formNullSessions
		default:
			return 0, errNoTotal
		}
	}
	if len(root.kids) == 0 && root.scalar() != "" {
		return 0, errNoTotal
	}
	return f, nil
}
