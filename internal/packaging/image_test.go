//go:build image

package packaging

import (
	"archive/tar"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
