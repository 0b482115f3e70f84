//go:build release

package release

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

const (
	root    = "../.."
	program = "iam_session_exporter"
)

// environment is that of these tests, without what `make` and its caller add.
func environment(add ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VERSION", "TARGETS", "DIST", "GOFLAGS":
		default:
			env = append(env, v)
		}
	}
	return append(env, add...)
}

// run returns what a command prints; it must succeed.
func run(t *testing.T, env []string, command ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = environment(env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), err, out, &errs)
	}
	return out
}

// git runs it in a tree that may have another owner.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	command := append([]string{"git", "-C", dir, "-c", "safe.directory=" + dir}, args...)
	return strings.TrimSpace(string(run(t, nil, command...)))
}

// clone clones what is committed here.
func clone(t *testing.T, into string) {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "bundle") // for which owners don't matter
	git(t, root, "bundle", "create", "-q", bundle, "HEAD")
	run(t, nil, "git", "clone", "-q", bundle, into)
}

// newest is the version of the first section of the changelog that has one.
func newest(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^## \[(\d\S*)\] - `).FindSubmatch(readFile(t, filepath.Join(root, "CHANGELOG.md")))
	if m == nil {
		t.Fatal("CHANGELOG.md has no version")
	}
	return string(m[1])
}

// A release made twice has the same bytes, though directory, user, umask, zone,
// language, machine and the caller's settings for Go differ, and nothing compiled
// before is used.
func TestRelease(t *testing.T) {
	version := newest(t)
	first := filepath.Join(t.TempDir(), "first")
	clone(t, first)
	run(t, nil, "make", "-C", first, "release", "VERSION=v"+version)

	second := filepath.Join(t.TempDir(), "another place", "second")
	clone(t, second)
	command := []string{"sh", "-c", `umask 077; exec make -C "$0" release`, second}
	if os.Getuid() == 0 {
		run(t, nil, "chown", "-R", "12345:12345", second)
		command = append([]string{"unshare", "--uts", "sh", "-c", `hostname elsewhere; exec "$@"`, "-"}, command...)
	}
	run(t, []string{"VERSION=v" + version, "GOCACHE=" + t.TempDir(), "GOFLAGS=-tags=another", "GOAMD64=v3", "GOARM=5", "CGO_ENABLED=1",
		"TZ=Asia/Tokyo", "LC_ALL=C.UTF-8", "USER=another", "SOURCE_DATE_EPOCH=1"}, command...)

	dist := filepath.Join(first, "dist")
	a, b := sums(t, dist), sums(t, filepath.Join(second, "dist"))
	for name := range b {
		if a[name] == "" {
			t.Errorf("%s was made only the second time", name)
		}
	}
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs: first %s, then %s", name, a[name], b[name])
		}
	}
	check(t, first, dist, version, platforms)
	if out := git(t, first, "status", "--porcelain"); out != "" {
		t.Errorf("make release left in the tree:\n%s", out)
	}
}

// A snapshot of this tree, for the platform that this is.
func TestSnapshot(t *testing.T) {
	arch := runtime.GOARCH
	if arch == "arm" {
		arch = "armv7"
	}
	dist := t.TempDir()
	run(t, []string{"TARGETS=linux/" + arch, "DIST=" + dist}, "make", "-C", root, "snapshot", "VERSION=v0.1.0-rc.1")
	check(t, root, dist, "0.1.0-rc.1", []platform{{"linux", arch}})
}

