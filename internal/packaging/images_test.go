//go:build image

package packaging

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// platform is one that images are made for.
type platform struct{ goarch, goarm, variant, emulator string }

func platforms() map[string]platform {
	return map[string]platform{
		"amd64": {goarch: "amd64", emulator: "qemu-x86_64-static"},
		"arm64": {goarch: "arm64", emulator: "qemu-aarch64-static"},
		"armv7": {goarch: "arm", goarm: "7", variant: "v7", emulator: "qemu-arm-static"},
	}
}

// The images of all architectures, made from one archive: each is what the one of
// this machine is, and works, on an emulated processor if it needs another one.
func TestImages(t *testing.T) {
	e := start(t)
	binaries := t.TempDir()
	for arch, p := range platforms() {
		build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(binaries, arch, programName), ".")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+p.goarch, "GOARM="+cmp.Or(p.goarm, "7"))
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", arch, err, out)
		}
	}
	t.Setenv("VERSION", "1.2.3-test")
	t.Setenv("REVISION", "0123456789abcdef")
	t.Setenv("SOURCE", "https://git.example.com/iam_session_exporter")
	t.Setenv("SOURCE_DATE_EPOCH", "1800000000")
	archive := filepath.Join(t.TempDir(), "images.tar")
	must(t, root+"/scripts/images", archive, binaries)
	again := archive + ".again"
	must(t, root+"/scripts/images", again, binaries)
	if read(t, archive) != read(t, again) {
		t.Error("two archives of the same differ")
	}
	t.Run("README", func(t *testing.T) { e.typed(t, archive) })

	for _, arch := range slices.Sorted(maps.Keys(platforms())) {
		t.Run(arch, func(t *testing.T) {
			p := platforms()[arch]
			of := &engine{storage: e.storage, image: "localhost/" + programName + ":" + arch}
			if p.goarch != runtime.GOARCH {
				path, err := exec.LookPath(p.emulator)
				if err != nil {
					t.Fatalf("%v; scripts/image-tools installs it", err)
				}
				of.emulator = path
			}
			must(t, "skopeo", "--override-arch", p.goarch, "--override-variant", p.variant, "copy", "--quiet", "oci-archive:"+archive,
				"containers-storage:[vfs@"+e.storage[1]+"+"+e.storage[3]+"]"+of.image)
			t.Run("says what it is", func(t *testing.T) { of.describesArchitecture(t, p) })
			t.Run("holds nothing else", of.holds)
			t.Run("demo", of.emulatedDemo)
			t.Run("no configuration", of.noConfiguration)
			t.Run("as in Kubernetes", of.kubernetes)
		})
	}
}

func (e *engine) describesArchitecture(t *testing.T, p platform) {
	var images []struct {
		Architecture, Created, User string
		Labels                      map[string]string
	}
	text := must(t, e.podman("image", "inspect", e.image)...)
	if err := json.Unmarshal([]byte(text), &images); err != nil || len(images) != 1 {
		t.Fatalf("%d images, %v", len(images), err)
	}
	i := images[0]
	if i.Architecture != p.goarch || i.User != "65532:65532" || i.Created != "2027-01-15T08:00:00Z" {
		t.Errorf("%+v", i)
	}
	for label, want := range map[string]string{
		"version": "1.2.3-test", "revision": "0123456789abcdef", "licenses": "Apache-2.0", "source": "https://git.example.com/iam_session_exporter",
	} {
		if got := i.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
}

// emulatedDemo: the program tells its version, serves the demo, is healthy, and ends when it is told to.
func (e *engine) emulatedDemo(t *testing.T) {
	if r := e.once(t, nil, "--version"); r.code != 0 || !strings.Contains(r.all, "platform:") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	c := e.serve(t, demo(), "", "--demo")
	if n := up(c.metrics(t)); n != 2 {
		t.Errorf("%d sources are up", n)
	}
	if r := c.exec(t, "healthcheck"); r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	c.stop(t)
}
