package endtoend

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// A recording ends with a signal as it does by itself: with a whole line, which replay
// reads; and has neither names nor secrets.
func TestRecordEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	demo, err := simulator.StartDemo(simulator.DemoOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	config := write(t, t.TempDir(), "config.yml", strings.Replace(string(demo.Config()), "interval: 15s", "interval: 1s", 1))
	for name, end := range map[string]os.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM, "its time": nil} {
		path := filepath.Join(t.TempDir(), "recording")
		args := []string{"record", "--config.file=" + config, "--output=" + path, "--log.level=debug"}
		if end == nil {
			args = append(args, "--for=3s", "--source=oam-demo")
		}
		p := launch(t, nil, args...)
		read := func() string {
			text, err := os.ReadFile(path)
			if err != nil {
				return ""
			}
			return string(text)
		}
		if end != nil {
			p.until("both sources are recorded", func() bool {
				return strings.Count(read(), `"source":"oam-demo"`) > 1 && strings.Count(read(), `"source":"intersight-demo"`) > 1
			})
			p.signal(end)
		}
		<-p.done
		if p.code != 0 {
			t.Errorf("%s: exit code %d, want 0\n%s", name, p.code, p.err.String())
		}
		text := read()
		if !strings.HasSuffix(text, "\n") {
			t.Errorf("%s: ends within a line: %q", name, text[max(0, len(text)-100):])
		}
		if got := strings.Contains(text, `"source":"intersight-demo"`); got != (end != nil) {
			t.Errorf("%s: Intersight is recorded: %v", name, got)
		}
		if code, _, stderr := once(t, "replay", "--config.file="+config, path); code != 0 {
			t.Errorf("%s: replay: exit code %d, want 0\n%s", name, code, stderr)
		}
		birds := secretsIn(t, dir)
		for _, api := range []session.API{session.Intersight, session.OAM} {
			for _, s := range demo.World.Truth(api) {
				birds = append(birds, s.ID, s.User, s.UserMoid)
			}
		}
		birds.look(t, "the recording", text)
		birds.look(t, "the log", p.err.String()+p.out.String())
	}
}

// What goes wrong is said in one line that names it, with exit code 1.
func TestRecordErrors(t *testing.T) {
	t.Parallel()
	demo, err := simulator.StartDemo(simulator.DemoOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	dir := t.TempDir()
	config := write(t, dir, "config.yml", string(demo.Config()))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--output=" + dir}, dir + ": is not a regular file"},
		{[]string{"--output=/dev/full"}, "/dev/full: is not a regular file"},
		{[]string{"--output=" + filepath.Join(dir, "none", "x")}, filepath.Join(dir, "none", "x") + ": no such file or directory"},
		{[]string{"--output=" + filepath.Join(dir, "x"), "--source=oam"}, `there are ["intersight-demo" "oam-demo"]`},
		{[]string{"--output=" + filepath.Join(dir, "x"), "--for=-1s"}, "--for"},
	} {
		code, _, stderr := once(t, append([]string{"record", "--config.file=" + config}, c.args...)...)
		if code != 1 || !strings.Contains(strings.ReplaceAll(stderr, `\"`, `"`), c.want) || bytes.Count([]byte(stderr), []byte("\n")) != 1 {
			t.Errorf("%q: exit code %d, %q; want 1 and one line with %q", c.args, code, stderr, c.want)
		}
	}
}
