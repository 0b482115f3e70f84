//go:build image

package packaging

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
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

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// up counts the sources that are up.
func up(metrics string) int {
	return len(regexp.MustCompile(`(?m)^iam_source_up\{[^}]*\} 1$`).FindAllString(metrics, -1))
}

func demo() []string { return []string{"--tmpfs", "/tmp", "--publish", "127.0.0.1::10987"} }

func TestImage(t *testing.T) {
	e := start(t)
	t.Setenv("ENGINE", "buildah "+strings.Join(e.storage, " "))
	t.Setenv("VERSION", "1.2.3-test")
	t.Log(run(t, root+"/scripts/image", e.image).all)

	t.Run("says what it is", e.describes)
	t.Run("holds nothing else", e.holds)
	t.Run("demo", e.demo)
	t.Run("demo needs a place to write", e.demoReadOnly)
	t.Run("no configuration", e.noConfiguration)
	t.Run("healthcheck", e.healthcheck)
	t.Run("authorities", e.authorities)
	t.Run("as in Kubernetes", e.kubernetes)
	t.Run("as in systemd", e.systemd)
}

func (e *engine) describes(t *testing.T) {
	var images []struct {
		Config struct {
			User, WorkingDir string
			ExposedPorts     map[string]any
			Entrypoint, Cmd  []string
			Labels           map[string]string
		}
		Healthcheck struct{ Test []string }
	}
	if err := json.Unmarshal([]byte(must(t, e.podman("image", "inspect", e.image)...)), &images); err != nil || len(images) != 1 {
		t.Fatalf("%d images, %v", len(images), err)
	}
	c := images[0].Config
	if c.User != "65532:65532" || c.WorkingDir != "/etc/"+programName || c.ExposedPorts["10987/tcp"] == nil ||
		!slices.Equal(c.Entrypoint, []string{"/" + programName}) || len(c.Cmd) != 0 {
		t.Errorf("%+v", c)
	}
	if c.Labels["org.opencontainers.image.version"] != "1.2.3-test" || c.Labels["org.opencontainers.image.licenses"] != "Apache-2.0" {
		t.Errorf("labels %v", c.Labels)
	}
	if want := []string{"CMD", "/" + programName, "healthcheck"}; !slices.Equal(images[0].Healthcheck.Test, want) {
		t.Errorf("healthcheck %q", images[0].Healthcheck.Test)
	}
}

func (e *engine) holds(t *testing.T) {
	id := must(t, e.podman("create", "--pull", "never", e.image)...)
	archive := filepath.Join(t.TempDir(), "image.tar")
	must(t, e.podman("export", "--output", archive, id)...)
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var files []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := "/" + strings.Trim(h.Name, "/")
		if h.Typeflag == tar.TypeReg {
			files = append(files, name)
		}
		if mode := h.FileInfo().Mode(); mode.Perm()&0o002 != 0 && name != "/tmp" || h.Uid != 0 {
			t.Errorf("%s: %s of %d", name, mode, h.Uid)
		}
		if name == bundlePath {
			n := 0
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
				if _, err := x509.ParseCertificate(b.Bytes); err == nil {
					n++
				}
			}
			if n < 50 {
				t.Errorf("%d authorities", n)
			}
		}
	}
	slices.Sort(files)
	want := []string{"/LICENSE", bundlePath, "/" + programName}
	// Mount points that the engine adds are empty.
	files = slices.DeleteFunc(files, func(name string) bool {
		return slices.Contains([]string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv"}, name)
	})
	if !slices.Equal(files, want) {
		t.Errorf("files %q", files)
	}
}

// With a read-only root and no privileges the demo serves, is healthy, and ends
// when it is told to.
func (e *engine) demo(t *testing.T) {
	c := e.serve(t, demo(), "", "--demo")
	if n := up(c.metrics(t)); n != 2 {
		t.Errorf("%d sources are up", n)
	}
	status := read(t, "/proc", must(t, e.podman("inspect", "--format", "{{.State.Pid}}", c.id)...), "status")
	for _, want := range []string{
		fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", uid), fmt.Sprintf("Gid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", uid),
		"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("not %q:\n%s", want, status)
		}
	}
	must(t, e.podman("healthcheck", "run", c.id)...)
	must(t, e.podman("exec", c.id, "/"+programName, "healthcheck")...)
	// Nothing listens there.
	if r := run(t, e.podman("exec", c.id, "/"+programName, "healthcheck", "--web.listen-address=:10988")...); r.code != 1 {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	c.stop(t)
	if _, _, err := get(c.url + "/-/ready"); err == nil {
		t.Error("it still answers")
	}
}

