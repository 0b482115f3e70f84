package session

import "context"

// Checker is a Source that can say what its account may do, to those who set it up.
type Checker interface {
	// Check asks the API once for sessions, as a refresh does first: one page, or
	// one search. If it gets them, it asks once for each other thing that refreshes
	// read. No request is sent again because it failed. Check returns before ctx's
	// deadline or promptly after, and reports each request to ctx's Trace.
	Check(ctx context.Context) *Check
}

// Check is what a source has found out. No text in it tells a secret or an identity.
type Check struct {
	Seen    *Snapshot // of one page or search; nil: Err says why there is none
	Err     error     // an *Error, or a context.Canceled
	Remedy  string    // what people can do about Err, if the API needs more than its reason says
	Rights  []Right   // what the account may read, or not; sessions come first
	Remarks []Remark
}

// Right is a thing that an account may read, or not.
type Right struct {
	What    string // as the API calls it
	Err     error  // why it can't be read; nil: it can
	Without string // what is not known without it
	Remedy  string // of Err
}

// Remark is something worth knowing about what was seen.
type Remark struct {
	Text   string
	Remedy string // what to do; "": all is well
}

// CheckOf asks a source that is no Checker for a snapshot instead.
func CheckOf(ctx context.Context, s Source) *Check {
	if c, ok := s.(Checker); ok {
		return c.Check(ctx)
	}
	seen, err := s.Snapshot(ctx, Want{})
	return &Check{Seen: seen, Err: err}
}
