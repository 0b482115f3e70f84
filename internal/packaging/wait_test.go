//go:build image || packages

package packaging

import (
	"regexp"
	"testing"
	"time"
)

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// up counts the sources that are up.
func up(metrics string) int {
	return len(regexp.MustCompile(`(?m)^iam_source_up\{[^}]*\} 1$`).FindAllString(metrics, -1))
}
