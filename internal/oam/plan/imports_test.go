package plan

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

// What is proven sees nothing of what is guessed, and only the driver sees both.
func TestImports(t *testing.T) {
	const module, home = "iam_session_exporter/", "iam_session_exporter/internal/oam/"
	for dir, want := range map[string][]string{
		"filter":   nil,
		"evidence": {"filter"},
		"probe":    {"evidence", "filter"},
		"search":   {"evidence", "filter"},
		"plan":     {"evidence", "filter", "probe", "search"},
	} {
		p, err := build.ImportDir("../"+dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, path := range p.Imports {
			if strings.HasPrefix(path, module) {
				got = append(got, strings.TrimPrefix(path, home))
			}
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") || slices.Contains([]string{"net/http", "os", "sync", "time", "context"}, path) {
				t.Errorf("%s: got an import of %s, want none as it is logic on values only", dir, path)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got imports %v, want %v", dir, got, want)
		}
	}
}
