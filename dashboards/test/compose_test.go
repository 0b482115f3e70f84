package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/testkit"
)

const composeDir = "../../deploy/compose"

// strict decodes a YAML file in which nothing may be unknown or twice.
func strict(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// project loads compose files as Compose does, against its schema, with an
// environment.
func project(t *testing.T, environment []string, files ...string) (*types.Project, error) {
	t.Helper()
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join(composeDir, f))
	}
	o, err := cli.NewProjectOptions(paths, cli.WithEnv(environment))
	if err != nil {
		return nil, err
	}
	return o.LoadProject(t.Context())
}

// demo is what runs without any configuration.
func demo(t *testing.T) *types.Project {
	t.Helper()
	p, err := project(t, nil, "compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Services) != 4 {
		t.Fatalf("%d services, want 4", len(p.Services))
	}
	return p
}

// inside puts what a service mounts below a directory, as the service sees it.
func inside(t *testing.T, s types.ServiceConfig) string {
	t.Helper()
	root := t.TempDir()
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeVolume {
			continue
		}
		if !v.ReadOnly || !strings.HasPrefix(v.Target, "/") {
			t.Fatalf("%s: volume %+v can be written, or is nowhere", s.Name, v)
		}
		to := filepath.Join(root, v.Target)
		info, err := os.Stat(v.Source)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(v.Source))
		} else if err = os.MkdirAll(filepath.Dir(to), 0o700); err == nil {
			var b []byte
			if b, err = os.ReadFile(v.Source); err == nil {
				err = os.WriteFile(to, b, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func tool(t *testing.T, variable, name string, args ...string) {
	t.Helper()
	if p := os.Getenv(variable); p != "" {
		name = p
	}
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
}

func TestCompose(t *testing.T) {
	c := demo(t)
	for name, s := range c.Services {
		if !regexp.MustCompile(`^[a-z/_]+:v?[\w.]+$`).MatchString(s.Image) || strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s: image %s", name, s.Image)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %+v is open to others", name, p)
			}
		}
	}
	prometheus, alertmanager := inside(t, c.Services["prometheus"]), inside(t, c.Services["alertmanager"])
	tool(t, "PROMTOOL", "promtool", "check", "config", filepath.Join(prometheus, "etc/prometheus/prometheus.yml"))
	tool(t, "AMTOOL", "amtool", "check-config", filepath.Join(alertmanager, "etc/alertmanager/alertmanager.yml"))
	// Each address is that of a service, at the port it is published at.
	for _, file := range []string{composeDir + "/prometheus.yml", "../provisioning/datasources/prometheus.yml"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		addresses := regexp.MustCompile(`(?:\[|//)([a-z]+):(\d+)`).FindAllStringSubmatch(string(b), -1)
		if len(addresses) != 2 {
			t.Errorf("%s: addresses %v", file, addresses)
		}
		for _, a := range addresses {
			if s, ok := c.Services[a[1]]; !ok || len(s.Ports) != 1 || s.Ports[0].Published != a[2] {
				t.Errorf("%s: there is no %s:%s", file, a[1], a[2])
			}
		}
	}
}

// Instead of the demo, the exporter runs with a configuration of one's own; all else
// is the same.
func TestComposeOwn(t *testing.T) {
	conf := t.TempDir()
	own, err := project(t, []string{"CONF=" + conf}, "compose.yml", "own.yml")
	if err != nil {
		t.Fatal(err)
	}
	e := own.Services["exporter"]
	if slices.ContainsFunc(e.Command, func(flag string) bool { return strings.HasPrefix(flag, "--demo") }) {
		t.Errorf("flags %q, want none of the demo", e.Command)
	}
	// The image's working directory, where the default configuration is.
	if len(e.Volumes) != 1 || e.Volumes[0].Source != conf || e.Volumes[0].Target != "/etc/iam_session_exporter" || !e.Volumes[0].ReadOnly {
		t.Errorf("volumes %+v, want %s, read only", e.Volumes, conf)
	}
	want := demo(t)
	d := want.Services["exporter"]
	e.Command, e.Volumes = d.Command, d.Volumes
	own.Services["exporter"] = e
	if got, want := own.Services, want.Services; !reflect.DeepEqual(got, want) {
		t.Errorf("services %+v, want those of the demo, %+v", got, want)
	}
	if _, err := project(t, nil, "compose.yml", "own.yml"); err == nil || !strings.Contains(err.Error(), "CONF is the directory") {
		t.Errorf("without CONF: got %v, want an error that says what it is", err)
	}
}

