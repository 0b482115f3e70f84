package packaging

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomize returns what `kubectl apply -k deploy/kubernetes` applies in a tree,
// as YAML by kind and name.
func kustomize(files filesys.FileSystem, tree string) (map[string][]byte, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, filepath.Join(tree, "deploy/kubernetes"))
	if err != nil {
		return nil, err
	}
	objects := make(map[string][]byte)
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			return nil, err
		}
		objects[r.GetKind()+" "+r.GetName()] = text
	}
	return objects, nil
}

// copied is a copy in memory of what the kustomization reads, with one text
// replaced by another.
func copied(t *testing.T, file, old, new string) filesys.FileSystem {
	t.Helper()
	files := filesys.MakeFsInMemory()
	found := false
	for _, pattern := range []string{"deploy/kubernetes/*.yaml", "deploy/kubernetes/components/pair/*.yaml", "alerts/*.yaml", "dashboards/*.yaml", "dashboards/*.json"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || names == nil {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			text := read(t, name)
			rel, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			if rel == file && strings.Contains(text, old) {
				found = true
				text = strings.Replace(text, old, new, 1)
			}
			if err := files.WriteFile("/"+rel, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !found {
		t.Fatalf("%s does not have %q", file, old)
	}
	return files
}

func object(t *testing.T, text []byte) *unstructured.Unstructured {
	t.Helper()
	o := new(unstructured.Unstructured)
	if err := yaml.Unmarshal(text, &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// Everything that is applied is complete, and an API server takes it.
func TestKustomization(t *testing.T) {
	objects, err := kustomize(filesys.MakeFsOnDisk(), root)
	if err != nil {
		t.Fatal(err)
	}
	for id, text := range objects {
		if err := create(text); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		o := object(t, text)
		if o.GetNamespace() != "monitoring" {
			t.Errorf("%s: namespace %q", id, o.GetNamespace())
		}
		// `kubectl apply` keeps the object as an annotation; all of an object's
		// together may have 256 KiB.
		json, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if len(json) > 250<<10 {
			t.Errorf("%s: %d bytes are too many to apply", id, len(json))
		}
	}
	for _, id := range []string{"StatefulSet iam-session-exporter", "Service iam-session-exporter", "ConfigMap iam-session-exporter",
		"ServiceAccount iam-session-exporter", "NetworkPolicy iam-session-exporter",
		"ServiceMonitor iam-session-exporter", "ScrapeConfig iam-session-exporter-probe", "PrometheusRule iam-session-exporter"} {
		if objects[id] == nil {
			t.Errorf("%s is missing", id)
		}
	}
	dashboards, err := filepath.Glob(root + "/dashboards/*.json")
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("%d dashboards, %v", len(dashboards), err)
	}
	for _, file := range dashboards {
		name := "iam-sessions-" + strings.TrimSuffix(filepath.Base(file), ".json")
		text, ok := objects["ConfigMap "+name]
		if !ok {
			t.Errorf("%s is not in a ConfigMap", file)
			continue
		}
		o := object(t, text)
		data, _, err := unstructured.NestedStringMap(o.Object, "data")
		if err != nil || len(data) != 1 || data[name+".json"] != read(t, file) || o.GetLabels()["grafana_dashboard"] != "1" {
			t.Errorf("%s: not the dashboard, or not found by Grafana: labels %v, %v", name, o.GetLabels(), err)
		}
	}
	if want := 8 + len(dashboards); len(objects) != want {
		t.Errorf("%d objects, not %d", len(objects), want)
	}
}

// Another namespace and image are set in one file, and labels for the selectors
// of an operator as deploy/README.md says.
func TestKustomizationChanged(t *testing.T) {
	_, rest, ok := strings.Cut(read(t, root, "deploy/README.md"), "\n    labels:\n")
	if !ok {
		t.Fatal("deploy/README.md does not say how to add labels")
	}
	snippet, _, _ := strings.Cut(rest, "\n\n")
	snippet = "labels:\n" + strings.ReplaceAll(snippet, "\n    ", "\n")[4:] + "\n"
	files := copied(t, "deploy/kubernetes/kustomization.yaml", "namespace: monitoring\n", snippet+"namespace: sso\n")
	objects, err := kustomize(files, "/")
	if err != nil {
		t.Fatal(err)
	}
	for id, text := range objects {
		if err := create(text); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if o := object(t, text); o.GetNamespace() != "sso" || o.GetLabels()["release"] != "kube-prometheus-stack" {
			t.Errorf("%s: namespace %s, labels %v", id, o.GetNamespace(), o.GetLabels())
		}
		// But in labels and namespaces nothing says where it is, nor is it anywhere else;
		// Alertmanagers are where they are.
		others := strings.ReplaceAll(string(text), ".alertmanager-operated.monitoring.svc:9093", "")
		if strings.Contains(others, "monitoring.svc") || strings.Contains(others, "monitoring/iam") {
			t.Errorf("%s still names the namespace", id)
		}
	}
	for id, want := range map[string]string{
		"ScrapeConfig iam-session-exporter-probe": "url: http://iam-session-exporter-0.iam-session-exporter.sso.svc:10987/sd\n",
		"StatefulSet iam-session-exporter":        "image: registry.example.com/iam_session_exporter:VERSION\n",
	} {
		if !strings.Contains(string(objects[id]), want) {
			t.Errorf("%s lacks %q", id, want)
		}
	}
}

// The check of the schemas is one: mistakes of all kinds are refused, each for
// what it is.
func TestManifestMistakesAreSeen(t *testing.T) {
	const (
		stateful = "deploy/kubernetes/statefulset.yaml"
		service  = "deploy/kubernetes/service.yaml"
		monitor  = "deploy/kubernetes/servicemonitor.yaml"
		scrape   = "deploy/kubernetes/scrapeconfig.yaml"
		rules    = "alerts/prometheusrule.yaml"
		kust     = "deploy/kubernetes/kustomization.yaml"
	)
	for _, c := range []struct{ name, file, old, new, want string }{
		{"unknown field", stateful, "replicas:", "replica:", `unknown field "spec.replica"`},
		{"wrong case", stateful, "runAsNonRoot:", "runAsNonroot:", "runAsNonroot"},
		{"wrong type", stateful, "replicas: 1", "replicas: one", "replicas"},
		{"repeated field", stateful, "  replicas: 1", "  replicas: 1\n  replicas: 1", "replicas"},
		{"unknown kind", stateful, "kind: StatefulSet", "kind: StatefulSets", "unknown kind"},
		{"selector of other pods", stateful, "    matchLabels: {app.kubernetes.io/name: iam-session-exporter}", "    matchLabels: {app: x}", "`selector` does not match template `labels`"},
		{"volume that is not there", stateful, "{name: config, mountPath", "{name: conf, mountPath", "volumeMounts[0].name"},
		{"unknown value", stateful, "podManagementPolicy: Parallel", "podManagementPolicy: Serial", "podManagementPolicy"},
		{"quantity", stateful, "memory: 256Mi", "memory: 256MiB", "quantities must match"},
		{"limit below request", stateful, "limits: {memory: 256Mi}", "limits: {memory: 6Mi}", "must be less than or equal to memory limit"},
		{"port's name", service, "name: http,", "name: HTTP_port,", "spec.ports[0].name"},
		{"label", service, "labels: {app.kubernetes.io/name: iam-session-exporter}", "labels: {app.kubernetes.io/name: iam session exporter}", "a valid label must be"},
		{"object's name", monitor, "name: iam-session-exporter", "name: iam_session_exporter", "a lowercase RFC 1123 subdomain"},
		{"operator's unknown field", scrape, "honorLabels:", "honourLabels:", "spec.honourLabels"},
		{"operator's pattern", monitor, "interval: 1m", "interval: 1 minute", "spec.endpoints[0].interval"},
		{"operator's enumeration", monitor, "action: replace", "action: replaced", "relabelings[0].action"},
		{"operator's CEL rule", scrape, "spec:\n", "spec:\n  authorization: {credentials: {name: a, key: b}}\n  basicAuth: {username: {name: a, key: b}}\n", "at most one of basicAuth"},
		{"rules' duration", rules, "for: 5m", "for: 5 minutes", "spec.groups[0].rules[5].for"},
		{"rules' two groups of a name", rules, "  groups:\n", "  groups:\n    - name: iam_sources\n      rules: []\n", "Duplicate value"},
		{"operator's missing field", rules, "          expr: max by (source, api) (instance_source:iam_source_up:last)", "          # nothing", "spec.groups[0].rules[1].expr: Required value"},
		{"file outside", kust, "../../dashboards ", "../../dashboards/overview.json ", "security"},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, err := kustomize(copied(t, c.file, c.old, c.new), "/")
			for id, text := range objects {
				if e := create(text); e != nil && err == nil {
					err = fmt.Errorf("%s: %w", id, e)
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}
