//go:build packages

package packaging

import (
	"path/filepath"
	"strings"
	"testing"

	"iam_session_exporter/internal/testkit"
)

// What README.md types for the archive and for Debian ends with an exporter that
// serves both sources.
func typed(t *testing.T, dist string) {
	m := boot(t, bare(t))
	must(t, "cp", program, m.root+"/opt/simulator")
	config, secrets := m.simulate(t, "/opt/simulator")

	// types runs the commands in a directory that the first of them may leave. What
	// a person edits becomes the configuration, and the last command goes on.
	types := func(commands []string, edit map[string]string) {
		dir := "/opt/downloads"
		for n, c := range commands {
			c, _, _ = strings.Cut(c, " #")
			words := strings.Fields(c)
			switch {
			case words[0] == "cd":
				dir = filepath.Join(dir, words[1])
			case words[0] == "editor":
			case n == len(commands)-1 && words[0] != "systemctl":
				m.must(t, "systemd-run", "--quiet", "--unit=typed", "--property=WorkingDirectory="+dir, filepath.Join(dir, c))
			default:
				out := m.sh(t, "cd "+dir+"; "+c)
				if strings.Contains(c, "--online") && !strings.Contains(out, "asked 2 sources: 0 failed") {
					t.Errorf("%s prints\n%s\nwant two sources that work", c, out)
				}
			}
			if script := edit[words[0]]; script != "" {
				m.sh(t, "cd "+dir+"; "+script)
			}
		}
		m.serves(t, "0.1.0")
	}

	m.sh(t, "mkdir /opt/downloads; cp "+secrets+"* /opt/downloads")
	write(t, config, m.root, "opt/edited.yml")
	for _, extension := range []string{".tar.gz", ".deb"} {
		files, err := filepath.Glob(filepath.Join(dist, "*"+extension))
		if err != nil || len(files) != 1 {
			t.Fatalf("%q, %v", files, err)
		}
		must(t, "cp", files[0], m.root+"/opt/downloads/")
	}
	types(testkit.Commands(t, root+"/README.md", "**Archive**"), map[string]string{
		"cp": "cp /opt/edited.yml " + programName + ".yml; mkdir secrets; cp " + secrets + "* secrets",
	})
	m.must(t, "systemctl", "stop", "typed")
	types(testkit.Commands(t, root+"/README.md", "**Debian"), map[string]string{
		"editor": "cat /opt/edited.yml >" + configFile + "; install -o " + programName + " -m 400 " + secrets + "pseudonyms.key " + secretsDir,
	})
}
