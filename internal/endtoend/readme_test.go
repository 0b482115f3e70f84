package endtoend

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
)

var update = flag.Bool("update", false, "write what is made from the code anew")

const readme = "../../README.md"

// section returns the README with what stands between the marker of a name and
// the next end replaced.
func section(t *testing.T, page, name, content string) string {
	t.Helper()
	begin := strings.Index(page, "<!-- "+name+":")
	if begin < 0 {
		t.Fatalf("README.md has no section %s", name)
	}
	begin += strings.Index(page[begin:], "\n") + 1
	end := strings.Index(page[begin:], "<!-- end -->")
	if end < 0 {
		t.Fatalf("section %s of README.md has no end", name)
	}
	return page[:begin] + content + page[begin+end:]
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("\n| name | type | labels | from | meaning |\n|---|---|---|---|---|\n")
	for _, f := range collector.Families() {
		from := "both"
		switch f.API {
		case session.Intersight:
			from = "Intersight"
		case session.OAM:
			from = "OAM"
		}
		meaning := f.Help
		if f.Note != "" {
			meaning += " Published " + f.Note + "."
		}
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Type, labels, from, meaning)
	}
	return b.String() + "\n"
}

// What README.md says of the metrics is what the code says.
func TestReadme(t *testing.T) {
	old, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	page := section(t, string(old), "metrics", metricsTable())
	if page == string(old) {
		return
	}
	if !*update {
		t.Fatal("README.md differs from the code; make docs writes it anew")
	}
	if err := os.WriteFile(readme, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}