// What can't be released is refused before anything is built, with what to do.
func TestRefused(t *testing.T) {
	const good = "v1.2.3"
	dated := func(version string) string {
		return "# Changelog\n\n## [Unreleased]\n\n## [" + version + "] - 2026-01-31\n\n- A line.\n"
	}
	for name, c := range map[string]struct {
		args      []string
		changelog string
		spoil     func(t *testing.T, dir string)
		want      string
	}{
		"no version":      {nil, dated("1.2.3"), nil, `VERSION is "", not vX.Y.Z or vX.Y.Z-PRE; for example: make release VERSION=v0.1.0`},
		"no v":            {[]string{"VERSION=1.2.3"}, dated("1.2.3"), nil, `VERSION is "1.2.3", not`},
		"two parts":       {[]string{"VERSION=v1.2"}, dated("1.2"), nil, `VERSION is "v1.2", not`},
		"leading zero":    {[]string{"VERSION=v1.02.3"}, dated("1.02.3"), nil, `VERSION is "v1.02.3", not`},
		"empty pre":       {[]string{"VERSION=v1.2.3-"}, dated("1.2.3-"), nil, `VERSION is "v1.2.3-", not`},
		"build metadata":  {[]string{"VERSION=v1.2.3+1"}, dated("1.2.3+1"), nil, `VERSION is "v1.2.3+1", not`},
		"two lines":       {[]string{"VERSION=v1.2.3\nv1.2.4"}, dated("1.2.3"), nil, "not vX.Y.Z"},
		"a path":          {[]string{"VERSION=v1.2.3/../x"}, dated("1.2.3"), nil, "not vX.Y.Z"},
		"unknown target":  {[]string{"VERSION=" + good, "TARGETS=linux/mips"}, dated("1.2.3"), nil, `no target "linux/mips"; TARGETS can be: linux/amd64 linux/arm64`},
		"no section":      {[]string{"VERSION=v1.2.4"}, dated("1.2.3"), nil, `CHANGELOG.md has no line "## [1.2.4] - `},
		"another section": {[]string{"VERSION=" + good}, dated("1x2.3"), nil, `CHANGELOG.md has no line "## [1.2.3] - `},
		"not yet dated":   {[]string{"VERSION=" + good}, "## [1.2.3]\n", nil, `CHANGELOG.md has no line "## [1.2.3] - `},
		"pre-release":     {[]string{"VERSION=v1.2.3-rc.1"}, dated("1.2.3"), nil, `CHANGELOG.md has no line "## [1.2.3-rc.1] - `},
		"changed": {[]string{"VERSION=" + good}, dated("1.2.3"), func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "CHANGELOG.md"), dated("1.2.3")+"More.\n")
		}, "the tree is not what is committed; commit, stash or remove the following, or use make snapshot to try:\n M CHANGELOG.md"},
		"added": {[]string{"VERSION=" + good}, dated("1.2.3"), func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "more.go"), "package main\n")
		}, "the tree is not what is committed; commit, stash or remove the following, or use make snapshot to try:\n?? more.go"},
		"tagged before": {[]string{"VERSION=" + good}, dated("1.2.3"), func(t *testing.T, dir string) {
			git(t, dir, "tag", good)
			write(t, filepath.Join(dir, "CHANGELOG.md"), dated("1.2.3")+"More.\n")
			commit(t, dir)
		}, "the tag v1.2.3 is another commit; use git checkout v1.2.3"},
		"no repository": {[]string{"VERSION=" + good}, dated("1.2.3"), func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
				t.Fatal(err)
			}
		}, "not a git repository: the revision and the times of files are those of a commit"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{"Makefile", "scripts/release", "scripts/tools"} {
				write(t, filepath.Join(dir, file), string(readFile(t, filepath.Join(root, file))))
			}
			write(t, filepath.Join(dir, "CHANGELOG.md"), c.changelog)
			git(t, dir, "init", "-q")
			commit(t, dir)
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			cmd := exec.CommandContext(t.Context(), "make", append([]string{"-C", dir, "release"}, c.args...)...)
			cmd.Env = environment("GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir))
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("got %v\n%s\nwant an error with %s", err, out, strconv.Quote(c.want))
			}
			if _, err := os.Stat(filepath.Join(dir, "dist")); err == nil {
				t.Error("there is a dist/")
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", "-A")
	git(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "All")
}
