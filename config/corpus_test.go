package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// canary is every secret in the corpus.
const canary = "hunter2"

// encodings are the inputs that a text file can't hold, and their errors.
var encodings = map[string]string{
	"sources:\n  - name: a\x00b\n":                           "iam.yml:2: holds a control character; save the file as UTF-8 text\n",
	"sources:\n  - name: b\xfccher\n":                        "iam.yml:2: holds bytes that are not UTF-8; save the file as UTF-8 text\n",
	"\xff\xfes\x00o\x00u\x00r\x00c\x00e\x00s\x00:\x00\n\x00": "iam.yml:1: holds bytes that are not UTF-8; save the file as UTF-8 text\n",
}

// archives reads testdata/PATTERN: pairs of an input, NAME.yml, and what is expected
// of it, by path.
func archives(t testing.TB, pattern string) map[string]*txtar.Archive {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s: %v; len(paths) = %v, want more than 0", pattern, err, len(paths))
	}
	all := make(map[string]*txtar.Archive)
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Files) == 0 || len(a.Files)%2 != 0 {
			t.Fatalf("%s: %d files are not pairs; want more than 0; len(a.Files)%%2 = %v, want 0", p, len(a.Files), len(a.Files)%2)
		}
		all[p] = a
	}
	return all
}

// inputs are those of the archives, by name.
func inputs(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for _, a := range archives(t, pattern) {
		for i := 0; i < len(a.Files); i += 2 {
			all[strings.TrimSuffix(a.Files[i].Name, ".yml")] = a.Files[i].Data
		}
	}
	return all
}

// each compares what check makes of each input with what is expected of it.
func each(t *testing.T, pattern, ext string, check func(t *testing.T, input []byte) string) {
	for path, a := range archives(t, pattern) {
		for i := 0; i < len(a.Files); i += 2 {
			input, want := &a.Files[i], &a.Files[i+1]
			name := strings.TrimSuffix(input.Name, ".yml")
			if want.Name != name+ext {
				t.Fatalf("%s: %s is followed by %s, not by %s", path, input.Name, want.Name, name+ext)
			}
			t.Run(name, func(t *testing.T) {
				got := check(t, input.Data)
				if *update {
					want.Data = []byte(got)
				} else if got != string(want.Data) {
					t.Errorf("%s: got:\n%s\nwant:\n%s", path, got, want.Data)
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// refusal is the error that an input causes, a line for each mistake.
func refusal(t *testing.T, input []byte) string {
	t.Helper()
	c, err := Parse(input, "iam.yml", "/etc/iam")
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
			t.Errorf(`%q: not one clean line; want File "iam.yml", Message other than ""`, e)
		}
		if i > 0 && e.Line < es[i-1].Line {
			t.Errorf("%v: not sorted by line", e)
		}
	}
	if strings.Contains(err.Error(), canary) {
		t.Error("the secret is in the error")
	}
	return err.Error() + "\n"
}

func TestBad(t *testing.T) {
	t.Setenv("IAM_TEST_EMPTY", "")
	each(t, "bad/*.txtar", ".err", refusal)
	for input, want := range encodings {
		if got := refusal(t, []byte(input)); got != want {
			t.Errorf("%q: got %q, want %q", input, got, want)
		}
	}
}

// What a good file means is golden as well: the effective configuration, then
// the warnings.
func TestGood(t *testing.T) {
	each(t, "good.txtar", ".effective", func(t *testing.T, input []byte) string {
		c, err := Parse(input, "iam.yml", "/etc/iam")
		if err != nil {
			t.Fatal(err)
		}
		invariants(t, c)
		got := c.String()
		for _, w := range c.Warnings() {
			got += "# " + w.Error() + "\n"
		}

		readsBack(t, c)

		windows := "\ufeff" + strings.ReplaceAll(string(input), "\n", "\r\n")
		if c, err := Parse([]byte(windows), "iam.yml", "/etc/iam"); err != nil || !strings.HasPrefix(got, c.String()) {
			t.Errorf("saved by Windows it is another file: %v; got = %v, want %q before it", err, got, c.String())
		}
		return got
	})
}
