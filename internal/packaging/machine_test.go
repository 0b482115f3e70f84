//go:build packages

package packaging

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// machine is a bare Debian that runs systemd in namespaces of its own: its
// services, sandboxes and exit codes are real. It has no network but its loopback.
type machine struct {
	root string
	pid  string // of its systemd, seen from here
}

// bare copies a minimal Debian with systemd, and with more packages if any are
// given. debootstrap makes it the first time; it is kept in the user's cache.
func bare(t *testing.T, packages ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("debootstrap and namespaces need root")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, programName+"-packages-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	// What is made is renamed when it is finished. Mounts are in a namespace, which ends with
	// what makes it: one that is interrupted leaves none.
	made := func(name string, script string, args ...string) string {
		kept, unfinished := filepath.Join(dir, name), filepath.Join(dir, "unfinished")
		if _, err := os.Stat(kept); err == nil {
			return kept
		}
		must(t, "rm", "--recursive", "--force", "--one-file-system", unfinished)
		cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "--propagation=private", "sh", "-ec", script, "sh", unfinished}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		if err := os.Rename(unfinished, kept); err != nil {
			t.Fatal(err)
		}
		return kept
	}
	kept := made(suite, `debootstrap --variant=minbase --include=ca-certificates,dbus,systemd-sysv "$2" "$1"`, suite)
	if len(packages) > 0 {
		kept = made(suite+"-"+strings.Join(packages, "-"), `cp --archive "$2" "$1"
			cp /etc/hosts /etc/resolv.conf "$1/etc/"
			base=$1; shift 2
			chroot "$base" apt-get update --quiet
			DEBIAN_FRONTEND=noninteractive chroot "$base" apt-get install --yes --quiet --no-install-recommends "$@"`,
			append([]string{kept}, packages...)...)
	}
	root := filepath.Join(t.TempDir(), "root")
	must(t, "cp", "--archive", "--reflink=auto", kept, root)
	return root
}

const suite = "bookworm"

// boot starts systemd in a root. It ends with the test, or with the process that
// runs the test.
func boot(t *testing.T, root string) *machine {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command("testdata/boot.sh", root)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // unshare, and systemd with it
		_ = cmd.Wait()
		run(t, "testdata/boot.sh", "--clean", root)
		if t.Failed() {
			t.Log(log.String())
		}
	})
	m := &machine{root: root}
	eventually(t, "systemd has started", func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
		m.pid = strings.TrimSpace(string(children))
		if err != nil || m.pid == "" {
			return false
		}
		comm, err := os.ReadFile("/proc/" + m.pid + "/comm")
		return err == nil && strings.TrimSpace(string(comm)) == "systemd" &&
			slices.Contains([]string{"running", "degraded"}, m.run(t, "systemctl", "is-system-running").stdout)
	})
	return m
}

// run runs a command in the machine, as root and without this machine's environment.
func (m *machine) run(t *testing.T, cmd ...string) result {
	t.Helper()
	return run(t, append([]string{"nsenter", "--target", m.pid, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root",
		"env", "--chdir=/", "-i", "HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"}, cmd...)...)
}

func (m *machine) must(t *testing.T, cmd ...string) string {
	t.Helper()
	r := m.run(t, cmd...)
	if r.code != 0 {
		t.Fatalf("%s: exit code %d\n%s", strings.Join(cmd, " "), r.code, r.all)
	}
	return r.all
}

// sh runs a script, which has to succeed.
func (m *machine) sh(t *testing.T, script string) string {
	t.Helper()
	return m.must(t, "sh", "-ec", script)
}

// metrics is what the exporter in the machine answers.
func (m *machine) metrics(t *testing.T) result {
	t.Helper()
	return run(t, "nsenter", "--target", m.pid, "--net", "curl", "--silent", "--show-error", "--fail", "--max-time", "60", "http://127.0.0.1:10987/metrics")
}

// simulate runs the simulated APIs in the machine. It returns a configuration for
// them, whose keys and passwords are in the directory secrets, and where these are.
func (m *machine) simulate(t *testing.T, binary string) (config, secrets string) {
	t.Helper()
	m.must(t, "systemd-run", "--quiet", "--unit=simulation", "--property=StandardOutput=file:/opt/simulation.yml",
		"--property=StandardError=journal", "--property=RuntimeMaxSec=1200", binary, "simulate")
	eventually(t, "the simulated APIs", func() bool {
		return strings.Contains(m.must(t, "journalctl", "--no-pager", "--unit=simulation"), "APIs are ready")
	})
	text := m.sh(t, "cat /opt/simulation.yml")
	files := regexp.MustCompile(`"(/tmp/[^"]+/)([^"/]+)"`)
	found := files.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no files in\n%s", text)
	}
	return files.ReplaceAllString(text, "secrets/$2") + "\n", found[1]
}

// processes lists the processes of the exporter; the simulated APIs are not of it.
func (m *machine) processes(t *testing.T) []string {
	t.Helper()
	return strings.Fields(m.sh(t, `for p in /proc/[0-9]*; do
		exe=$(readlink $p/exe) || continue
		case $exe in */iam_session_exporter*) grep -q simulate $p/cmdline || echo ${p#/proc/} ;; esac
	done`))
}
