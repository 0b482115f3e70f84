package commands

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
)

const checked = `sources:
  - {name: sso, api: oam, url: "http://sso.example.com", basic_auth: {username: monitor, password_file: password}, filter: {user_id: alice}}
`

// here makes a directory of files the current one.
func here(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func check(files ...string) (k *Check, out, report *bytes.Buffer) {
	out, report = new(bytes.Buffer), new(bytes.Buffer)
	factory := func(config.Source) (session.Source, error) { return noSource{}, nil }
	return &Check{Files: files, Factories: map[session.API]exporter.Factory{session.OAM: factory}, Out: out, Err: report}, out, report
}

// noSource is a source that nobody asks.
type noSource struct{ session.Source }

func (noSource) Close() {}

// What is printed can be piped: it is the configuration, wherever it is read, and
// nothing else.
func TestCheckPrints(t *testing.T) {
	here(t, map[string]string{"etc/iam.yml": checked, "etc/password": "canary"})
	k, out, report := check("etc/iam.yml")
	k.Print = true
	if k.Run() != Works {
		t.Fatalf("not valid:\n%s", report)
	}
	if got, want := report.String(), "etc/iam.yml: valid, 1 source\n"; !strings.HasSuffix(got, want) || !strings.HasPrefix(got, "warning: etc/iam.yml:2: ") {
		t.Errorf("report: got %q, want a warning and %q", got, want)
	}
	if strings.Contains(out.String(), "canary") {
		t.Errorf("the secret is in\n%s", out)
	}
	want, err := config.Load("etc/iam.yml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.Parse(out.Bytes(), "printed.yml", "/elsewhere")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := got.String(), strings.Replace(want.String(), ": etc/password", ": "+dir+"/etc/password", 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each of several files is a document; of one that is not valid there is none.
func TestCheckPrintsSeveral(t *testing.T) {
	here(t, map[string]string{"a.yml": checked, "b.yml": "sources: []\n", "c.yml": strings.Replace(checked, "sso,", "other,", 1), "password": "x"})
	k, out, report := check("a.yml", "b.yml", "c.yml")
	k.Print = true
	if k.Run() == Works {
		t.Errorf("valid; want not\n%s", report)
	}
	if !strings.Contains(report.String(), "b.yml:1: sources: ") {
		t.Errorf("report: got %q, want the mistake of b.yml", report)
	}
	d := yaml.NewDecoder(out)
	var names []string
	for {
		var c struct{ Sources []struct{ Name string } }
		err := d.Decode(&c)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Sources[0].Name)
	}
	if got, want := strings.Join(names, " "), "sso other"; got != want {
		t.Errorf("got sources %q, want %q", got, want)
	}
}

// Without it, everything is on standard output.
func TestCheckReports(t *testing.T) {
	here(t, map[string]string{"iam.yml": checked, "password": "x"})
	k, out, report := check("iam.yml", "gone.yml")
	if k.Run() == Works || report.Len() > 0 {
		t.Errorf("valid, or on standard error: %q; want neither", report)
	}
	if got := out.String(); !strings.Contains(got, "warning: iam.yml:2: ") || !strings.Contains(got, "iam.yml: valid, 1 source\ngone.yml: ") {
		t.Errorf("got\n%s", got)
	}
}

// What can't be written is not valid.
func TestCheckCannotPrint(t *testing.T) {
	here(t, map[string]string{"iam.yml": checked, "password": "x"})
	k, _, report := check("iam.yml")
	k.Print, k.Out = true, full{}
	if k.Run() == Works || !strings.Contains(report.String(), "no space") {
		t.Errorf("valid, or another reason: %q", report)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Whoever interrupts the first of several files does not wait for the others.
func TestCheckInterrupted(t *testing.T) {
	here(t, map[string]string{"a.yml": checked, "b.yml": checked, "password": "x"})
	k, out, report := check("a.yml", "b.yml")
	k.Online = func(*config.Config, io.Writer) (bool, error) { return false, errors.New("interrupted") }
	if got := k.Run(); got != Fails {
		t.Errorf("got verdict %d, want %d", got, Fails)
	}
	if got, want := report.String(), "interrupted\n"; got != want || strings.Contains(out.String(), "b.yml") {
		t.Errorf("got %q and\n%s\nwant %q, and nothing of b.yml", got, out, want)
	}
}
