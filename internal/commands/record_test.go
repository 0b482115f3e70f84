package commands

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
)

// crowd is a source with a number of sessions.
type crowd int

func (crowd) Facts() session.Facts { return session.FactIdentityStore }
func (crowd) Info() session.Info   { return session.Info{} }
func (crowd) Close()               {}

func (n crowd) Snapshot(context.Context, session.Want) (*session.Snapshot, error) {
	h := session.NewHasher()
	s := &session.Snapshot{Taken: time.Now(), Complete: true, Total: int(n), Reported: int(n), Identities: []session.Identity{}}
	for i := range int(n) {
		x := session.Session{ID: h.Key(fmt.Sprint(i)), Status: session.Active, FailedLogins: -1}
		s.Sessions = append(s.Sessions, x)
		s.Identities = append(s.Identities, session.Identity{User: session.NewPerson(fmt.Sprint("user", i), "")})
	}
	return s, nil
}

func recordingTo(output string) *Recording {
	make := func(config.Source) (session.Source, error) { return crowd(20), nil }
	return &Recording{Output: output, For: 10 * time.Minute, Logger: log.NewNopLogger(),
		Factories: map[session.API]exporter.Factory{session.Intersight: make, session.OAM: make}}
}

// lines checks that a recording is whole lines, which replay can read, and counts them
// by source.
func lines(t *testing.T, c *config.Config, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		t.Errorf("%d bytes that end within a line: %q", len(text), text[max(0, len(text)-40):])
	}
	if err := (&Replays{Format: JSON, Out: io.Discard, Files: []string{path}, Logger: log.NewNopLogger()}).Run(c); err != nil {
		t.Errorf("replay: %v", err)
	}
	n := map[string]int{}
	for _, s := range c.Sources {
		n[s.Name] = bytes.Count(text, []byte(`"source":"`+s.Name+`"`))
	}
	return n
}

// endAt has files end at a size, as a full disk does, until the test ends.
func endAt(t *testing.T, size uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	})
}

// On a full disk a recording ends at once; the error names the file, which ends with a
// whole line, and goes on later.
func TestRecordOnAFullDisk(t *testing.T) {
	c := load(t)
	path := filepath.Join(t.TempDir(), "recording")
	t.Run("full", func(t *testing.T) {
		endAt(t, 20000)
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			err := recordingTo(path).Run(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error that names %s", err, path)
			}
			if took := time.Since(begin); took > 9*time.Minute {
				t.Errorf("ended after %s, want less", took)
			}
		})
	})
	before := lines(t, c, path)
	synctest.Test(t, func(t *testing.T) {
		if err := recordingTo(path).Run(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
	for name, n := range lines(t, c, path) {
		if before[name] == 0 || n < before[name]+10 {
			t.Errorf("%s: %d lines, then %d; want 10 more", name, before[name], n)
		}
	}
}

// Only the sources that are named are recorded, and an unknown one is an error.
func TestRecordSomeSources(t *testing.T) {
	c := load(t)
	path := filepath.Join(t.TempDir(), "recording")
	for _, c2 := range []struct {
		sources []string
		want    string // of the error
	}{
		{[]string{"nobody"}, `"nobody" is not a source; there are ["prod" "sso" "off"]`},
		{[]string{"sso", "Prod"}, `"Prod" is not a source; there are ["prod" "sso" "off"]`},
		{[]string{""}, `"" is not a source`},
	} {
		r := recordingTo(path)
		r.Sources = c2.sources
		if err := r.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), c2.want) {
			t.Errorf("%q: got %v, want %s", c2.sources, err, c2.want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%q: there is a file, want none", c2.sources)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := recordingTo(path)
		r.Sources = []string{"sso", "off", "sso"}
		if err := r.Run(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
	if n := lines(t, c, path); n["prod"] != 0 || n["sso"] < 10 || n["off"] < 10 {
		t.Errorf("%v lines, want none of prod and 10 of the others", n)
	}
}

// What is there is appended to, if only its owner can read it then; what is no file is
// an error that names it.
func TestRecordTo(t *testing.T) {
	c := load(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("open to all"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "open to all", "link to a new file": "new", "link to a directory": ".", "link to nowhere": "none/x"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{".", "pipe", "link to a directory", "link to nowhere", "none/recording", "open to all/recording"} {
		if err := recordingTo(at(bad)).Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), at(bad)) {
			t.Errorf("%s: got %v, want an error that names it", bad, err)
		}
	}
	for _, good := range []string{"new one", "open to all", "link", "link to a new file"} {
		synctest.Test(t, func(t *testing.T) {
			if err := recordingTo(at(good)).Run(t.Context(), c); err != nil {
				t.Errorf("%s: %v", good, err)
			}
		})
		if info, err := os.Stat(at(good)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", good, info.Mode(), err)
		}
		lines(t, c, at(good))
	}
	if n := lines(t, c, at("open to all")); n["sso"] < 20 {
		t.Errorf("%v lines, want those of two recordings", n)
	}
	var all []string
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		all = append(all, f.Name())
	}
	if want := []string{"link", "link to a directory", "link to a new file", "link to nowhere", "new", "new one", "open to all", "pipe"}; !slices.Equal(all, want) {
		t.Errorf("files %q, want %q", all, want)
	}
}
