package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good", canary, 0o600)
	write("shared", canary, 0o640)
	write("public", canary, 0o644)
	write("blank", " \n", 0o600)
	write("locked", canary, 0)
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("good", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	const head = "sources:\n  - name: a\n    api: oam\n    url: https://a\n    basic_auth:\n      username_file: public\n      password_file: "
	for name, want := range map[string]struct{ warning, err string }{
		"good":   {},
		"link":   {},
		"shared": {warning: "others than its owner can use this secret (mode 0640); chmod 600 it"},
		"public": {warning: "others than its owner can use this secret (mode 0644); chmod 600 it"},
		"blank":  {err: "is empty"},
		"dir":    {err: "is not a regular file"},
		"pipe":   {err: "is not a regular file"},
		"none":   {err: "no such file or directory"},
		"locked": {err: "permission denied"},
	} {
		if name == "locked" && os.Getuid() == 0 {
			continue // root may read it
		}
		c, err := Parse([]byte(head+name+"\n"), "iam.yml", dir)
		if err != nil {
			t.Fatal(err)
		}
		at := "iam.yml:7: sources[0].basic_auth.password_file: " + filepath.Join(dir, name) + ": "
		warnings, err := c.CheckFiles()
		var got struct{ warning, err string }
		if len(warnings) > 0 {
			got.warning = strings.TrimPrefix(warnings.Error(), at)
		}
		if err != nil {
			got.err = strings.TrimPrefix(err.Error(), at)
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestCheckFilesNamesAll(t *testing.T) {
	c, err := Load(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CheckFiles()
	if err == nil {
		t.Fatal("the example's secrets exist")
	}
	data, err2 := os.ReadFile(exampleFile)
	if err2 != nil {
		t.Fatal(err2)
	}
	want := 1 // files: of a header
	for line := range strings.Lines(string(data)) {
		if key, _, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && strings.HasSuffix(strings.TrimPrefix(key, "- "), "_file") && !strings.HasPrefix(key, "#") {
			want++
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != want {
		t.Errorf("%d files, want %d:\n%v", got, want, err)
	}
}
