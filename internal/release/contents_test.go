//go:build release

package release

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/testkit"
)

type platform struct{ os, arch string }

var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"linux", "armv7"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"},
}

// What Debian and RPM call the architectures.
var (
	debArch = map[string]string{"amd64": "amd64", "arm64": "arm64", "armv7": "armhf"}
	rpmArch = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "armv7": "armv7hl"}
)

func (p platform) binary() string {
	if p.os == "windows" {
		return program + ".exe"
	}
	return program
}

// sums returns the SHA-256 of each file in a directory.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]string)
	for _, e := range entries {
		m[e.Name()] = sum(readFile(t, filepath.Join(dir, e.Name())))
	}
	return m
}

// release is what a release of a tree must be.
type release struct {
	tree, dist string
	version    string
	revision   string
	time       time.Time
}

// check looks into everything that was made of a tree.
func check(t *testing.T, tree, dist, version string, all []platform) {
	r := release{tree: tree, dist: dist, version: version, revision: git(t, tree, "rev-parse", "HEAD")}
	if git(t, tree, "status", "--porcelain") != "" {
		r.revision += "-dirty"
	}
	var err error
	if r.time, err = time.Parse(time.RFC3339, git(t, tree, "log", "-1", "--format=%cI")); err != nil {
		t.Fatal(err)
	}
	packaged := strings.Replace(version, "-", "~", 1) // sorts before the version itself
	want := []string{"sha256sums.txt"}
	binaries := make(map[platform][]byte)
	for _, p := range all {
		name := program + "-" + version + "." + p.os + "-" + p.arch
		archive := name + ".tar.gz"
		if p.os == "windows" {
			archive = name + ".zip"
		}
		want = append(want, archive, name+".cdx.json")
		t.Run(name, func(t *testing.T) {
			binaries[p] = r.archive(t, p, archive, name)
			r.binary(t, p, binaries[p])
			r.sbom(t, name+".cdx.json", binaries[p])
		})
		if p.os != "linux" {
			continue
		}
		deb := "iam-session-exporter_" + packaged + "_" + debArch[p.arch] + ".deb"
		t.Run(deb, func(t *testing.T) { r.deb(t, filepath.Join(dist, deb), packaged, p.arch, binaries[p]) })
		rpm := "iam-session-exporter-" + packaged + "-1." + rpmArch[p.arch] + ".rpm"
		t.Run(rpm, func(t *testing.T) { r.rpm(t, filepath.Join(dist, rpm), packaged, p.arch, binaries[p]) })
		want = append(want, deb, rpm)
	}
	want = append(want, "iam-session-exporter-"+version+".tgz") // has tests of its own
	if binaries := linux(binaries); len(binaries) > 0 {
		images := program + "-" + version + ".oci.tar"
		want = append(want, images)
		t.Run(images, func(t *testing.T) { r.images(t, filepath.Join(dist, images), binaries) })
	}
	r.sums(t, want)
}

// linux returns the binaries for Linux, by architecture.
func linux(all map[platform][]byte) map[string][]byte {
	m := make(map[string][]byte)
	for p, b := range all {
		if p.os == "linux" {
			m[p.arch] = b
		}
	}
	return m
}

