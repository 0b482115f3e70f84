//go:build image

package packaging

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const bundlePath = "/etc/ssl/certs/ca-certificates.crt"

// engine builds and runs containers, in a store of its own.
type engine struct {
	storage []string // options of buildah and podman
	image   string
}

// start makes a store, first removing what a run that was killed may have left.
// One run at a time: the others wait for the lock.
func start(t *testing.T) *engine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("containers are run by root here")
	}
	for _, tool := range []string{"buildah", "podman", "runc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v; scripts/image-tools installs it", err)
		}
	}
	// There may be no systemd to run health checks at intervals; they are run here.
	t.Setenv("DISABLE_HC_SYSTEMD", "true")
	t.Setenv("BUILDAH_ISOLATION", "chroot")

	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, programName+"-image-test")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	e := &engine{
		// vfs needs nothing of the kernel or of the file system below.
		storage: []string{"--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "vfs"},
		image:   "localhost/" + programName + ":test",
	}
	clean := func() {
		run(t, e.podman("rm", "--all", "--force", "--time", "0")...)
		mounts, err := os.ReadFile("/proc/self/mounts")
		if err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(string(mounts)) {
			if at := strings.Fields(line)[1]; strings.HasPrefix(at, dir+"/") {
				_ = syscall.Unmount(at, syscall.MNT_DETACH) // else removing it fails
			}
		}
		for _, d := range []string{"root", "run", "tmp"} {
			if err := os.RemoveAll(filepath.Join(dir, d)); err != nil {
				t.Error(err)
			}
		}
	}
	clean()
	t.Cleanup(clean)
	return e
}

func (e *engine) podman(args ...string) []string {
	tmp := strings.TrimSuffix(e.storage[1], "root") + "tmp"
	return slices.Concat([]string{"podman"}, e.storage,
		[]string{"--tmpdir", tmp, "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "runc"}, args)
}

// locked are the options of all containers: they may do and write nothing. The
// limits are those that an unprivileged machine can set.
func locked() []string {
	return []string{"--pull", "never", "--timeout", "60", // the end of those whose test was killed
		"--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges",
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}
}

// once runs a container that ends by itself.
func (e *engine) once(t *testing.T, options []string, args ...string) result {
	t.Helper()
	return run(t, e.podman(slices.Concat([]string{"run", "--rm"}, locked(), options, []string{e.image}, args)...)...)
}

// container is one that runs.
type container struct {
	*engine
	id, url string
}

// serve runs a container until it is ready at the address that it listens on, or
// that its port is published at.
func (e *engine) serve(t *testing.T, options []string, address string, args ...string) *container {
	t.Helper()
	c := &container{engine: e}
	c.id = must(t, e.podman(slices.Concat([]string{"run", "--detach"}, locked(), options, []string{e.image}, args)...)...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.logs(t))
		}
		run(t, e.podman("rm", "--force", "--time", "0", c.id)...)
	})
	if address == "" {
		// One that could not start publishes nothing; its log tells.
		address = run(t, e.podman("port", c.id)...).stdout
		_, address, _ = strings.Cut(address, " -> ")
	}
	c.url = "http://" + address
	eventually(t, "the exporter is ready", func() bool {
		code, _, err := get(c.url + "/-/ready")
		if err != nil && must(t, e.podman("inspect", "--format", "{{.State.Running}}", c.id)...) != "true" {
			t.Fatal("the container has ended")
		}
		return err == nil && code == http.StatusOK
	})
	return c
}

func (c *container) logs(t *testing.T) string { return run(t, c.podman("logs", c.id)...).all }

func (c *container) metrics(t *testing.T) string {
	t.Helper()
	code, body, err := get(c.url + "/metrics")
	if err != nil || code != http.StatusOK {
		t.Fatalf("/metrics: %d, %v", code, err)
	}
	return body
}

// stop ends the container as an operator does, and expects a graceful end: one
// that is killed after a minute has another exit code.
func (c *container) stop(t *testing.T) {
	t.Helper()
	r := run(t, c.podman("stop", "--time", "60", c.id)...)
	code := must(t, c.podman("inspect", "--format", "{{.State.ExitCode}}", c.id)...)
	if r.code != 0 || code != "0" {
		t.Errorf("SIGTERM: exit code %s\n%s", code, r.all)
	}
}

func get(url string) (int, string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// own gives the files of a directory to root and the image's group, readable as
// Kubernetes makes them for fsGroup.
func own(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		mode := os.FileMode(0o440)
		if d.IsDir() {
			mode = 0o750
		}
		return errors.Join(err, os.Chown(path, 0, uid), os.Chmod(path, mode))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// freeAddress is one on loopback on which nobody listens, below the ports that
// Linux takes for connections.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15_000+rand.N(15_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
