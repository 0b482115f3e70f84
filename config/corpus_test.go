package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// canary stands wherever a file of the corpus has a secret.
const canary = "hunter2"

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s; got:\n%s\nwant:\n%s", path, got, want)
	}
}

func corpus(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yml"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus", err)
	}
	files := make(map[string][]byte)
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(p), ".yml")] = data
	}
	return files
}

func TestBad(t *testing.T) {
	t.Setenv("IAM_TEST_EMPTY", "")
	for name, data := range corpus(t, "bad") {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(data, "iam.yml", "/etc/iam")
			if err == nil {
				t.Fatalf("accepted:\n%v", c)
			}
			if c != nil {
				t.Error("a configuration came with the error")
			}
			es, ok := errors.AsType[Errors](err)
			if !ok {
				t.Fatalf("%T is not Errors", err)
			}
			for i, e := range es {
				if e.File != "iam.yml" || e.Message == "" || strings.ContainsAny(e.Error(), "\n\r\t\x00") {
					t.Errorf("%q: not one clean line", e)
				}
				if i > 0 && e.Line < es[i-1].Line {
					t.Errorf("%v: not sorted by line", e)
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Error("the secret is in the error")
			}
			golden(t, filepath.Join("testdata", "bad", name+".err"), err.Error()+"\n")
		})
	}
}

// What a good file means is golden as well: the effective configuration, then
// the warnings.
func TestGood(t *testing.T) {
	for name, data := range corpus(t, "good") {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(data, "iam.yml", "/etc/iam")
			if err != nil {
				t.Fatal(err)
			}
			invariants(t, c)
			got := c.String()
			for _, w := range c.Warnings() {
				got += "# " + w.Error() + "\n"
			}
			golden(t, filepath.Join("testdata", "good", name+".effective"), got)

			again, err := Parse([]byte(c.String()), "iam.yml", "/elsewhere")
			if err != nil {
				t.Fatalf("its own text is refused: %v", err)
			}
			for i := range c.Sources {
				if again.Sources[i].Fingerprint() != c.Sources[i].Fingerprint() {
					t.Errorf("sources[%d] read from its own text differs:\n%v\n%v", i, again.Sources[i], c.Sources[i])
				}
			}
		})
	}
}
