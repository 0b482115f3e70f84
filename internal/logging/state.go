package logging

import "sync"

// State is something that is logged when it changes, not each time it is seen. It
// is safe for concurrent use.
type State[T comparable] struct {
	mu  sync.Mutex
	now T
}

// Set takes what it is now, and returns what it was and whether that is something
// else.
func (s *State[T]) Set(now T) (was T, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, s.now = s.now, now
	return was, was != now
}
