//go:build release

package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// file is a file or a directory in an archive or package.
type file struct {
	mode    fs.FileMode
	sum     string // SHA-256 of what it contains, in hex
	content []byte // of an .rpm not known
	time    time.Time
	owner   string
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// untar returns the files in a tape archive, by their names without "./" and "/".
func untar(t *testing.T, b []byte) map[string]file {
	t.Helper()
	files := make(map[string]file)
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
			t.Errorf("%s is neither a file nor a directory: %q", h.Name, h.Typeflag)
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d, want 0:0", h.Name, h.Uid, h.Gid)
		}
		name := strings.Trim(strings.TrimPrefix(h.Name, "."), "/")
		files[name] = file{h.FileInfo().Mode(), sum(content), content, h.ModTime, h.Uname + ":" + h.Gname}
	}
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func unzip(t *testing.T, b []byte) map[string]file {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]file)
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(f.Name, "/")] = file{f.Mode(), sum(content), content, f.Modified, "root:root"} // has no owners
	}
	return files
}

// undeb returns what a .deb installs.
func undeb(t *testing.T, path string) map[string]file {
	t.Helper()
	return untar(t, run(t, nil, "dpkg-deb", "--fsys-tarfile", path))
}

// unrpm returns what an .rpm installs, without contents.
func unrpm(t *testing.T, path string) map[string]file {
	t.Helper()
	format := `[%{FILENAMES}\t%{FILEMODES}\t%{FILEDIGESTS}\t%{FILEMTIMES}\t%{FILEUSERNAME}:%{FILEGROUPNAME}\n]`
	files := make(map[string]file)
	for line := range strings.Lines(string(run(t, nil, "rpm", "-qp", "--qf", format, path))) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 5 {
			t.Fatalf("%s: %q", path, line)
		}
		mode, err := strconv.ParseUint(fields[1], 10, 32)
		seconds, err2 := strconv.ParseInt(fields[3], 10, 64)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		m := fs.FileMode(mode & 0o777)
		if mode&0o170000 == 0o040000 {
			m |= fs.ModeDir
		}
		files[strings.TrimPrefix(fields[0], "/")] = file{mode: m, sum: fields[2], time: time.Unix(seconds, 0), owner: fields[4]}
	}
	return files
}
