package logging

import "testing"

func TestState(t *testing.T) {
	var s State[string]
	for i, c := range []struct {
		now, was string
		changed  bool
	}{{"", "", false}, {"late", "", true}, {"late", "late", false}, {"failed", "late", true}, {"", "failed", true}} {
		if was, changed := s.Set(c.now); was != c.was || changed != c.changed {
			t.Errorf("%d: got %q and %t, want %q and %t", i, was, changed, c.was, c.changed)
		}
	}
}