func (e *engine) demoReadOnly(t *testing.T) {
	if r := e.once(t, nil, "--demo"); r.code != 1 || !strings.Contains(r.all, "/tmp/") || !strings.Contains(r.all, "read-only") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	// Without a read-only root the image's own /tmp will do.
	c := e.serve(t, []string{"--read-only=false", "--publish", "127.0.0.1::10987"}, "", "--demo")
	c.stop(t)
}

func (e *engine) noConfiguration(t *testing.T) {
	if r := e.once(t, nil); r.code != 1 || !strings.Contains(r.all, programName+".yml: cannot be read: no such file") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
}

// The image's HEALTHCHECK fails where nothing listens. It does not see the
// arguments of the program: for another address it is replaced, as
// deploy/README.md says.
func (e *engine) healthcheck(t *testing.T) {
	if r := e.once(t, nil, "healthcheck"); r.code != 1 || !strings.Contains(r.all, "connection refused") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	page := read(t, root, "deploy/README.md")
	from := strings.Index(page, "FROM iam_session_exporter:VERSION\n")
	if from < 0 {
		t.Fatal("deploy/README.md does not say how to replace it")
	}
	text, _, _ := strings.Cut(page[from:], "\n\n")
	text = strings.Replace(text, "iam_session_exporter:VERSION", e.image, 1)
	derived := &engine{storage: e.storage, image: e.image + "-derived"}
	must(t, slices.Concat([]string{"buildah"}, e.storage, []string{"build", "--format=docker", "--pull-never", "--tag", derived.image,
		"--file", write(t, text, t.TempDir(), "Dockerfile"), t.TempDir()})...)
	serve := func(e *engine) *container {
		return e.serve(t, []string{"--tmpfs", "/tmp", "--publish", "127.0.0.1::8080"}, "", "--demo", "--web.listen-address=:8080")
	}
	c := serve(derived)
	must(t, e.podman("healthcheck", "run", c.id)...)
	if r := run(t, e.podman("healthcheck", "run", serve(e).id)...); r.code != 1 {
		t.Errorf("exit code %d: the default address was found healthy\n%s", r.code, r.all)
	}
}

