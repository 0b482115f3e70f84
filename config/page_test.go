package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"iam_session_exporter/internal/detection"
)

// The page of the detections says what their table does; make docs writes it.
func TestDetectionsPage(t *testing.T) {
	const file = "../docs/detections.md"
	var table, details strings.Builder
	table.WriteString("\n| detection | alert | of | it fires for |\n|---|---|---|---|\n")
	details.WriteString("\n")
	for _, d := range detection.All() {
		e := Explain(d, detection.Override{})
		var of []string
		for _, a := range Known() {
			if a.Facts.Has(d.Needs) {
				of = append(of, a.Title)
			}
		}
		from := strings.Join(of, ", ")
		if len(of) == len(Known()) {
			from = "all"
		}
		fmt.Fprintf(&table, "| [`%s`](#%[1]s) | %s | %s | %s |\n", d.Key, d.Alert, from, d.Sees)
		fmt.Fprintf(&details, "### %s\n\n%s.\n\n", d.Key, d.Summary)
		for _, line := range [][2]string{
			{"Alert", d.Alert}, {"Of", from}, {"Defaults", "`" + e.YAML() + "`"}, {"Sees", d.Sees}, {"Can't see", d.Blind},
			{"Common false positives", d.FalsePositives}, {"MITRE ATT&CK", d.Technique}, {"Controls", d.Control},
		} {
			fmt.Fprintf(&details, "- %s: %s\n", line[0], line[1])
		}
		details.WriteString("\nKeys:\n\n| key | meaning |\n|---|---|\n")
		for _, k := range d.AllKeys() {
			fmt.Fprintf(&details, "| `%s` | %s |\n", k.Name, k.Doc)
		}
		details.WriteString("| `privileged` | the same keys, for privileged users |\n\n")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for name, content := range map[string]string{"detections": table.String() + "\n", "details": details.String()} {
		_, rest, ok := strings.Cut(page, "<!-- "+name+":")
		comment, rest, ok2 := strings.Cut(rest, "\n")
		old, _, ok3 := strings.Cut(rest, "<!-- end -->")
		if !ok || !ok2 || !ok3 {
			t.Fatalf("%s has no section %s, want one", file, name)
		}
		page = strings.Replace(page, comment+"\n"+old+"<!-- end -->", comment+"\n"+content+"<!-- end -->", 1)
	}
	switch {
	case page == string(data):
	case *update:
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s differs from the code; make docs writes it anew", file)
	}
}
