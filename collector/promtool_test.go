package collector

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Prometheus's own tool finds nothing to say about any golden exposition.
func TestPromtool(t *testing.T) {
	files, err := filepath.Glob("testdata/*.prom")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d golden files, %v; want some", len(files), err)
	}
	for _, f := range files {
		in, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("promtool", "check", "metrics")
		cmd.Stdin = bytes.NewReader(in)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v; want len 0\n%s", f, err, out)
		}
	}
}
