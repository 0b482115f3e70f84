package commands

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"iam_session_exporter/internal/detection"
)

var update = flag.Bool("update", false, "write what is made from the code anew")

// The runbook of each alert that the exporter sends itself begins as the table of
// detections says; make docs writes it.
func TestRunbookHeads(t *testing.T) {
	heads := map[string]string{detection.Storm: detection.StormSummary + ". The exporter sends at most `max_alerts` of each detection and source, those that began first, and this one for the rest."}
	for _, d := range detection.All() {
		heads[d.Alert] = fmt.Sprintf("%s. It fires for %s. Detection: `%s` (%s; %s).\n\nIt can't see: %s.", d.Summary, d.Sees, d.Key, d.Technique, d.Control, d.Blind)
	}
	for name, head := range heads {
		file := "../../alerts/runbooks/" + name + ".md"
		old, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		const first = "## How to check\n"
		_, body, ok := strings.Cut(string(old), first)
		if !ok {
			t.Errorf("%s has no %q", file, first)
		}
		page := "# " + name + "\n\n" + head + "\n\n" + first + body
		switch {
		case page == string(old):
		case *update:
			if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s begins otherwise than the table says; make docs writes it anew", file)
		}
	}
}
