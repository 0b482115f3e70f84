//go:build packages

package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	configFile  = "/etc/" + programName + "/" + programName + ".yml"
	secretsDir  = "/etc/" + programName + "/secrets"
	flagsFile   = "/etc/default/" + programName
	serviceName = programName + ".service"
)

// family is how one of the two package managers is used.
type family struct {
	extension string
	install   []string // and upgrade
	remove    []string
	// after removal, and beside the configuration after an upgrade that has
	// another example
	removed, example string
}

func debian() family {
	return family{
		extension: ".deb",
		install:   []string{"apt-get", "install", "--yes", "--quiet", "--option", "Dpkg::Options::=--force-confold"},
		remove:    []string{"apt-get", "remove", "--yes", "--quiet", "iam-session-exporter"},
		removed:   configFile,
		example:   configFile + ".dpkg-dist",
	}
}

func redHat() family {
	return family{
		extension: ".rpm",
		// Its database knows nothing of Debian's packages.
		install: []string{"rpm", "--upgrade", "--force-debian", "--nodeps"},
		remove:  []string{"rpm", "--erase", "--force-debian", "iam-session-exporter"},
		removed: configFile + ".rpmsave",
		example: configFile + ".rpmnew",
	}
}

// packages makes those of one version for this machine, from the tree as it is. With
// an example configuration of its own, if one is given.
func packages(t *testing.T, version, example string) (dist string) {
	t.Helper()
	tree := t.TempDir()
	must(t, "git", "-c", "safe.directory=*", "clone", "--quiet", "--shared", "--no-checkout", root, tree)
	must(t, "sh", "-ec", `cd "$1"; git -c safe.directory="*" ls-files -z --cached --others --exclude-standard |
		tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory="$2"; git -C "$2" add --all`, "sh", root, tree)
	bin, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bin, filepath.Join(tree, "bin")); err != nil { // the tools, built once
		t.Fatal(err)
	}
	if example != "" {
		write(t, example, tree, "deploy/packages", programName+".yml")
	}
	must(t, "env", "VERSION=v"+version, "TARGETS=linux/amd64", filepath.Join(tree, "scripts/release"), "try")
	return filepath.Join(tree, "dist")
}

// put copies the package of a directory into the machine, and returns its name there.
func (m *machine) put(t *testing.T, dist, extension string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist, "*"+extension))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	must(t, "cp", found[0], m.root+"/opt/")
	return "/opt/" + filepath.Base(found[0])
}

// installation is a machine on which a package is installed, used, upgraded and removed.
type installation struct {
	*machine
	family
	first, next string // package files
	edited      string // the administrator's configuration
}

// The packages: what is in them, and what they do on a Debian whose systemd runs,
// where each step begins where the one before it ended.
func TestPackages(t *testing.T) {
	first := packages(t, "0.1.0", "")
	next := packages(t, "0.1.1", "# Another example.\n"+read(t, root, "deploy/packages", programName+".yml"))
	t.Run("clean", func(t *testing.T) { clean(t, first) })
	t.Run("without systemd", func(t *testing.T) { withoutSystemd(t, first) })
	t.Run("manual", func(t *testing.T) { manual(t, first) })
	t.Run("deb", func(t *testing.T) {
		i := install(t, debian(), boot(t, bare(t)), first, next)
		i.steps(t)
		i.step(t, "purges", i.purges)
		i.step(t, "without a package", i.unpackaged)
	})
	t.Run("README", func(t *testing.T) { typed(t, first) })
	t.Run("rpm", func(t *testing.T) { install(t, redHat(), boot(t, bare(t, tools()...)), first, next).steps(t) })
}

func install(t *testing.T, f family, m *machine, first, next string) *installation {
	t.Helper()
	return &installation{machine: m, family: f, first: m.put(t, first, f.extension), next: m.put(t, next, f.extension)}
}

// step is one step, without which the next ones mean nothing.
func (i *installation) step(t *testing.T, name string, step func(*testing.T)) {
	t.Helper()
	if !t.Run(name, step) {
		t.Fatal(i.run(t, "journalctl", "--no-pager", "--unit", programName, "--lines", "50").all)
	}
}

