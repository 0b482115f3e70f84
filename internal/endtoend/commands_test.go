package endtoend

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSimulateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	// Under nohup the program would inherit that hangups are ignored.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			cmd := command(t, "simulate")
			dir := t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 1)); err != nil { // the configuration: it runs
				t.Error(err)
			}
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			noFiles(t, dir)
		})
	}
	t.Run("closed output", func(t *testing.T) {
		cmd := command(t, "simulate")
		dir := t.TempDir()
		cmd.Env = append(os.Environ(), "TMPDIR="+dir)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd.Stdout = w
		err = cmd.Run()
		w.Close()
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("exit code %d (%v), want 1", code, err)
		}
		noFiles(t, dir)
	})
}

// nohup has it go on after a hangup.
func TestSimulateUnderNohup(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nohup", path, "simulate")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // the configuration: it runs
		t.Error(err)
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended by the hangup: %v", err)
	}
}

func noFiles(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v; want len 0", left)
	}
}

// Only systemd knows the address of a socket it made.
func TestHealthcheckOfASystemdSocket(t *testing.T) {
	t.Parallel()
	code, _, stderr := once(t, "healthcheck", "--web.systemd-socket")
	if code != 1 || !strings.Contains(stderr, "--web.listen-address") {
		t.Errorf(`without an address: %d %q; want 1, "--web.listen-address" in it`, code, stderr)
	}
	p := run(t, "http", "--demo")
	code, _, stderr = once(t, "healthcheck", "--web.systemd-socket", "--web.listen-address="+strings.TrimPrefix(p.url, "http://"))
	if code != 0 {
		t.Errorf("with the address: %d %q; want 0", code, stderr)
	}
}
