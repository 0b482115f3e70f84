package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const composeDir = "../../deploy/compose"

// compose is what the demo may use of a compose file.
type compose struct {
	Name     string
	Services map[string]struct {
		Image           string
		Command         []string
		ReadOnly        bool `yaml:"read_only"`
		Tmpfs           []string
		CapDrop         []string `yaml:"cap_drop"`
		SecurityOpt     []string `yaml:"security_opt"`
		Ports           []string
		StopGracePeriod string `yaml:"stop_grace_period"`
		Volumes         []string
		Environment     map[string]string
		DependsOn       []string `yaml:"depends_on"`
	}
	Volumes map[string]struct{}
}

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

func loadCompose(t *testing.T) *compose {
	t.Helper()
	c := &compose{}
	strict(t, filepath.Join(composeDir, "compose.yml"), c)
	if len(c.Services) != 4 {
		t.Fatalf("%d services", len(c.Services))
	}
	return c
}

// inside puts what a service mounts below a directory, as the service sees it.
func (c *compose) inside(t *testing.T, service string) string {
	t.Helper()
	root := t.TempDir()
	for _, v := range c.Services[service].Volumes {
		parts := strings.Split(v, ":")
		if _, named := c.Volumes[parts[0]]; named {
			continue
		}
		if len(parts) != 3 || parts[2] != "ro" || !strings.HasPrefix(parts[1], "/") {
			t.Fatalf("%s: volume %s", service, v)
		}
		from, to := filepath.Join(composeDir, parts[0]), filepath.Join(root, parts[1])
		info, err := os.Stat(from)
		if err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else if err = os.MkdirAll(filepath.Dir(to), 0o700); err == nil {
			var b []byte
			if b, err = os.ReadFile(from); err == nil {
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
	c := loadCompose(t)
	for name, s := range c.Services {
		if !regexp.MustCompile(`^[a-z/_]+:v?[\w.]+$`).MatchString(s.Image) || strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s: image %s", name, s.Image)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to others", name, p)
			}
		}
		for _, d := range s.DependsOn {
			if _, ok := c.Services[d]; !ok {
				t.Errorf("%s depends on %s", name, d)
			}
		}
	}
	prometheus, alertmanager := c.inside(t, "prometheus"), c.inside(t, "alertmanager")
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
			if s, ok := c.Services[a[1]]; !ok || len(s.Ports) != 1 || !strings.HasSuffix(s.Ports[0], ":"+a[2]) {
				t.Errorf("%s: there is no %s:%s", file, a[1], a[2])
			}
		}
	}
}

// What Grafana is given is where it looks, and nothing else is.
func TestProvisioning(t *testing.T) {
	c := loadCompose(t)
	root := c.inside(t, "grafana")
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
	if _, err := os.Stat(filepath.Join(root, home)); err != nil || filepath.Dir(home) != path {
		t.Errorf("the first page: %v", err)
	}
}
