package packaging

import (
	"fmt"
	"io"
	"log"
	"maps"
	"path"
	"path/filepath"
	"strings"
	"testing"

	helm3loader "helm.sh/helm/v3/pkg/chart/loader"
	helm3 "helm.sh/helm/v3/pkg/chartutil"
	helm3engine "helm.sh/helm/v3/pkg/engine"
	helm3lint "helm.sh/helm/v3/pkg/lint"
	helm4 "helm.sh/helm/v4/pkg/chart/common"
	helm4values "helm.sh/helm/v4/pkg/chart/common/util"
	helm4lint "helm.sh/helm/v4/pkg/chart/v2/lint"
	helm4loader "helm.sh/helm/v4/pkg/chart/v2/loader"
	helm4engine "helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	chartDir = root + "/deploy/helm/iam-session-exporter"
	examples = root + "/deploy/helm/examples"
)

// release is what a chart is rendered for: `helm install NAME CHART --namespace NAMESPACE`.
type release struct {
	chart, name, namespace string
}

var installed = release{chartDir, "iam-session-exporter", "monitoring"}

// template does with values what `helm template` does, with Helm 4 and with
// Helm 3, whose outputs have to be the same. It returns objects as YAML by kind
// and name, and the notes.
func (r release) template(values string) (map[string][]byte, string, error) {
	four, err := r.helm4(values)
	if err != nil {
		return nil, "", err
	}
	three, err := r.helm3(values)
	if err != nil {
		return nil, "", fmt.Errorf("Helm 3: %w", err)
	}
	if !maps.Equal(three, four) {
		return nil, "", fmt.Errorf("Helm 3 and 4 differ:\n%v\n%v", three, four)
	}
	objects, notes := map[string][]byte{}, ""
	for name, text := range four {
		if path.Base(name) == "NOTES.txt" {
			notes = text
			continue
		}
		for document := range strings.SplitSeq("\n"+text, "\n---\n") {
			o := new(unstructured.Unstructured)
			if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
				return nil, "", fmt.Errorf("%s: %w", name, err)
			}
			if len(o.Object) == 0 {
				continue
			}
			id := o.GetKind() + " " + o.GetName()
			if objects[id] != nil {
				return nil, "", fmt.Errorf("%s is there twice", id)
			}
			objects[id] = []byte(document)
		}
	}
	return objects, notes, nil
}

func (r release) helm4(values string) (map[string]string, error) {
	quiet()
	c, err := helm4loader.Load(r.chart)
	if err != nil {
		return nil, err
	}
	own, err := helm4.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	all, err := helm4values.ToRenderValues(c, own, helm4.ReleaseOptions{Name: r.name, Namespace: r.namespace, IsInstall: true}, helm4.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return helm4engine.Render(c, all)
}

func (r release) helm3(values string) (map[string]string, error) {
	quiet()
	c, err := helm3loader.Load(r.chart)
	if err != nil {
		return nil, err
	}
	own, err := helm3.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	all, err := helm3.ToRenderValues(c, own, helm3.ReleaseOptions{Name: r.name, Namespace: r.namespace, IsInstall: true}, helm3.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return helm3engine.Render(c, all)
}

// quiet drops what Helm logs: that it follows the chart's symbolic links.
func quiet() { log.SetOutput(io.Discard) }

// The chart, and each example of its values, has nothing that `helm lint` would
// mention, but that there is no icon.
func TestChartLint(t *testing.T) {
	files, err := filepath.Glob(examples + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range append(files, "") {
		values := map[string]any{}
		if file != "" {
			if err := yaml.Unmarshal([]byte(read(t, file)), &values); err != nil {
				t.Fatal(err)
			}
		}
		quiet()
		var messages []string
		for _, m := range helm4lint.RunAll(chartDir, values, "monitoring").Messages {
			messages = append(messages, m.Error())
		}
		for _, m := range helm3lint.All(chartDir, values, "monitoring", true).Messages {
			messages = append(messages, m.Error())
		}
		for _, m := range messages {
			if !strings.Contains(m, "icon is recommended") {
				t.Errorf("%s: %s", file, m)
			}
		}
	}
}

// Each example is complete.
func TestChartExamples(t *testing.T) {
	files, err := filepath.Glob(examples + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			objects, notes, err := installed.template(read(t, file))
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, objects)
			m.fit(t)
			m.restricted(t)
			m.checkConfig(t)
			if notes == "" || strings.Contains(notes, "<no value>") {
				t.Errorf("the notes are %q", notes)
			}
			for id, text := range objects {
				if err := create(text); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}

// The rules and dashboards are those of the repository, with other links only.
func TestChartFiles(t *testing.T) {
	for _, c := range []struct{ name, values, runbooks, grafana string }{
		{"no links", ``, "http://localhost:10987/runbooks", "http://localhost:3000"},
		{"own links", `links: {runbooks: "https://wiki.example.com/iam/", grafana: "https://grafana.example.com/"}`, "https://wiki.example.com/iam", "https://grafana.example.com"},
		{"external URL", `web: {externalURL: "https://iam.example.com/"}`, "https://iam.example.com/runbooks", "http://localhost:3000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, _, err := installed.template(read(t, examples, "both.yaml") + c.values)
			if err != nil {
				t.Fatal(err)
			}
			links := strings.NewReplacer("http://localhost:10987/runbooks", c.runbooks, "http://localhost:3000", c.grafana)
			for _, name := range []string{"overview", "security", "operations"} {
				file := read(t, root, "dashboards", name+".json")
				data, _, err := unstructured.NestedString(object(t, objects["ConfigMap iam-session-exporter-"+name]).Object, "data", "iam-sessions-"+name+".json")
				if err != nil || strings.TrimSpace(data) != strings.TrimSpace(links.Replace(file)) {
					t.Errorf("%s: not the dashboard: %v", name, err)
				}
			}
			var want any
			if err := yaml.Unmarshal([]byte(links.Replace(read(t, root, "alerts/rules.yml"))), &want); err != nil {
				t.Fatal(err)
			}
			if got := object(t, objects["PrometheusRule iam-session-exporter"]).Object["spec"]; !equal(t, got, want) {
				t.Error("the rules are others")
			}
		})
	}
}

func equal(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := yaml.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}
