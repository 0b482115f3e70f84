package packaging

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	helm4values "helm.sh/helm/v4/pkg/chart/common/util"
	"sigs.k8s.io/yaml"
)

// dimension is a choice between values; each is YAML, or the name of a release
// or namespace.
type dimension struct {
	name    string
	choices []string
}

const (
	intersight = `
config: {sources: [{name: a.b, api: intersight, url: "https://intersight.com", api_key: {id: 59c84e4a16267c0001c23428/59cc595416267c0001a0dfc7/5f1b2c3d7564612d3335a8e1, secret_key_file: key.pem}}]}
existingSecrets: [{name: keys, items: {KEY: key.pem}}]`
	oam = `
config: {sources: [{name: sso, api: oam, url: "https://login.example.com:14101", probe_only: true, max_queries: 200, basic_auth: {username: monitor, password_file: oam-password}}]}
existingSecrets: [{name: passwords}]`
	both = `
config: |
  # a comment, and {{ braces }}
  sources:
    - {name: a.b, api: intersight, url: "https://intersight.com", probe_only: true, proxy_url: "http://proxy.example.com:3128", oauth2: {client_id: x, client_secret_file: secrets/client}}
    - {name: a-b, api: oam, url: "https://login.example.com", basic_auth: {username: monitor, password_file: oam-password}}
  alerting: {alertmanagers: [{url: "http://alertmanager.example.com:9093"}], key_file: pseudonyms.key}
existingSecrets: [{name: keys, items: {c: secrets/client}}, {name: more, items: {o: oam-password, k: pseudonyms.key}}]`
	others = `
existingConfigMap: mine
scrapeConfig: {sources: [a.b, c]}
networkPolicy: {egressPorts: [443, 9093]}`
)

var dimensions = []dimension{
	{"release", []string{"iam-session-exporter", "iam", strings.Repeat("long", 13) + "r"}},
	{"namespace", []string{"monitoring", "sso"}},
	{"config", []string{intersight, oam, both, others}},
	{"replicas", []string{``, `replicas: 2`}},
	{"name", []string{``, `fullnameOverride: logins`}},
	{"web", []string{``, `web: {externalURL: "https://iam.example.com/sessions"}`, `web: {existingSecret: web}`,
		`web: {existingSecret: web, tls: true, externalURL: "https://iam.example.com", client: {tlsConfig: {ca: {configMap: {name: ca, key: ca.crt}}}, basicAuth: {username: {name: prom, key: user}, password: {name: prom, key: password}}}}`}},
	{"operator", []string{``, `{serviceMonitor: {enabled: false}, scrapeConfig: {enabled: false}, prometheusRule: {enabled: false}}`,
		`{serviceMonitor: {interval: 30s, scrapeTimeout: 15s}, scrapeConfig: {interval: 5m, scrapeTimeout: 1m}}`, `scrapeConfig: {enabled: false}`}},
	{"dashboards", []string{``, `dashboards: {enabled: false}`, `dashboards: {labels: {dashboard: "yes"}, annotations: {grafana_folder: IAM}}`}},
	{"network policy", []string{``, `networkPolicy: {enabled: false}`,
		`networkPolicy: {from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}, {ipBlock: {cidr: 10.0.0.0/8}}], egressPorts: [8443]}`}},
	{"image", []string{``, `{image: {registry: "registry.example.com:5000/iam", tag: v1}, imagePullSecrets: [{name: pull}]}`,
		`image: {registry: registry.example.com, digest: "sha256:` + strings.Repeat("0a", 32) + `", pullPolicy: Always}`}},
	{"pod", []string{``, `podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}`, `podSecurityContext: null`,
		`{priorityClassName: high, nodeSelector: {kubernetes.io/os: linux}, tolerations: [{key: a, operator: Exists}], extraArgs: [--log.format=json], caConfigMap: ca}`,
		`{topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app.kubernetes.io/name: iam-session-exporter}}}], affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: zone, labelSelector: {}}}]}}}`}},
	{"resources", []string{``, `resources: {limits: {memory: 1Gi, cpu: 1}, requests: {memory: 100M}}`, `resources: {limits: {memory: null}}`, `resources: {limits: null}`, `resources: null`}},
	{"labels", []string{``, `{commonLabels: {release: kube-prometheus-stack, app.kubernetes.io/name: other}, commonAnnotations: {a: b}, podLabels: {team: sso, app.kubernetes.io/instance: other}, podAnnotations: {c: d}}`}},
	{"account", []string{``, `serviceAccount: {name: mine}`, `serviceAccount: {create: false}`}},
}

// pairs returns choices, one of each dimension, such that any two choices of two
// dimensions meet in at least one of them.
func pairs(dimensions []dimension) (rows [][]int) {
	random := rand.New(rand.NewPCG(1, 2))
	type pair struct{ i, a, j, b int }
	missing := map[pair]bool{}
	for i, d := range dimensions {
		for j := range i {
			for a := range d.choices {
				for b := range dimensions[j].choices {
					missing[pair{i, a, j, b}] = true
				}
			}
		}
	}
	for len(missing) > 0 {
		// The best of some.
		var best []int
		var covered []pair
		for range 50 {
			row := make([]int, len(dimensions))
			var met []pair
			for i, d := range dimensions {
				row[i] = random.IntN(len(d.choices))
				for j := range i {
					if p := (pair{i, row[i], j, row[j]}); missing[p] {
						met = append(met, p)
					}
				}
			}
			if len(met) > len(covered) {
				best, covered = row, met
			}
		}
		if best != nil {
			rows = append(rows, best)
		}
		for _, p := range covered {
			delete(missing, p)
		}
	}
	return rows
}

// Whatever the values, as long as the chart takes them, the objects fit together,
// an API server takes them, and the program takes the configuration.
func TestChartMatrix(t *testing.T) {
	rows := pairs(dimensions)
	t.Logf("%d combinations", len(rows))
	created := map[string]bool{} // rules and dashboards are mostly the same
	for n, row := range rows {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			values, r := map[string]any{}, installed
			for i, d := range dimensions {
				choice := d.choices[row[i]]
				switch d.name {
				case "release":
					r.name = choice
				case "namespace":
					r.namespace = choice
				default:
					own := map[string]any{}
					if err := yaml.Unmarshal([]byte(choice), &own); err != nil {
						t.Fatal(err)
					}
					values = helm4values.MergeTables(own, values)
				}
			}
			text, err := yaml.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			objects, notes, err := r.template(string(text))
			if err != nil {
				t.Fatalf("%v\nfor\n%s", err, text)
			}
			if notes == "" || strings.Contains(notes, "no value") {
				t.Errorf("the notes are %q", notes)
			}
			for id, text := range objects {
				if created[string(text)] {
					continue
				}
				created[string(text)] = true
				if err := create(text); err != nil {
					t.Errorf("%s: %v", id, err)
				}
				if o := object(t, text); o.GetNamespace() != r.namespace || o.GetLabels()["app.kubernetes.io/name"] != "iam-session-exporter" {
					t.Errorf("%s: namespace %s, labels %v", id, o.GetNamespace(), o.GetLabels())
				}
				if o := object(t, text); o.GetKind() != "PrometheusRule" && o.GetKind() != "ConfigMap" && strings.Contains(string(text), "{{") {
					t.Errorf("%s has braces", id)
				}
			}
			m := parse(t, objects)
			m.fit(t)
			m.restricted(t)
			if m.config != nil {
				m.checkConfig(t)
			}
			if t.Failed() {
				t.Logf("values:\n%s", text)
			}
		})
	}
}
