package testkit

import (
	"os"
	"strings"
	"testing"
)

// Commands returns the lines of the first indented block after a text of a Markdown
// page: what a reader types. A line that ends with a backslash goes on in the next.
func Commands(t testing.TB, file, after string) (lines []string) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\n"+after)
	if !ok {
		t.Fatalf("%s has no line that begins with %q", file, after)
	}
	for line := range strings.Lines(rest) {
		command, indented := strings.CutPrefix(line, "    ")
		switch n := len(lines); {
		case !indented && n > 0:
			return lines
		case !indented:
		case n > 0 && strings.HasSuffix(lines[n-1], "\\"):
			lines[n-1] = strings.TrimSuffix(lines[n-1], "\\") + strings.TrimSpace(command)
		default:
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	if len(lines) == 0 {
		t.Fatalf("%s has no commands after %q", file, after)
	}
	return lines
}