// sums compares what is in dist/ with what should be, and with its checksums.
func (r release) sums(t *testing.T, want []string) {
	got := sums(t, r.dist)
	slices.Sort(want)
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("dist/ has\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	var lines strings.Builder
	for _, name := range want {
		if name != "sha256sums.txt" {
			lines.WriteString(got[name] + "  " + name + "\n")
		}
	}
	if text := string(readFile(t, filepath.Join(r.dist, "sha256sums.txt"))); text != lines.String() {
		t.Errorf("sha256sums.txt has\n%swant\n%s", text, &lines)
	}
}

// documents are the files of the repository that each archive has.
func (r release) documents(t *testing.T) []string {
	t.Helper()
	files := []string{
		"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "docs/configuration.md", "docs/" + program + ".1",
		"config/" + program + ".example.yml", "alerts/rules.yml", "alerts/prometheusrule.yaml",
		"deploy/README.md", "deploy/systemd/" + program + ".service", "deploy/systemd/" + program + ".yml",
		"deploy/completions/" + program + ".bash", "deploy/completions/" + program + ".zsh", "deploy/completions/" + program + ".fish",
	}
	for _, pattern := range []string{"dashboards/*.json", "dashboards/gallery/*.json", "alerts/runbooks/*.md", "config/*.schema.json"} {
		matches, err := filepath.Glob(filepath.Join(r.tree, pattern))
		if err != nil || len(matches) == 0 {
			t.Fatalf("%d %s, %v", len(matches), pattern, err)
		}
		for _, m := range matches {
			files = append(files, path.Join(path.Dir(pattern), filepath.Base(m)))
		}
	}
	return files
}

// notShipped are parts of the repository that are of no use without the rest of it.
var notShipped = regexp.MustCompile(`\.(go|png)$|^deploy/packages/|^internal/|/testdata/|package(-lock)?\.json$`)

// archive checks a .tar.gz or .zip, and returns the binary in it.
func (r release) archive(t *testing.T, p platform, archive, name string) []byte {
	b := readFile(t, filepath.Join(r.dist, archive))
	var files map[string]file
	if p.os == "windows" {
		files = unzip(t, b)
	} else {
		files = untar(t, gunzip(t, b))
	}
	binary := name + "/" + p.binary()
	for _, f := range r.documents(t) {
		if _, ok := files[name+"/"+f]; !ok {
			t.Errorf("no %s", f)
		}
	}
	for full, f := range files {
		if full == name {
			continue
		}
		short, ok := strings.CutPrefix(full, name+"/")
		if !ok || notShipped.MatchString(short) {
			t.Errorf("has %s", full)
			continue
		}
		r.common(t, full, f)
		if f.owner != "root:root" {
			t.Errorf("%s belongs to %s", full, f.owner)
		}
		if f.mode.IsRegular() && full != binary {
			if got, want := f.content, readFile(t, filepath.Join(r.tree, short)); !bytes.Equal(got, want) {
				t.Errorf("%s is not that of the repository: %d and %d bytes", short, len(got), len(want))
			}
		}
	}
	if mode := files[binary].mode; mode != 0o755 {
		t.Errorf("%s has mode %v", binary, mode)
	}
	return files[binary].content
}

// common checks what is the same for each file of an archive or package.
func (r release) common(t *testing.T, name string, f file) {
	t.Helper()
	if d := f.time.Sub(r.time).Abs(); d >= 2*time.Second { // a .zip has every other second
		t.Errorf("%s is of %s, want %s", name, f.time, r.time)
	}
	if f.mode.Perm()&0o022 != 0 {
		t.Errorf("%s can be changed by others than its owner: %v", name, f.mode)
	}
}

func (r release) binary(t *testing.T, p platform, b []byte) {
	machine := func(err error, got, want any) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("the binary is of machine %v, %v, want %v", got, err, want)
		}
	}
	in := bytes.NewReader(b)
	switch p.os {
	case "linux":
		f, err := elf.NewFile(in)
		if err != nil {
			t.Fatal(err)
		}
		machine(nil, f.Machine, map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "armv7": elf.EM_ARM}[p.arch])
		if slices.ContainsFunc(f.Progs, func(s *elf.Prog) bool { return s.Type == elf.PT_INTERP }) {
			t.Error("the binary is not static")
		}
	case "darwin":
		f, err := macho.NewFile(in)
		if err != nil {
			t.Fatal(err)
		}
		machine(nil, f.Cpu, map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}[p.arch])
	case "windows":
		f, err := pe.NewFile(in)
		if err != nil {
			t.Fatal(err)
		}
		machine(nil, f.Machine, uint16(pe.IMAGE_FILE_MACHINE_AMD64))
	}
	info, err := buildinfo.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"-trimpath": "true", "CGO_ENABLED": "0", "vcs.revision": "",
		"-tags": "", "GOAMD64": map[string]string{"amd64": "v1"}[p.arch], "GOARM": map[string]string{"armv7": "7"}[p.arch]} {
		if got := settings[key]; got != want {
			t.Errorf("built with %s=%q, want %q", key, got, want)
		}
	}
	if !bytes.Contains(b, []byte(r.revision)) {
		t.Errorf("the revision %s is not in the binary", r.revision)
	}
	if p.os == runtime.GOOS && strings.TrimSuffix(p.arch, "v7") == runtime.GOARCH {
		r.runs(t, b)
	}
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// runs checks the version that the program tells: to people and to Prometheus.
func (r release) runs(t *testing.T, b []byte) {
	exe := filepath.Join(t.TempDir(), program)
	if err := os.WriteFile(exe, b, 0o700); err != nil {
		t.Fatal(err)
	}
	want := program + ", version " + r.version + " (branch: HEAD, revision: " + r.revision + ")\n"
	if out := string(run(t, nil, exe, "--version")); !strings.HasPrefix(out, want) {
		t.Errorf("--version prints\n%swant\n%s", out, want)
	}
	cmd := exec.CommandContext(t.Context(), exe, "--demo", "--web.listen-address=127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	var log testkit.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var address []string
	for deadline := time.Now().Add(time.Minute); address == nil; address = listening.FindStringSubmatch(log.String()) {
		if time.Now().After(deadline) {
			t.Fatalf("it doesn't listen:\n%s", &log)
		}
		time.Sleep(10 * time.Millisecond)
	}
	answer, err := http.Get("http://" + address[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var metrics bytes.Buffer
	if _, err := metrics.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	info := regexp.MustCompile(`(?m)^iam_session_exporter_build_info\{.*$`).FindString(metrics.String())
	for _, label := range []string{`version="` + r.version + `"`, `revision="` + r.revision + `"`, `branch="HEAD"`} {
		if !strings.Contains(info, label) {
			t.Errorf("got %q, want %s in it", info, label)
		}
	}
}

// sbom checks that an SBOM lists the modules in a binary, with licences.
func (r release) sbom(t *testing.T, name string, binary []byte) {
	var bom struct {
		BOMFormat string
		Metadata  struct {
			Timestamp string
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version string
			Evidence      struct{ Licenses []any }
		}
	}
	if err := json.Unmarshal(readFile(t, filepath.Join(r.dist, name)), &bom); err != nil {
		t.Fatal(err)
	}
	if c := bom.Metadata.Component; bom.BOMFormat != "CycloneDX" || c.Name != program || c.Version != "v"+r.version {
		t.Errorf("%s is of %v in format %q", name, c, bom.BOMFormat)
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"std " + info.GoVersion}
	for _, d := range info.Deps {
		want = append(want, d.Path+" "+d.Version)
	}
	var got []string
	for _, c := range bom.Components {
		got = append(got, c.Name+" "+c.Version)
		if len(c.Evidence.Licenses) == 0 && c.Name != "std" {
			t.Errorf("%s has no licence", c.Name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s lists\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// installed checks what a package of either format installs.
func (r release) installed(t *testing.T, files map[string]file, binary []byte, more ...string) {
	want := append(more, "usr/share/"+program+"/examples/intersight.yml", "etc/"+program+"/"+program+".yml", "usr/lib/systemd/system/"+program+".service", "usr/share/man/man1/"+program+".1.gz",
		"usr/share/bash-completion/completions/"+program, "usr/share/fish/vendor_completions.d/"+program+".fish")
	for _, f := range r.documents(t) {
		if strings.HasPrefix(f, "alerts/") || strings.HasPrefix(f, "dashboards/") {
			want = append(want, "usr/share/"+program+"/"+f)
		}
	}
	for _, f := range want {
		if !files[f].mode.IsRegular() || files[f].sum == "" {
			t.Errorf("no /%s", f)
		}
	}
	for name, f := range files {
		r.common(t, "/"+name, f)
	}
	if got := files["usr/bin/"+program]; got.sum != sum(binary) || got.mode != 0o755 || got.owner != "root:root" {
		t.Errorf("/usr/bin/%s is of mode %v, of %s, with sum %s; want that of the archive, %s", program, got.mode, got.owner, got.sum, sum(binary))
	}
	if got, want := files["etc/"+program+"/secrets"].mode, fs.ModeDir|0o700; got != want {
		t.Errorf("/etc/%s/secrets has mode %v, want %v", program, got, want)
	}
}

func (r release) deb(t *testing.T, path, version, arch string, binary []byte) {
	for field, want := range map[string]string{"Package": "iam-session-exporter", "Version": version, "Architecture": debArch[arch]} {
		if got := strings.TrimSpace(string(run(t, nil, "dpkg-deb", "--field", path, field))); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	files := undeb(t, path)
	r.installed(t, files, binary, "usr/share/doc/iam-session-exporter/copyright", "usr/share/zsh/vendor-completions/_"+program)
	page := gunzip(t, files["usr/share/man/man1/"+program+".1.gz"].content)
	if want := readFile(t, filepath.Join(r.tree, "docs", program+".1")); !bytes.Equal(page, want) {
		t.Errorf("the manual page is not docs/%s.1:\n%s", program, page)
	}
	if got, want := string(run(t, nil, "dpkg-deb", "--info", path, "conffiles")), "/etc/"+program+"/"+program+".yml\n"; !strings.Contains(got, want) {
		t.Errorf("the configuration files are %q, want %q", got, want)
	}
}

func (r release) rpm(t *testing.T, path, version, arch string, binary []byte) {
	format := `%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{LICENSE} %{BUILDHOST} %{BUILDTIME:date}`
	want := strings.Join([]string{"iam-session-exporter", version, "1", rpmArch[arch], "Apache-2.0", "localhost", r.time.UTC().Format("Mon Jan _2 15:04:05 2006")}, " ")
	if got := string(run(t, []string{"TZ=UTC", "LC_ALL=C"}, "rpm", "-qp", "--qf", format, path)); got != want {
		t.Errorf("it is %q, want %q", got, want)
	}
	r.installed(t, unrpm(t, path), binary, "usr/share/licenses/iam-session-exporter/LICENSE", "usr/share/zsh/site-functions/_"+program)
	if got, want := string(run(t, nil, "rpm", "-qp", "--requires", path)), "/usr/sbin/useradd\n"; !strings.Contains(got, want) {
		t.Errorf("it requires %q, want %q", got, want)
	}
	if got, want := string(run(t, nil, "rpm", "-qp", "--configfiles", path)), "/etc/"+program+"/"+program+".yml\n"; !strings.Contains(got, want) {
		t.Errorf("the configuration files are %q, want %q", got, want)
	}
}
