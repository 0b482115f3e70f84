//go:build image

package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/internal/testkit"
)

// typed runs what README.md types for a container, with the archive and the version
// of this test, and with APIs that are simulated on this machine.
func (e *engine) typed(t *testing.T, archive string) {
	conf := t.TempDir()
	config := simulate(t, conf)
	write(t, config, conf, programName+".yml")
	own(t, conf)

	for _, command := range testkit.Commands(t, root+"/README.md", "**Container**") {
		words := strings.Fields(strings.NewReplacer(
			"v0.1.0", "v1.2.3-test", "./conf:", conf+":", programName+"-0.1.0.oci.tar", archive).Replace(command))
		if words[0] != "podman" {
			t.Errorf("README.md types %s, which no test knows", command)
			continue
		}
		image := slices.Index(words, programName+":v1.2.3-test")
		detached := slices.Contains(words, "--detach")
		switch {
		case words[1] == "load":
			if out := run(t, e.podman(words[1:]...)...); out.code != 0 || !strings.Contains(out.all, "/"+programName+":v1.2.3-test") {
				t.Fatalf("%s: exit code %d\n%s", command, out.code, out.all)
			}
		case words[1] != "run" || image < 0:
			t.Errorf("README.md types %s, which no test knows", command)
		case !detached:
			out := run(t, e.podman(slices.Concat([]string{"run", "--network", "host"}, locked(), words[2:])...)...)
			if out.code != 0 || !strings.Contains(out.all, "asked 2 sources: 0 failed") {
				t.Errorf("%s: exit code %d\n%s\nwant two sources that work", command, out.code, out.all)
			}
		default:
			// The simulated APIs are on this machine's loopback, and its ports may be taken.
			options := slices.DeleteFunc(words[2:image], func(w string) bool { return w == "--detach" })
			of := &engine{storage: e.storage, image: words[image]}
			address := freeAddress(t)
			c := of.serve(t, append(options, "--network", "host"), address, append(words[image+1:], "--web.listen-address="+address)...)
			if n := up(c.metrics(t)); n != 2 {
				t.Errorf("%d sources are up, want 2", n)
			}
			c.stop(t)
		}
	}
}

// simulate runs the simulated APIs, puts their keys and passwords into secrets below
// a directory, and returns the configuration.
func simulate(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "simulation.yml")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(program, "simulate")
	cmd.Stdout = f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it removes its files
		_ = cmd.Wait()
	})
	files := regexp.MustCompile(`"(/[^"]+/)([^"/]+)"`)
	eventually(t, "the simulated APIs", func() bool { return files.MatchString(read(t, out)) && strings.HasSuffix(read(t, out), "\n") })
	text := read(t, out)
	if err := os.CopyFS(filepath.Join(dir, "secrets"), os.DirFS(files.FindStringSubmatch(text)[1])); err != nil {
		t.Fatal(err)
	}
	return files.ReplaceAllString(text, "secrets/$2")
}
