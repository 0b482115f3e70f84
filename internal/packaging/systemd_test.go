package packaging

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	unitFile    = root + "/deploy/systemd/iam_session_exporter.service"
	unitYAML    = root + "/deploy/systemd/iam_session_exporter.yml"
	packageUnit = root + "/deploy/packages/iam_session_exporter.service"
)

// directives returns the values of a key in the unit, in their order.
func directives(t *testing.T, key string) []string {
	t.Helper()
	values := unitDirectives(t, unitFile)[key]
	if values == nil {
		t.Fatalf("the unit has no %s", key)
	}
	return values
}

// unitDirectives are all of a unit, by key.
func unitDirectives(t *testing.T, file string) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	for line := range strings.Lines(read(t, file)) {
		line = strings.TrimSpace(line)
		if k, v, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			all[k] = append(all[k], v)
		}
	}
	return all
}

// The unit of the packages is the other one, but for where the program is, its user and its flags.
func TestUnitOfThePackages(t *testing.T) {
	own := []string{"Documentation", "EnvironmentFile", "ExecStartPre", "ExecStart", "ExecReload", "User", "DynamicUser", "LoadCredential", "RemoveIPC"}
	got, want := unitDirectives(t, packageUnit), unitDirectives(t, unitFile)
	for _, key := range own {
		delete(got, key)
		delete(want, key)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// systemd itself finds nothing to say about the unit.
func TestUnitIsValid(t *testing.T) {
	// It looks whether the program is there; here it is elsewhere.
	installed := "/usr/local/bin/" + programName
	unit := strings.ReplaceAll(read(t, unitFile), "="+installed, "="+program)
	verify := func(text string) result {
		return run(t, "systemd-analyze", "verify", write(t, text, t.TempDir(), programName+".service"))
	}
	if r := verify(unit); r.code != 0 || r.all != "" {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	// A mistake would show: most have exit code 0.
	if r := verify(strings.Replace(unit, "ProtectHome=", "ProtectHouse=", 1)); !strings.Contains(r.all, "ProtectHouse") {
		t.Errorf("an unknown key is not told: %s", r.all)
	}
}

// The exposure that systemd reckons, from 0 to 10, is 2.0 at most. It tells tenths.
func TestUnitIsHardened(t *testing.T) {
	security := func(threshold string) result {
		return run(t, "systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold="+threshold, unitFile)
	}
	r := security("20")
	if r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	t.Log(r.all[strings.LastIndex(r.all, "\n")+1:])
	if security("1").code == 0 {
		t.Error("the threshold means nothing")
	}
}

// The example configuration names what the unit loads, and the program takes it.
func TestUnitCredentials(t *testing.T) {
	dir := t.TempDir()
	var loaded, named []string
	for _, v := range directives(t, "LoadCredential") {
		id, path, _ := strings.Cut(v, ":")
		if filepath.Base(path) != id {
			t.Errorf("%s is made from %s", id, path)
		}
		loaded = append(loaded, id)
		write(t, secret(t, id), dir, id)
	}
	for _, m := range regexp.MustCompile(`_file: \$\{CREDENTIALS_DIRECTORY\}/(\S+)`).FindAllStringSubmatch(read(t, unitYAML), -1) {
		named = append(named, m[1])
	}
	if !slices.Equal(loaded, named) {
		t.Errorf("the unit loads %v, the configuration names %v", loaded, named)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if r := run(t, program, "check-config", unitYAML); r.code != 0 || strings.Contains(r.all, "warning") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	os.Unsetenv("CREDENTIALS_DIRECTORY")
	if r := run(t, program, "check-config", unitYAML); r.code != 1 || !strings.Contains(r.all, "CREDENTIALS_DIRECTORY") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
}