// What Grafana is given is where it looks, and nothing else is.
func TestProvisioning(t *testing.T) {
	c := demo(t)
	root := inside(t, c.Services["grafana"])
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool           `yaml:"isDefault"`
			JSONData                     map[string]any `yaml:"jsonData"`
		}
	}
	strict(t, filepath.Join(root, "etc/grafana/provisioning/datasources/prometheus.yml"), &sources)
	if len(sources.Datasources) != 2 || sources.APIVersion != 1 || sources.Datasources[0].Type != "prometheus" || !sources.Datasources[0].IsDefault {
		t.Errorf("data sources %+v", sources)
	}
	for _, s := range sources.Datasources {
		if s.Name == "" || s.UID == "" || s.Access != "proxy" {
			t.Errorf("data source %+v", s)
		}
	}
	var providers struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Folder, Type    string
			DisableDeletion       bool `yaml:"disableDeletion"`
			AllowUIUpdates        bool `yaml:"allowUiUpdates"`
			UpdateIntervalSeconds int  `yaml:"updateIntervalSeconds"`
			Options               struct{ Path string }
		}
	}
	strict(t, filepath.Join(root, "etc/grafana/provisioning/dashboards/iam-sessions.yml"), &providers)
	if len(providers.Providers) != 1 || providers.APIVersion != 1 || providers.Providers[0].Type != "file" {
		t.Fatalf("providers %+v", providers)
	}
	path := providers.Providers[0].Options.Path
	found := 0
	err := filepath.WalkDir(filepath.Join(root, path), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		got, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		want, err := os.ReadFile(filepath.Join("..", filepath.Base(p)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not a dashboard of ours", p)
		}
		found++
		return nil
	})
	if err != nil || found != 3 {
		t.Errorf("%d dashboards in %s: %v", found, path, err)
	}
	home := c.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if home == nil {
		t.Fatal("no first page")
	}
	if _, err := os.Stat(filepath.Join(root, *home)); err != nil || filepath.Dir(*home) != path {
		t.Errorf("the first page: %v", err)
	}
}

// What README.md says starts what the files have.
func TestComposeInReadme(t *testing.T) {
	commands := testkit.Commands(t, "../../README.md", "**Compose**")
	var started [][]string
	for _, c := range commands {
		_, arguments, ok := strings.Cut(c, "docker compose ")
		if !ok {
			continue
		}
		words := strings.Fields(arguments)
		var files []string
		for len(words) > 1 && words[0] == "--file" {
			rel, err := filepath.Rel(composeDir, filepath.Join("../..", words[1]))
			if err != nil {
				t.Fatal(err)
			}
			files, words = append(files, rel), words[2:]
		}
		if !slices.Equal(words, []string{"up"}) {
			t.Errorf("%s: got %q after the files, want up", c, words)
		}
		p, err := project(t, []string{"CONF=" + t.TempDir()}, files...)
		if err != nil {
			t.Errorf("%s: %v", c, err)
			continue
		}
		if image := p.Services["exporter"].Image; commands[0] != "make image IMAGE="+image {
			t.Errorf("%s needs the image %s, but before it is %s", c, image, commands[0])
		}
		started = append(started, files)
	}
	if want := [][]string{{"compose.yml"}, {"compose.yml", "own.yml"}}; !reflect.DeepEqual(started, want) {
		t.Errorf("README.md starts %q, want %q", started, want)
	}
}
