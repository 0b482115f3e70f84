package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	yaml "go.yaml.in/yaml/v3"
)

const repository = "../.."

// installed is where packages put the schema.
const installed = "/usr/share/iam_session_exporter/iam_session_exporter.schema.json"

// files are those of the repository with one of the extensions.
func files(t *testing.T, extensions ...string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata", "bin", "dist"}, d.Name()) {
			return fs.SkipDir
		}
		if slices.Contains(extensions, filepath.Ext(path)) {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var fenced = regexp.MustCompile("(?ms)^( *)```ya?ml\n(.*?)^ *```$")

// Each configuration that the repository shows, in a file of its own, in a page or in
// another file, is accepted by the schema and by the parser.
func TestRepository(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
	s := schemaOf(t)
	found := map[string]int{}
	for _, path := range files(t, ".md") {
		for _, block := range fenced.FindAllStringSubmatch(string(readFile(t, path)), -1) {
			text := strings.ReplaceAll("\n"+block[2], "\n"+block[1], "\n")
			found[path] += configurations(t, s, path, text)
		}
	}
	for _, path := range files(t, ".yml", ".yaml") {
		found[path] += configurations(t, s, path, string(readFile(t, path)))
	}
	for path, least := range map[string]int{
		"README.md": 1, "docs/configuration.md": 1, "docs/detections.md": 1, "deploy/kubernetes/configmap.yaml": 1,
		"deploy/systemd/iam_session_exporter.yml": 1, "config/iam_session_exporter.example.yml": 1,
	} {
		if got := found[filepath.Join(repository, path)]; got < least {
			t.Errorf("%s: got %d configurations, want %d or more", path, got, least)
		}
	}
}

// configurations checks those in a text of one or more YAML documents, however deep
// they are in them, and counts them. What is no YAML, such as a template, has none.
func configurations(t *testing.T, s *jsonschema.Schema, path, text string) (n int) {
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var root yaml.Node
		if err := d.Decode(&root); err != nil {
			return n
		}
		n += below(t, s, path, root.Content[0], true)
	}
}

func below(t *testing.T, s *jsonschema.Schema, path string, v *yaml.Node, top bool) (n int) {
	if v.Kind == yaml.ScalarNode && strings.Contains("\n"+v.Value, "\nsources:") {
		return configurations(t, s, path, v.Value)
	}
	if v.Kind == yaml.MappingNode && isConfiguration(v, top) {
		check(t, s, path, v)
		return 1
	}
	for _, c := range v.Content {
		n += below(t, s, path, c, false)
	}
	return n
}

// isConfiguration tells a configuration from other mappings: it has sources with an
// api. A part of one stands alone only at the top.
func isConfiguration(v *yaml.Node, top bool) bool {
	part := top
	for i := 0; i < len(v.Content); i += 2 {
		key, value := v.Content[i].Value, v.Content[i+1]
		if key == "sources" {
			return value.Kind == yaml.SequenceNode && len(value.Content) > 0 && slices.ContainsFunc(value.Content[0].Content, func(n *yaml.Node) bool { return n.Value == "api" })
		}
		part = part && slices.Contains([]string{"labels", "networks", "alerting"}, key)
	}
	// Prometheus's own file has a block alerting, too.
	var alerting struct {
		Alerting struct {
			KeyFile string `yaml:"key_file"`
		}
	}
	return part && v.Decode(&alerting) == nil && alerting.Alerting.KeyFile != ""
}

func check(t *testing.T, s *jsonschema.Schema, path string, v *yaml.Node) {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains("\n"+string(text), "\nsources:") {
		text = append(text, []byte("\nsources: [{name: a, api: oam, url: https://login.example.com}]")...)
	}
	got, err := toJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	if refused := refusals(s, got); len(refused) > 0 {
		t.Errorf("%s: the schema refuses %v in\n%s", path, refused, text)
	}
	if mistakes, c := parse(text); c == nil {
		t.Errorf("%s: the parser refuses %v in\n%s", path, mistakes, text)
	}
}

var modeline = regexp.MustCompile(`(?m)^# yaml-language-server: \$schema=(\S+)$`)

// The first line of an example leads editors to the schema: in the repository beside
// it, or where packages put it.
func TestModelines(t *testing.T) {
	has := map[string]bool{}
	for _, path := range files(t, ".yml", ".yaml") {
		m := modeline.FindSubmatch(readFile(t, path))
		if m == nil || !strings.Contains(string(m[1]), "iam_session_exporter.schema.json") {
			continue
		}
		has[path] = true
		if schema := string(m[1]); schema != installed {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), schema)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for _, path := range []string{"config/iam_session_exporter.example.yml", "deploy/systemd/iam_session_exporter.yml"} {
		if !has[filepath.Join(repository, path)] {
			t.Errorf("%s names no schema in its first line", path)
		}
	}
}
