package smallfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const canary = "s3cr3t-canary"

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func utf16(s string, bom bool) string {
	var b strings.Builder
	if bom {
		b.WriteString("\xff\xfe")
	}
	for _, c := range []byte(s) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}

func TestLine(t *testing.T) {
	for _, c := range []struct{ name, content, want, err string }{
		{"plain", canary, canary, ""},
		{"line end", canary + "\n", canary, ""},
		{"CRLF and blanks", " \t" + canary + " \r\n\n", canary, ""},
		{"byte order mark", "\ufeff" + canary + "\r\n", canary, ""},
		{"blanks and tabs inside", canary + " \t" + canary, canary + " \t" + canary, ""},
		{"not ASCII", "pässwörd✓", "pässwörd✓", ""},
		{"empty", "", "", "is empty"},
		{"blank", " \n", "", "is empty"},
		{"only a mark", "\ufeff\n", "", "is empty"},
		{"UTF-16", utf16(canary, true), "", "is UTF-16"},
		{"big-endian UTF-16", "\xfe\xff\x00s", "", "is UTF-16"},
		{"UTF-16 without a mark", utf16(canary+"\n", false), "", "is UTF-16"},
		{"NUL", canary + "\x00", "", "control character"},
		{"escape", canary + "\x1b[1m", "", "control character"},
		{"Latin-1", "p\xe4ssword", "", "not UTF-8"},
		{"two lines", canary + "\n" + canary, "", "more than one line"},
		{"two old lines", canary + "\r" + canary, "", "more than one line"},
		{"two odd lines", canary + "\u2028" + canary, "", "more than one line"},
	} {
		path := file(t, c.content)
		got, err := Line(path)
		if got != c.want || (err == nil) != (c.err == "") {
			t.Errorf("%s: %q, %v; want %q; want no error: %v", c.name, got, err, c.want, c.err == "")
		}
		if err != nil {
			checkError(t, err, path, c.err)
		}
	}
}

func checkError(t *testing.T, err error, path, want string) {
	t.Helper()
	if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != path || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestPEM(t *testing.T) {
	const text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	for _, c := range []struct{ content, want, err string }{
		{text, text, ""},
		{"\ufeff" + text, text, ""},
		{"# Zertifikat f\xfcr " + text, "# Zertifikat f\xfcr " + text, ""}, // the comments may be in any charset
		{utf16(text, true), "", "is UTF-16"},
		{"\n", "", "is empty"},
	} {
		path := file(t, c.content)
		got, err := PEM(path)
		if got != c.want || (err == nil) != (c.err == "") {
			t.Errorf("%q: %q, %v; want %q; want no error: %v", c.content, got, err, c.want, c.err == "")
		}
		if err != nil {
			checkError(t, err, path, c.err)
		}
	}
}

// None of these may block, or take memory for more than is allowed.
func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe, sparse, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "sparse"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(sparse, nil, 0o600), os.Truncate(sparse, 1<<30), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	most, more := file(t, strings.Repeat("x", Max)), file(t, strings.Repeat("x", Max+1))
	for path, want := range map[string]string{
		pipe: "not a regular file", link: "not a regular file", dir: "not a regular file", os.DevNull: "not a regular file", "/dev/zero": "not a regular file",
		sparse: "larger than 1 MiB", more: "larger than 1 MiB", filepath.Join(dir, "none"): "no such file",
	} {
		allocated := testing.AllocsPerRun(1, func() { Read(path) })
		if _, err := Read(path); err == nil {
			t.Errorf("%s: read", path)
		} else {
			checkError(t, err, path, want)
		}
		if allocated > 50 {
			t.Errorf("%s: %.0f allocations; want at most 50", path, allocated)
		}
	}
	if data, err := Read(most); err != nil || len(data) != Max {
		t.Errorf("%v, %v; want %v", err, len(data), Max)
	}
}

func TestMachineFault(t *testing.T) {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if !MachineFault(fmt.Errorf("reading: %w", &fs.PathError{Op: "open", Path: "x", Err: e})) {
			t.Error(e)
		}
	}
	for _, e := range []error{nil, syscall.ENOENT, syscall.EACCES, errors.New("is empty")} {
		if MachineFault(e) {
			t.Error(e)
		}
	}
}
