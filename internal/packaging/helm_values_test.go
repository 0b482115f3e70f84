package packaging

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// With the kustomization's configuration and image, the chart has the same
// objects; and with its component, those of a pair.
func TestChartIsTheKustomization(t *testing.T) {
	for name, c := range map[string]struct {
		files  filesys.FileSystem
		tree   string
		values map[string]any
	}{
		"one":  {filesys.MakeFsOnDisk(), root, map[string]any{}},
		"pair": {copied(t, "deploy/kubernetes/kustomization.yaml", "# components: [components/pair]", "components: [components/pair]"), "/", map[string]any{"replicas": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := kustomize(c.files, c.tree)
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, want)
			m.fit(t)
			c.values["config"] = m.config.Data[programName+".yml"]
			c.values["image"] = map[string]any{"registry": "registry.example.com", "tag": "VERSION"}
			secret, items := m.stateful.Spec.Template.Spec.Volumes[0].Projected.Sources[1].Secret, map[string]any{}
			for _, item := range secret.Items {
				items[item.Key] = item.Path
			}
			c.values["existingSecrets"] = []any{map[string]any{"name": secret.Name, "items": items}}
			values, err := yaml.Marshal(c.values)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := installed.template(string(values))
			if err != nil {
				t.Fatal(err)
			}
			for _, dashboard := range []string{"overview", "security", "operations"} {
				id := "ConfigMap iam-session-exporter-" + dashboard
				got["ConfigMap iam-sessions-"+dashboard] = []byte(strings.Replace(string(got[id]), "name: iam-session-exporter-"+dashboard, "name: iam-sessions-"+dashboard, 1))
				delete(got, id)
			}
			if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
				t.Fatalf("the chart has %q\nthe kustomization %q", g, w)
			}
			for id := range want {
				if g, w := stored(t, got[id]), stored(t, want[id]); g != w {
					t.Errorf("%s of the chart:\n%s\nof the kustomization:\n%s", id, difference(g, w), difference(w, g))
				}
			}
		})
	}
}

// stored is an object with its defaults, without what Helm adds.
func stored(t *testing.T, text []byte) string {
	t.Helper()
	o, _, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range []string{"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart", "checksum/config"} {
				delete(v, key)
			}
			for key, below := range v {
				if m, ok := below.(map[string]any); ok && key == "annotations" {
					if strip(m); len(m) == 0 {
						delete(v, key)
					}
				}
				if s, ok := below.(string); ok {
					v[key] = strings.TrimSpace(s) // the end of a block
				}
				strip(below)
			}
		case []any:
			for _, below := range v {
				strip(below)
			}
		}
	}
	strip(u)
	out, err := yaml.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// difference returns the lines of a that b lacks.
func difference(a, b string) string {
	lines := map[string]bool{}
	for line := range strings.Lines(b) {
		lines[line] = true
	}
	var only strings.Builder
	for line := range strings.Lines(a) {
		if !lines[line] {
			only.WriteString(line)
		}
	}
	return only.String()
}

