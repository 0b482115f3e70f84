package config

import (
	"os"
	"testing"
)

// The schema in the repository is that of the code; make docs writes it. What it
// accepts and refuses is tested in the module beside it, which has a library for
// that.
func TestSchemaFile(t *testing.T) {
	const file = "iam_session_exporter.schema.json"
	want, err := Known().Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: got %d bytes, want the %d of the code; make docs writes them", file, len(got), len(want))
	}
}
