package intersight

import (
	"slices"
	"sync"
	"time"
)

// sessionProperties are those always asked of iam/Sessions.
func sessionProperties() []string {
	var list []string
	for p, n := range propertyNames() {
		if property(p) <= propLoginType {
			list = append(list, n.asked)
		}
	}
	return list
}

func limitProperties() []string {
	return []string{"IdleTimeOut", "SessionTimeOut", "MaximumLimit", "PerUserLimit", "Account", "Permission"}
}

// tryFullAfter is how long an API isn't asked for what it was proven not to know.
const tryFullAfter = time.Hour

// selection is what $select asks for: all we can use, or that without the
// properties which the API was proven not to know. It is safe for concurrent use.
type selection struct {
	full []string

	mu    sync.Mutex
	known []string // nil: nothing is proven to be unknown
	since time.Time
}

// properties returns what to ask for now, and what was proven to be known before:
// nil where nothing was.
func (s *selection) properties(now time.Time) (ask, known []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := now.Sub(s.since); s.known == nil || d < 0 || d >= tryFullAfter {
		return s.full, s.known
	}
	return s.known, s.known
}

// remember keeps what the API was proven to know.
func (s *selection) remember(known []string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known, s.since = known, now; len(known) == len(s.full) {
		s.known = nil
	}
}

func except(list []string, drop ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(p string) bool { return slices.Contains(drop, p) })
}