// simulation runs the simulated APIs outside, and returns the OAM one of the
// configuration that scrapes them.
func simulation(t *testing.T) (source map[string]any, password string) {
	t.Helper()
	cmd := exec.Command("timeout", "600", program, "simulate") // ends also when the test is killed
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var text bytes.Buffer
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "networks:"); {
		text.WriteString(lines.Text() + "\n")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var c struct{ Sources []map[string]any }
	if err := yaml.Unmarshal(text.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Sources {
		if s["api"] == "oam" {
			auth := s["basic_auth"].(map[string]any)
			password = read(t, auth["password_file"].(string))
			auth["password_file"] = "oam-password"
			return s, password
		}
	}
	t.Fatalf("no OAM source in\n%s", &text)
	return nil, ""
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

// A source whose certificate is by an authority in the image's bundle is
// scraped; by another one it is not, for reason tls. The authority is put into the
// file that the image has, where the program must look for it.
func (e *engine) authorities(t *testing.T) {
	source, password := simulation(t)
	target, err := url.Parse(source["url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	api.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake is to fail
	api.StartTLS()
	defer api.Close()
	source["url"] = api.URL

	dir := t.TempDir()
	text, err := yaml.Marshal(map[string]any{"sources": []any{source}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, string(text), dir, programName+".yml")
	write(t, password, dir, "oam-password")
	own(t, dir)
	bundle := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})), t.TempDir(), "bundle.crt")
	if err := os.Chmod(bundle, 0o444); err != nil {
		t.Fatal(err)
	}

	scraped := func(t *testing.T, options ...string) (*container, string) {
		address := freeAddress(t)
		options = append(options, "--network", "host", "--volume", dir+":/etc/"+programName+":ro")
		c := e.serve(t, options, address, "--web.listen-address="+address)
		return c, c.metrics(t)
	}
	t.Run("unknown", func(t *testing.T) {
		c, metrics := scraped(t)
		if up(metrics) != 0 || !regexp.MustCompile(`(?m)^iam_source_errors_total\{[^}]*reason="tls"[^}]*\} 1$`).MatchString(metrics) {
			t.Errorf("%s", metrics)
		}
		if text := c.logs(t); !strings.Contains(text, "unknown authority") {
			t.Errorf("%s", text)
		}
		c.stop(t)
	})
	t.Run("known", func(t *testing.T) {
		c, metrics := scraped(t, "--volume", bundle+":"+bundlePath+":ro")
		if up(metrics) != 1 {
			t.Errorf("%s", metrics)
		}
		c.stop(t)
	})
}

// The configuration of the example Deployment starts with files as Kubernetes
// makes them.
func (e *engine) kubernetes(t *testing.T) {
	m := load(t)
	dir := m.volume(t, func(name string) string { return secret(t, name) })
	own(t, dir)
	c := m.stateful.Spec.Template.Spec.Containers[0]
	mount := []string{"--volume", dir + ":" + c.VolumeMounts[0].MountPath + ":ro"}
	// No network: its sources are not asked.
	if r := e.once(t, append(mount, "--network", "none"), "check-config", c.VolumeMounts[0].MountPath+"/"+programName+".yml"); r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	e.serve(t, append(mount, "--publish", "127.0.0.1::10987"), "", c.Args...).stop(t)
}

// The program needs no system call, no socket and no memory that the unit denies.
func (e *engine) systemd(t *testing.T) {
	filter := func(deny ...string) []string {
		return append(demo(), "--security-opt", "seccomp="+write(t, seccomp(t, deny...), t.TempDir(), "seccomp.json"))
	}
	c := e.serve(t, filter(), "", "--demo")
	if n := up(c.metrics(t)); n != 2 {
		t.Errorf("%d sources are up", n)
	}
	must(t, e.podman("healthcheck", "run", c.id)...)
	c.stop(t)

	// The filter is in force: without one of the calls it needs, it can't serve.
	if r := e.once(t, filter("listen"), "--demo"); r.code != 1 || !strings.Contains(r.all, "listen: operation not permitted") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
}

// seccomp is the unit's SystemCallFilter, RestrictAddressFamilies and
// MemoryDenyWriteExecute as a container's profile.
func seccomp(t *testing.T, deny ...string) string {
	t.Helper()
	var expand func(name string) []string
	expand = func(name string) []string {
		if !strings.HasPrefix(name, "@") {
			return []string{name}
		}
		var calls []string
		for line := range strings.Lines(must(t, "systemd-analyze", "--no-pager", "syscall-filter", name)) {
			line = strings.TrimSpace(line)
			if line != "" && line != name && !strings.HasPrefix(line, "#") {
				calls = append(calls, expand(line)...)
			}
		}
		return calls
	}
	allowed := make(map[string]bool)
	for _, filter := range directives(t, "SystemCallFilter") {
		list, denied := strings.CutPrefix(filter, "~")
		for _, group := range strings.Fields(list) {
			for _, call := range expand(group) {
				allowed[call] = !denied
			}
		}
	}
	for _, call := range deny {
		allowed[call] = false
	}

	type arg struct {
		Index int    `json:"index"`
		Value uint64 `json:"value"`
		Two   uint64 `json:"valueTwo"`
		Op    string `json:"op"`
	}
	type rule struct {
		Names  []string `json:"names"`
		Action string   `json:"action"`
		Args   []arg    `json:"args,omitempty"`
	}
	const allow = "SCMP_ACT_ALLOW"
	var rules []rule
	for _, family := range strings.Fields(directives(t, "RestrictAddressFamilies")[0]) {
		n, ok := map[string]uint64{"AF_UNIX": syscall.AF_UNIX, "AF_INET": syscall.AF_INET, "AF_INET6": syscall.AF_INET6, "AF_NETLINK": syscall.AF_NETLINK}[family]
		if !ok {
			t.Fatalf("what is %s?", family)
		}
		rules = append(rules, rule{[]string{"socket"}, allow, []arg{{0, n, 0, "SCMP_CMP_EQ"}}})
	}
	if slices.Contains(directives(t, "MemoryDenyWriteExecute"), "yes") {
		rules = append(rules,
			rule{[]string{"mmap"}, allow, []arg{{2, syscall.PROT_EXEC, 0, "SCMP_CMP_MASKED_EQ"}}},
			rule{[]string{"mmap"}, allow, []arg{{2, syscall.PROT_WRITE, 0, "SCMP_CMP_MASKED_EQ"}}},
			rule{[]string{"mprotect", "pkey_mprotect"}, allow, []arg{{2, syscall.PROT_EXEC, 0, "SCMP_CMP_MASKED_EQ"}}})
		delete(allowed, "mmap")
		delete(allowed, "mprotect")
		delete(allowed, "pkey_mprotect")
	}
	delete(allowed, "socket")
	var names []string
	for call, ok := range allowed {
		if ok {
			names = append(names, call)
		}
	}
	if len(names) < 100 {
		t.Fatalf("%d system calls", len(names))
	}
	slices.Sort(names)
	profile, err := json.Marshal(map[string]any{
		"defaultAction":   "SCMP_ACT_ERRNO",
		"defaultErrnoRet": int(syscall.EPERM),
		"syscalls":        append(rules, rule{names, allow, nil}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(profile)
}