// Values that the chart has not, are of another type, or don't fit each other are
// refused, and the error names them.
func TestChartRefuses(t *testing.T) {
	for _, c := range []struct{ name, values, want string }{
		{"misspelt", `replica: 2`, "additional properties 'replica' not allowed"},
		{"misspelt below", `serviceMonitor: {enable: false}`, "at '/serviceMonitor': additional properties 'enable' not allowed"},
		{"not a boolean", `dashboards: {enabled: "no"}`, "at '/dashboards/enabled': got string, want boolean"},
		{"not a number", `replicas: two`, "at '/replicas': got string, want integer"},
		{"three", `replicas: 3`, "at '/replicas': maximum: got 3, want 2"},
		{"none", `replicas: 0`, "at '/replicas': minimum: got 0, want 1"},
		{"not a list", `existingSecrets: iam`, "at '/existingSecrets': got string, want array"},
		{"a secret's value", `existingSecrets: [{name: a, data: {key: dmFsdWU=}}]`, "additional properties 'data' not allowed"},
		{"a secret's name", `existingSecrets: [{name: My_Secret}]`, "at '/existingSecrets/0/name': 'My_Secret' does not match pattern"},
		{"a secret without a name", `existingSecrets: [{items: {a: b}}]`, "missing property 'name'"},
		{"a file elsewhere", `existingSecrets: [{name: a, items: {a: /etc/passwd}}]`, "does not match pattern"},
		{"a duration", `serviceMonitor: {interval: 1 minute}`, "at '/serviceMonitor/interval': '1 minute' does not match pattern"},
		{"a link", `links: {runbooks: wiki}`, "at '/links/runbooks': 'wiki' does not match pattern"},
		{"a link that isn't one", `links: {grafana: "https://a \n  x: y"}`, "at '/links/grafana'"},
		{"a digest", `image: {digest: sha256:1}`, "at '/image/digest': 'sha256:1' does not match pattern"},
		{"a port", `networkPolicy: {egressPorts: [https]}`, "at '/networkPolicy/egressPorts/0': got string, want integer"},
		{"an argument that has a value", `extraArgs: [--web.external-url=http://a]`, "at '/extraArgs/0': 'not' failed"},
		{"an argument", `extraArgs: ["log.level=debug"]`, "at '/extraArgs/0'"},
		{"root", `podSecurityContext: {runAsUser: 0}`, "at '/podSecurityContext/runAsUser': minimum: got 0, want 1"},
		{"not restricted", `podSecurityContext: {runAsNonRoot: false}`, "at '/podSecurityContext/runAsNonRoot'"},
		{"memory", `resources: {limits: {memory: 256MiB}}`, "at '/resources/limits/memory': '256MiB' does not match pattern"},
		{"a source without a name", `config: {sources: [{api: oam, url: "https://a"}]}`, "at '/config/sources/0': missing property 'name'"},
		{"no sources in the map", `config: {sources: []}`, "at '/config/sources': minItems: got 0, want 1"},
		{"no configuration", `config: {}`, "config.sources is empty: set config to the content of iam_session_exporter.yml, or existingConfigMap"},
		{"no sources in the text", `config: "labels: {}"`, "config.sources is empty"},
		{"a text that isn't YAML", `config: "sources: ["`, "config: error converting YAML to JSON"},
		{"two configurations", intersight + "\nexistingConfigMap: mine", "config and existingConfigMap: one of them is enough"},
		{"sources of another's ConfigMap", intersight + "\nscrapeConfig: {sources: [a]}", "scrapeConfig.sources is for existingConfigMap"},
		{"no port to connect to", `existingConfigMap: mine`, "networkPolicy.egressPorts: with existingConfigMap, name the ports"},
		{"TLS without a certificate", intersight + "\nweb: {tls: true}", "web.tls and web.client need web.existingSecret"},
		{"a file that is not there", strings.Replace(intersight, "KEY: key.pem", "KEY: other.pem", 1), "config names the file key.pem, which existingSecrets lack"},
		{"no secret", strings.Split(intersight, "\nexistingSecrets")[0], "config names the file key.pem, which existingSecrets lack"},
		{"a secret in the map", strings.Replace(oam, "password_file: oam-password", "password: hunter2", 1), "at '/config/sources/0/basic_auth': additional properties 'password' not allowed"},
		{"a secret in the text", strings.Replace(both, "password_file: oam-password", "password: hunter2", 1), "config: secrets belong into existingSecrets: password_file instead of password"},
		{"a misspelt key of the configuration", strings.Replace(oam, "probe_only", "probe_olny", 1), "at '/config/sources/0': additional properties 'probe_olny' not allowed"},
		{"a wrong value of the configuration", strings.Replace(oam, "max_queries: 200", "max_queries: 2000000", 1), "at '/config/sources/0/max_queries': maximum: got"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := installed.helm4(c.values)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// Values reach the objects that they are for.
func TestChartValues(t *testing.T) {
	const (
		stateful = "StatefulSet iam-session-exporter"
		policy   = "NetworkPolicy iam-session-exporter"
		monitor  = "ServiceMonitor iam-session-exporter"
		scrape   = "ScrapeConfig iam-session-exporter-probe"
		client   = "\nweb: {existingSecret: w, tls: true, client: {basicAuth: {username: {name: prom, key: user}}}}"
	)
	for _, c := range []struct{ values, id, want string }{
		{intersight, stateful, `image: "iam_session_exporter:v0.1.0"`},
		{intersight + "\nimage: {registry: registry.example.com/iam/, tag: v2}", stateful, `image: "registry.example.com/iam/iam_session_exporter:v2"`},
		{intersight + "\nimage: {tag: v2, digest: sha256:" + strings.Repeat("a", 64) + "}", stateful, `image: "iam_session_exporter@sha256:aaaa`},
		{intersight + "\nimagePullSecrets: [{name: pull}]", stateful, "imagePullSecrets:\n        - name: pull"},
		{intersight + "\nweb: {externalURL: 'https://iam.example.com/x'}", stateful, `- "--web.external-url=https://iam.example.com/x"`},
		{intersight + "\nextraArgs: [--log.format=json]", stateful, "- --log.format=json"},
		{intersight + "\nresources: {limits: {memory: 1.5Gi}}", stateful, "value: 1382MiB"},
		{intersight + "\npriorityClassName: high", stateful, "priorityClassName: high"},
		{intersight + "\npodLabels: {team: sso}", stateful, "app.kubernetes.io/name: iam-session-exporter\n        team: sso"},
		{intersight + "\npodAnnotations: {a: b}", stateful, "annotations:\n        a: b\n        checksum/config: "},
		{intersight + "\ncommonLabels: {release: r}", stateful, "helm.sh/chart: iam-session-exporter-0.1.0\n    release: r\nspec:"},
		{intersight + "\ncommonLabels: {release: r}", stateful, "app.kubernetes.io/name: iam-session-exporter\n      annotations:"}, // pods don't have it
		{intersight + "\ncommonAnnotations: {a: b}", monitor, "annotations:\n    a: b"},
		{intersight + "\ncaConfigMap: ca", stateful, "- configMap: {name: ca}"},
		{others, stateful, "- configMap: {name: mine}"},
		{others, stateful, "app.kubernetes.io/name: iam-session-exporter\n    spec:"}, // no checksum
		{others, scrape, `regex: "a\\.b|c"`},
		{both, policy, "port: 3128}\n        - {protocol: TCP, port: 443}\n        - {protocol: TCP, port: 9093}"},
		{strings.Replace(both, "key_file: pseudonyms.key", "key_file: pseudonyms.key, exceptions: [{users: [a], until: 2030-01-01, reason: 'password: renewed'}]", 1),
			"ConfigMap iam-session-exporter", "reason: 'password: renewed'"}, // is none
		{oam, policy, "port: 14101}"},
		{oam + "\nnetworkPolicy: {egressPorts: [8443, 14101]}", policy, "port: 14101}\n        - {protocol: TCP, port: 8443}"},
		{intersight + "\nnetworkPolicy: {from: [{podSelector: {matchLabels: {a: b}}}]}", policy, "- from:\n        - podSelector:\n            matchLabels:\n              a: b"},
		{oam + client, monitor, "scheme: https\n      basicAuth:\n        username:\n          key: user"},
		{oam + client, scrape, "scrapeTimeout: 20s\n  basicAuth:\n    username:\n      key: user"},
		{oam + client, scrape, ".svc:10987/sd\n      basicAuth:\n        username:\n          key: user"},
		{oam + client, stateful, "secret: {secretName: w, defaultMode: 0440}"},
		{oam + "\ndashboards: {annotations: {grafana_folder: IAM}}", "ConfigMap iam-session-exporter-overview", "annotations:\n    grafana_folder: IAM"},
		{oam + "\ndashboards: {labels: {x: z}}", "ConfigMap iam-session-exporter-overview", "helm.sh/chart: iam-session-exporter-0.1.0\n    x: z"},
	} {
		objects, _, err := installed.template(c.values)
		if err != nil || !strings.Contains(string(objects[c.id]), c.want) {
			t.Errorf("%s\n%s: want %q, got %v\n%s", c.values, c.id, c.want, err, objects[c.id])
		}
	}
}

// The notes lead to the exporter as it answers: with TLS, by https.
func TestChartNotes(t *testing.T) {
	for scheme, values := range map[string]string{"http": others, "https": others + "\nweb: {existingSecret: w, tls: true}"} {
		_, notes, err := installed.template(values)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{" on " + scheme + "://localhost:10987:\n", "curl -X POST " + scheme + "://localhost:10987/-/reload"} {
			if !strings.Contains(notes, want) {
				t.Errorf("no %q in\n%s", want, notes)
			}
		}
	}
}

// A chart that depends on this one may switch it on and off, and have global values.
func TestChartAsDependency(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "parent")
	if err := os.MkdirAll(filepath.Join(dir, "charts"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [{name: iam-session-exporter, version: 0.1.0, condition: iam-session-exporter.enabled}]\n", dir, "Chart.yaml")
	chart, err := filepath.Abs(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(chart, filepath.Join(dir, "charts", filepath.Base(chart))); err != nil {
		t.Fatal(err)
	}
	values := "global: {a: b}\niam-session-exporter:\n  enabled: true" + strings.ReplaceAll(intersight, "\n", "\n  ")
	objects, _, err := release{dir, "parent", "monitoring"}.template(values)
	if err != nil {
		t.Fatal(err)
	}
	parse(t, objects).fit(t)
}

// Without symbolic links, as git on Windows or an archive may leave them out, the
// chart says so.
func TestChartWithoutLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "iam-session-exporter")
	if err := os.CopyFS(dir, os.DirFS(chartDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	_, err := release{dir, "iam", "monitoring"}.helm4(intersight)
	if want := "is not what it links to: without symbolic links use the packaged chart"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("want %q, got %v", want, err)
	}
}