func (i *installation) steps(t *testing.T) {
	t.Helper()
	i.step(t, "installs", i.installs)
	i.step(t, "unit", i.unit)
	i.step(t, "does not start with the example", i.unedited)
	i.step(t, "starts", i.starts)
	i.step(t, "reloads", i.reloads)
	i.step(t, "upgrades", i.upgrades)
	i.step(t, "upgrades what is stopped", i.upgradesStopped)
	i.step(t, "upgrades what can't start", i.upgradesBroken)
	i.step(t, "removes", i.removes)
}

func (i *installation) installPackage(t *testing.T, file string) string {
	t.Helper()
	return i.must(t, append(slices.Clone(i.install), file)...)
}

// What is installed belongs to whom it should, nothing is enabled or runs, and the
// administrator is told what to do.
func (i *installation) installs(t *testing.T) {
	if i.extension == ".rpm" { // as Red Hat has it
		i.sh(t, `mkdir -p /etc/systemd/system-preset; echo 'disable *' >/etc/systemd/system-preset/99-default-disable.preset`)
	}
	out := i.installPackage(t, i.first)
	for _, want := range []string{"not started", configFile, "check-config", "systemctl enable --now " + programName} {
		if !strings.Contains(out, want) {
			t.Errorf("not %q:\n%s", want, out)
		}
	}
	for path, want := range map[string]string{
		"/usr/bin/" + programName:                "755 root root",
		"/usr/lib/systemd/system/" + serviceName: "644 root root",
		"/etc/" + programName:                    "755 root root",
		configFile:                               "640 root " + programName,
		secretsDir:                               "700 " + programName + " " + programName,
		flagsFile:                                "644 root root",
		"/usr/share/man/man1/" + programName + ".1.gz":                   "644 root root",
		"/usr/share/" + programName + "/alerts/rules.yml":                "644 root root",
		"/usr/share/" + programName + "/" + programName + ".schema.json": "644 root root",
		"/usr/share/" + programName + "/" + programName + ".example.yml": "644 root root",
	} {
		if got := i.must(t, "stat", "--format=%a %U %G", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := i.must(t, "getent", "passwd", programName); !regexp.MustCompile(`^\w+:[^:]*:\d{3}:\d{3}:[^:]*:/nonexistent:/usr/sbin/nologin$`).MatchString(got) {
		t.Errorf("user %s", got)
	}
	i.state(t, "inactive", "disabled")
	if got := i.must(t, programName, "--version"); !strings.Contains(got, "version 0.1.0") {
		t.Errorf("%s", got)
	}
}

// state checks whether the service runs and is enabled.
func (i *installation) state(t *testing.T, active, enabled string) {
	t.Helper()
	if got := i.run(t, "systemctl", "is-active", programName).stdout; got != active {
		t.Errorf("the service is %s, want %s", got, active)
	}
	if got := i.run(t, "systemctl", "is-enabled", programName).stdout; got != enabled {
		t.Errorf("the service is %s, want %s", got, enabled)
	}
	if running := len(i.processes(t)); (active == "active") != (running == 1) || running > 1 {
		t.Errorf("%d processes, and the service is %s: %v", running, active, i.processes(t))
	}
}

func (i *installation) unit(t *testing.T) {
	// Without the manual, in a bare Debian, systemd could not look for its page.
	if r := i.run(t, "systemd-analyze", "verify", "--man=no", serviceName); r.code != 0 || r.all != "" {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	r := i.run(t, "systemd-analyze", "security", "--no-pager", "--threshold=20", serviceName)
	if r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	t.Log(r.all[strings.LastIndex(r.all, "\n")+1:])
}

// A start with the example fails at once, with the reason.
func (i *installation) unedited(t *testing.T) {
	if r := i.run(t, "systemctl", "start", programName); r.code == 0 {
		t.Error("it starts")
	}
	log := i.must(t, "journalctl", "--no-pager", "--unit", programName)
	if !strings.Contains(log, "secrets/intersight.pem") || !strings.Contains(log, "no such file") {
		t.Errorf("%s", log)
	}
	i.must(t, "systemctl", "stop", programName)
	i.state(t, "inactive", "disabled")
}

// With sources, secrets and flags of its own it starts as its user, and works.
func (i *installation) starts(t *testing.T) {
	config, secrets := i.simulate(t, "/usr/bin/"+programName)
	i.sh(t, "install --owner="+programName+" --mode=400 "+secrets+"* "+secretsDir)
	i.edited = config
	i.edit(t, i.edited)
	i.sh(t, `sed -i 's/^ARGS=.*/ARGS="--web.listen-address=127.0.0.1:10987 --log.format=json"/' `+flagsFile)

	got := i.must(t, "runuser", "-u", programName, "--", programName, "check-config", configFile)
	if !strings.Contains(got, "valid, 2 sources") || strings.Contains(got, "warning") {
		t.Errorf("%s", got)
	}
	i.must(t, "systemctl", "enable", "--now", programName)
	i.serves(t, "0.1.0")
	i.state(t, "active", "enabled")

	status := i.must(t, "cat", "/proc/"+i.processes(t)[0]+"/status")
	id := i.must(t, "id", "--user", programName)
	for _, want := range []string{
		strings.Repeat("\t"+id, 4) + "\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("not %q:\n%s", want, status)
		}
	}
	if got := i.must(t, "cat", "/proc/"+i.processes(t)[0]+"/cmdline"); !strings.Contains(got, "--log.format=json") {
		t.Errorf("flags %q", got)
	}
}

// edit changes the configuration as an editor does that keeps owner and mode.
func (m *machine) edit(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(m.root+configFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serves waits until the exporter of a version serves both sources.
func (m *machine) serves(t *testing.T, version string) {
	t.Helper()
	var got string
	eventually(t, "the exporter serves", func() bool {
		r := m.metrics(t)
		got = r.stdout
		return r.code == 0
	})
	if !regexp.MustCompile(`(?m)^`+programName+`_build_info\{.*version="`+version+`"`).MatchString(got) || up(got) != 2 {
		t.Errorf("not version %s with two sources:\n%s", version, got)
	}
}

// reloads: a reload takes what is new; one with an error fails, says why, and changes nothing.
func (i *installation) reloads(t *testing.T) {
	before := i.processes(t)
	reloaded := func(want string) {
		t.Helper()
		eventually(t, "the configuration is reloaded", func() bool {
			return strings.Contains(i.metrics(t).stdout, "\n"+want)
		})
	}
	i.edited = strings.Replace(i.edited, "intersight-demo", "renamed", 1)
	i.edit(t, i.edited)
	i.must(t, "systemctl", "reload", programName)
	reloaded(`iam_source_up{api="intersight",source="renamed"} 1`)

	i.edit(t, i.edited+"nonsense: 1\n")
	if r := i.run(t, "systemctl", "reload", programName); r.code == 0 {
		t.Error("a reload with an error succeeds")
	}
	if log := i.must(t, "journalctl", "--no-pager", "--unit", programName); !strings.Contains(log, "nonsense") {
		t.Errorf("the log does not name the error:\n%s", log)
	}
	i.serves(t, "0.1.0")
	i.edit(t, i.edited)
	i.must(t, "systemctl", "reload", programName)
	if after := i.processes(t); !slices.Equal(before, after) {
		t.Errorf("process %v became %v", before, after)
	}
}

// kept is what an upgrade must not change.
func (i *installation) kept(t *testing.T) string {
	t.Helper()
	return i.sh(t, "cd /etc; sha256sum "+configFile+" "+flagsFile+" "+secretsDir+"/*; stat --format='%a %U %G %n' "+configFile+" "+flagsFile+" "+secretsDir+" "+secretsDir+"/*; getent passwd "+programName)
}

// upgrades: the new version runs, with the same configuration, secrets, flags and user.
func (i *installation) upgrades(t *testing.T) {
	before, kept := i.processes(t), i.kept(t)
	i.installPackage(t, i.next)
	i.serves(t, "0.1.1")
	i.state(t, "active", "enabled")
	if slices.Equal(before, i.processes(t)) {
		t.Error("the service was not restarted")
	}
	if got := i.kept(t); got != kept {
		t.Errorf("became\n%s\nfrom\n%s", got, kept)
	}
	if got := i.sh(t, "cat "+i.example); !strings.HasPrefix(got, "# Another example.\n") {
		t.Errorf("the new example is not beside the configuration: %s", got)
	}
}

// again installs the same version once more, which does what an upgrade does.
func (i *installation) again(t *testing.T) string {
	t.Helper()
	again := append(slices.Clone(i.install), "--reinstall")
	if i.extension == ".rpm" {
		again = append(slices.Clone(i.install), "--replacepkgs")
	}
	return i.must(t, append(again, i.next)...)
}

func (i *installation) upgradesStopped(t *testing.T) {
	i.must(t, "systemctl", "stop", programName)
	i.again(t)
	i.state(t, "inactive", "enabled")
	i.must(t, "systemctl", "mask", programName)
	if out := i.again(t); strings.Contains(out, "does not run") {
		t.Errorf("masked:\n%s", out)
	}
	i.state(t, "inactive", "masked")
	i.must(t, "systemctl", "unmask", programName)
	i.must(t, "systemctl", "start", programName)
	i.serves(t, "0.1.1")
}

// A configuration that the new version does not take does not break the package, but is told.
func (i *installation) upgradesBroken(t *testing.T) {
	i.edit(t, i.edited+"nonsense: 1\n")
	if out := i.again(t); !strings.Contains(out, "does not run after the upgrade") {
		t.Errorf("%s", out)
	}
	i.edit(t, i.edited)
	i.must(t, "systemctl", "restart", programName)
	i.serves(t, "0.1.1")
}

// gone checks that nothing of the service is left, but what may stay.
func (i *installation) gone(t *testing.T) {
	t.Helper()
	if p := i.processes(t); len(p) != 0 {
		t.Errorf("processes %v", p)
	}
	if out := i.must(t, "systemctl", "list-units", "--all", "--plain", "--no-legend", programName+"*"); out != "" {
		t.Errorf("units %s", out)
	}
	if out := i.sh(t, "find /etc/systemd /usr/bin /usr/lib/systemd -name '"+programName+"*'"); out != "" {
		t.Errorf("files %s", out)
	}
}

func (i *installation) removes(t *testing.T) {
	kept := i.sh(t, "sha256sum <"+configFile+"; ls -l "+secretsDir)
	i.must(t, i.remove...)
	i.gone(t)
	if got := i.sh(t, "sha256sum <"+i.removed+"; ls -l "+secretsDir); got != kept {
		t.Errorf("became\n%s\nfrom\n%s", got, kept)
	}
}

// purges: dpkg removes the configuration; secrets stay, and that is said.
func (i *installation) purges(t *testing.T) {
	i.installPackage(t, i.next)
	i.state(t, "inactive", "disabled")
	i.must(t, "systemctl", "enable", "--now", programName)
	i.serves(t, "0.1.1")
	secrets := i.must(t, "ls", "-l", secretsDir)
	if out := i.must(t, "apt-get", "purge", "--yes", "--quiet", "iam-session-exporter"); !strings.Contains(out, "rm -r "+secretsDir) {
		t.Errorf("%s", out)
	}
	i.gone(t)
	if got := i.must(t, "ls", "-l", secretsDir); got != secrets {
		t.Errorf("secrets\n%s\nbecame\n%s", secrets, got)
	}
	if got := i.sh(t, "find /etc -name '*iam*session*' | sort"); got != "/etc/"+programName {
		t.Errorf("files %s", got)
	}
}

// unpackaged: the unit for installations without a package starts as a dynamic user with its credentials, and
// reloads.
func (i *installation) unpackaged(t *testing.T) {
	dir := i.root + "/etc/" + programName
	must(t, "mkdir", "-p", i.root+"/usr/local/bin", dir+"/secrets")
	must(t, "install", program, i.root+"/usr/local/bin/")
	must(t, "install", "--mode=644", unitFile, i.root+"/etc/systemd/system/")
	must(t, "install", "--mode=644", unitYAML, dir)
	must(t, "chown", "--recursive", "0:0", dir+"/secrets")
	for _, v := range directives(t, "LoadCredential") {
		name, _, _ := strings.Cut(v, ":")
		write(t, secret(t, name), dir+"/secrets", name)
	}
	i.sh(t, "userdel "+programName+"; systemctl daemon-reload; systemctl start "+programName)
	eventually(t, "the exporter serves", func() bool { return i.metrics(t).code == 0 })
	i.edit(t, strings.Replace(read(t, unitYAML), "sso-emea", "renamed", 1))
	i.must(t, "systemctl", "reload", programName)
	eventually(t, "the configuration is reloaded", func() bool { return strings.Contains(i.metrics(t).stdout, `source="renamed"`) })
}

// In a chroot or a container without systemd the scripts ask nothing of it, and don't fail.
func withoutSystemd(t *testing.T, dist string) {
	dir := bare(t)
	m := &machine{root: dir}
	deb := m.put(t, dist, ".deb")
	chroot := func(cmd ...string) string { return must(t, append([]string{"chroot", dir}, cmd...)...) }
	must(t, "rm", dir+"/usr/bin/systemctl")

	// A dynamic user of the unit for installations without a package must not become the owner of files.
	chroot("useradd", "--uid=61200", programName)
	if r := run(t, "chroot", dir, "dpkg", "--install", deb); r.code == 0 || !strings.Contains(r.all, "dynamic user") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	chroot("userdel", programName)
	must(t, "mkdir", "-p", dir+secretsDir) // of an installation without a package
	if got, want := chroot("dpkg", "--install", deb), "chown "+programName+": "+secretsDir; !strings.Contains(got, want) {
		t.Errorf("not %q:\n%s", want, got)
	}
	if got := chroot(programName, "--version"); !strings.Contains(got, "version 0.1.0") {
		t.Errorf("%s", got)
	}
	must(t, "mkdir", "-p", dir+"/run/systemd/system") // the host's, whose systemd does not answer
	chroot("dpkg", "--install", deb)                  // again
	chroot("dpkg", "--remove", "iam-session-exporter")
	chroot("dpkg", "--purge", "iam-session-exporter")
	if _, err := os.Stat(dir + "/etc/" + programName); err == nil {
		t.Error("the directory of the configuration stays, with nothing in it")
	}
}

// tools are what the test needs besides the bare system.
func tools() []string { return []string{"man-db", "rpm"} }

// The manual page is where man looks for it. The completions are where the shells do, which internal/packaging/completions_test.go tries.
func manual(t *testing.T, dist string) {
	dir := bare(t, tools()...)
	m := &machine{root: dir}
	must(t, "chroot", dir, "dpkg", "--install", m.put(t, dist, ".deb"))
	page := must(t, "chroot", dir, "env", "LC_ALL=C.UTF-8", "MANWIDTH=100", "man", "--warnings", programName)
	if !strings.Contains(page, "check-config") || strings.Contains(page, "warning") {
		t.Errorf("%s", page)
	}
}

// Debian's own checks of the scripts and the package.
func clean(t *testing.T, dist string) {
	scripts, err := filepath.Glob(root + "/deploy/packages/*.sh")
	if err != nil || len(scripts) != 4 {
		t.Fatalf("%q, %v", scripts, err)
	}
	must(t, append([]string{"shellcheck", "testdata/boot.sh"}, scripts...)...)
	debs, err := filepath.Glob(filepath.Join(dist, "*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("%q, %v", debs, err)
	}
	if r := run(t, "lintian", "--allow-root", "--fail-on", "error,warning", debs[0]); r.code != 0 || r.all != "" {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
}
