package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The files are what the program writes.
func TestFiles(t *testing.T) {
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join("../../dashboards", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("dashboards/%s differs from dashboards/generate; make dashboards writes it anew", name)
		}
	}
}
