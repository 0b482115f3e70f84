package endtoend

import (
	"os/exec"
	"strings"
	"testing"
)

// What only tests need is not in the program, and what tests share is in nothing
// that is no test.
func TestNothingOfTestsIsLinked(t *testing.T) {
	const module = "iam_session_exporter"
	for _, c := range []struct{ of, banned string }{
		{"../..", module + "/internal/simulator/faults"},
		{"../../...", module + "/internal/testkit"},
	} {
		out, err := exec.Command("go", "list", "-tags=alerting,dashboards,browser", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, "-deps", c.of).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		found := 0
		for line := range strings.Lines(string(out)) {
			name, imports, _ := strings.Cut(strings.TrimSpace(line), ": ")
			found++
			for imported := range strings.FieldsSeq(imports) {
				if imported == c.banned {
					t.Errorf("%s imports %s, which is for tests", name, c.banned)
				}
			}
		}
		if found < 100 {
			t.Errorf("%d packages below %s, want more", found, c.of)
		}
	}
}
