package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"iam_session_exporter/internal/commandline"
)

var update = flag.Bool("update", false, "write what is made from the flags and commands anew")

// The completions and the manual page are those of the flags and commands.
func TestMadeFromTheCommandLine(t *testing.T) {
	app, _ := commandLine(new(flags))
	same := func(path string, got []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date; run make docs. got\n%s\nwant\n%s", path, got, want)
		}
	}
	for _, shell := range commandline.Shells() {
		got, err := commandline.Completion(app, shell)
		same(filepath.Join("deploy", "completions", program+"."+shell), got, err)
	}
	got, err := commandline.Manual(app)
	same(filepath.Join("docs", program+".1"), got, err)
}
