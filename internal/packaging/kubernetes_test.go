package packaging

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests are the objects that run and scrape the exporter; what may be absent
// is nil.
type manifests struct {
	config   *corev1.ConfigMap // nil: somebody else's
	account  *corev1.ServiceAccount
	stateful appsv1.StatefulSet
	service  corev1.Service
	policy   *networkingv1.NetworkPolicy
	budget   *policyv1.PodDisruptionBudget
	monitor  *monitoringv1.ServiceMonitor
	scrape   *monitoringv1alpha1.ScrapeConfig
}

// load returns those that `kubectl apply -k deploy/kubernetes` makes.
func load(t *testing.T) manifests {
	t.Helper()
	objects, err := kustomize(filesys.MakeFsOnDisk(), root)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, objects)
}

func parse(t *testing.T, objects map[string][]byte) manifests {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, monitoringv1.AddToScheme, monitoringv1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	var m manifests
	for id, text := range objects {
		o, _, err := strict(scheme).Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		switch o := o.(type) {
		case *corev1.ConfigMap:
			if o.Data[programName+".yml"] != "" {
				m.config = o
			}
		case *corev1.ServiceAccount:
			m.account = o
		case *appsv1.StatefulSet:
			m.stateful = *o
		case *corev1.Service:
			m.service = *o
		case *networkingv1.NetworkPolicy:
			m.policy = o
		case *policyv1.PodDisruptionBudget:
			m.budget = o
		case *monitoringv1.ServiceMonitor:
			m.monitor = o
		case *monitoringv1alpha1.ScrapeConfig:
			m.scrape = o
		}
	}
	return m
}

func TestManifestsFitTogether(t *testing.T) {
	m := load(t)
	if m.config == nil || m.account == nil || m.policy == nil || m.monitor == nil || m.scrape == nil {
		t.Errorf("an object is missing: %+v", m)
	}
	m.fit(t)
}

// fit checks that what the objects say of each other is so.
func (m manifests) fit(t *testing.T) {
	t.Helper()
	pod := m.stateful.Spec.Template
	for what, selector := range m.selectors() {
		if selector == nil || !labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
			t.Errorf("the %s does not select the pods", what)
		}
	}
	if m.stateful.Spec.ServiceName != m.service.Name || m.service.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Errorf("pods have no names in DNS: StatefulSet of the Service %q, whose address is %q", m.stateful.Spec.ServiceName, m.service.Spec.ClusterIP)
	}
	if m.account != nil && (m.account.Name != pod.Spec.ServiceAccountName || *m.account.AutomountServiceAccountToken) {
		t.Errorf("the pods run as %q, the ServiceAccount is %+v", pod.Spec.ServiceAccountName, m.account)
	}
	if name := m.stateful.Name; len(name) > 52 { // pods have it in a label, with a hash
		t.Errorf("the StatefulSet has a name of %d bytes, %s", len(name), name)
	}
	if pair := *m.stateful.Spec.Replicas > 1; pair != (m.budget != nil) || pair && len(pod.Spec.TopologySpreadConstraints) == 0 {
		t.Errorf("%d replicas, PodDisruptionBudget %v, %v", *m.stateful.Spec.Replicas, m.budget, pod.Spec.TopologySpreadConstraints)
	}
	if s := *pod.Spec.TerminationGracePeriodSeconds; s < 30 {
		t.Errorf("pods are given %d seconds to end", s)
	}
	m.fitPorts(t)
	m.fitMonitor(t)
	m.fitScrape(t)
}

// selectors are those of the objects that select the pods.
func (m manifests) selectors() map[string]map[string]string {
	all := map[string]map[string]string{"StatefulSet": m.stateful.Spec.Selector.MatchLabels, "Service": m.service.Spec.Selector}
	if m.policy != nil {
		all["NetworkPolicy"] = m.policy.Spec.PodSelector.MatchLabels
	}
	if m.budget != nil {
		all["PodDisruptionBudget"] = m.budget.Spec.Selector.MatchLabels
	}
	for _, c := range m.stateful.Spec.Template.Spec.TopologySpreadConstraints {
		all["constraint on "+c.TopologyKey] = c.LabelSelector.MatchLabels
	}
	return all
}

func (m manifests) fitPorts(t *testing.T) {
	t.Helper()
	c, port := m.stateful.Spec.Template.Spec.Containers[0], m.service.Spec.Ports[0]
	if c.Ports[0].ContainerPort != 10987 || port.Port != 10987 || port.TargetPort.StrVal != c.Ports[0].Name {
		t.Errorf("the container's port is %+v, the Service's %+v", c.Ports[0], port)
	}
	if m.policy != nil && m.policy.Spec.Ingress[0].Ports[0].Port.IntVal != 10987 {
		t.Errorf("the NetworkPolicy lets others reach %+v", m.policy.Spec.Ingress[0].Ports)
	}
	for path, probe := range map[string]*corev1.Probe{"/-/healthy": c.LivenessProbe, "/-/ready": c.ReadinessProbe} {
		switch {
		case probe.Exec != nil: // with TLS and users
			if want := []string{"/" + programName, "healthcheck", webFlag}; !slices.Equal(probe.Exec.Command, want) || !slices.Contains(c.Args, webFlag) {
				t.Errorf("%v is executed, not %v, with the arguments %v", probe.Exec.Command, want, c.Args)
			}
		case probe.HTTPGet.Path != path || probe.HTTPGet.Port.StrVal != c.Ports[0].Name || slices.Contains(c.Args, webFlag):
			t.Errorf("%+v, not %s, is asked", probe.HTTPGet, path)
		}
	}
}

// webFlag is the argument of pods with TLS or users.
const webFlag = "--web.config.file=/etc/iam_session_exporter_web/web-config.yml"

func (m manifests) fitMonitor(t *testing.T) {
	t.Helper()
	if m.monitor == nil {
		return
	}
	if !labels.SelectorFromSet(m.monitor.Spec.Selector.MatchLabels).Matches(labels.Set(m.service.Labels)) {
		t.Error("the ServiceMonitor does not select the Service")
	}
	endpoint := m.monitor.Spec.Endpoints[0]
	if endpoint.Port != m.service.Spec.Ports[0].Name || endpoint.Path != "/metrics" {
		t.Errorf("the ServiceMonitor scrapes %s%s", endpoint.Port, endpoint.Path)
	}
	if want := []monitoringv1.LabelName{"__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"}; len(endpoint.RelabelConfigs) != 1 ||
		endpoint.RelabelConfigs[0].TargetLabel != "instance" || !slices.Equal(endpoint.RelabelConfigs[0].SourceLabels, want) || *endpoint.RelabelConfigs[0].Separator != "/" {
		t.Errorf("the ServiceMonitor relabels %+v", endpoint.RelabelConfigs)
	}
	// The alerts look for this job.
	if job := m.service.Labels[m.monitor.Spec.JobLabel]; job != "iam-session-exporter" {
		t.Errorf("the job is %q", job)
	}
}

// The sources of each pod are scraped from that pod, which is named as in the
// ServiceMonitor.
func (m manifests) fitScrape(t *testing.T) {
	t.Helper()
	if m.scrape == nil {
		return
	}
	if job := m.scrape.Spec.JobName; job == nil || *job != "iam-session-exporter-probe" {
		t.Errorf("the job is %v", job)
	}
	replicas := int(*m.stateful.Spec.Replicas)
	if len(m.scrape.Spec.HTTPSDConfigs) != replicas {
		t.Errorf("%d pods are asked for sources, not %d", len(m.scrape.Spec.HTTPSDConfigs), replicas)
	}
	scheme := "http"
	if m.monitor != nil && m.monitor.Spec.Endpoints[0].Scheme != nil {
		scheme = m.monitor.Spec.Endpoints[0].Scheme.String()
	}
	for i, sd := range m.scrape.Spec.HTTPSDConfigs {
		pod := fmt.Sprintf("%s-%d", m.stateful.Name, i)
		host := pod + "." + m.service.Name + "." + m.service.Namespace + ".svc:10987"
		if want := scheme + "://" + host + "/sd"; string(sd.URL) != want {
			t.Errorf("%s is asked for sources, not %s", sd.URL, want)
		}
		want := map[string]string{"__scheme__": scheme, "__address__": host, "__metrics_path__": "/probe", "instance": m.stateful.Namespace + "/" + pod}
		if got := relabel(m.scrape.Spec.RelabelConfigs, string(sd.URL)); !maps.Equal(got, want) {
			t.Errorf("the labels of its targets are %v, not %v", got, want)
		}
	}
}

// relabel returns the labels that follow from the URL of a target's discovery, or
// from nothing.
func relabel(rules []monitoringv1.RelabelConfig, url string) map[string]string {
	got := map[string]string{}
	for _, r := range rules {
		regex, replacement, value := cmp.Or(r.Regex, "(.*)"), "$1", ""
		if r.Replacement != nil {
			replacement = *r.Replacement
		}
		if slices.Equal(r.SourceLabels, []monitoringv1.LabelName{"__meta_url"}) {
			value = url
		} else if len(r.SourceLabels) > 0 {
			continue
		}
		re := regexp.MustCompile("^(?:" + regex + ")$")
		if match := re.FindStringSubmatchIndex(value); match != nil {
			got[r.TargetLabel] = string(re.ExpandString(nil, replacement, value, match))
		}
	}
	return got
}

func TestPodIsRestricted(t *testing.T) {
	m := load(t)
	if m.stateful.Spec.Template.Spec.SecurityContext.RunAsUser == nil || m.stateful.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().IsZero() {
		t.Error("the user or the limit of memory is missing")
	}
	m.restricted(t)
	careless := *m.stateful.Spec.Template.DeepCopy()
	careless.Spec.Containers[0].SecurityContext.Capabilities = nil
	if evaluate(t, careless).Allowed {
		t.Error("a pod that keeps capabilities is allowed")
	}
}

// evaluate is Kubernetes' own check of the Pod Security Standard "restricted".
func evaluate(t *testing.T, pod corev1.PodTemplateSpec) policy.AggregateCheckResult {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return policy.AggregateCheckResults(evaluator.EvaluatePod(
		api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec))
}

// restricted is that check, with some of our own: nothing may be written.
func (m manifests) restricted(t *testing.T) {
	t.Helper()
	pod := m.stateful.Spec.Template
	if r := evaluate(t, pod); !r.Allowed {
		t.Error(r.ForbiddenDetail())
	}
	c, s := pod.Spec.Containers[0], pod.Spec.SecurityContext
	for what, id := range map[string]*int64{"user": s.RunAsUser, "group": s.RunAsGroup, "volumes' group": s.FSGroup} {
		if id != nil && *id != uid { // nil: OpenShift chooses
			t.Errorf("the %s is %d", what, *id)
		}
	}
	if !*c.SecurityContext.ReadOnlyRootFilesystem || *pod.Spec.AutomountServiceAccountToken {
		t.Error("the root file system or the token is not as it should be")
	}
	limit := c.Resources.Limits.Memory().AsApproximateFloat64()
	if limit == 0 {
		return
	}
	// The rest of the limit is for what is not the garbage collector's.
	var collector resource.Quantity
	for _, e := range c.Env {
		if e.Name == "GOMEMLIMIT" {
			collector = resource.MustParse(strings.TrimSuffix(e.Value, "B"))
		}
	}
	if share := collector.AsApproximateFloat64() / limit; share < 0.88 || share > 0.92 {
		t.Errorf("GOMEMLIMIT is %.2f of the memory limit", share)
	}
}

// volume makes the files that the pod finds where its arguments say, with a
// secret of one's own for each item, and returns their directory.
func (m manifests) volume(t *testing.T, secret func(key string) string) string {
	t.Helper()
	dir := t.TempDir()
	pod := m.stateful.Spec.Template.Spec
	mount := pod.Containers[0].VolumeMounts[0]
	if want := "--config.file=" + path.Join(mount.MountPath, programName+".yml"); !slices.Contains(pod.Containers[0].Args, want) {
		t.Errorf("the argument %s is missing", want)
	}
	if mount.Name != pod.Volumes[0].Name {
		t.Error("the volume is not the one that is mounted")
	}
	for _, source := range pod.Volumes[0].Projected.Sources {
		if source.ConfigMap != nil && source.ConfigMap.Name == m.config.Name {
			for name, text := range m.config.Data {
				write(t, text, dir, name)
			}
		}
		if source.Secret != nil {
			for _, item := range source.Secret.Items {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, item.Path)), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, secret(item.Path), dir, item.Path)
			}
			if source.Secret.Items == nil { // all keys, which are the names of files
				for _, name := range named(m.config.Data[programName+".yml"]) {
					write(t, secret(name), dir, name)
				}
			}
		}
	}
	return dir
}

// named returns the names of files in a configuration.
func named(config string) (names []string) {
	for _, match := range regexp.MustCompile(`_file: ([^\s,}]+)`).FindAllStringSubmatch(config, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// The program takes the configuration, with exactly the secrets that are mounted.
func TestConfigMap(t *testing.T) { load(t).checkConfig(t) }

func (m manifests) checkConfig(t *testing.T) {
	t.Helper()
	dir := m.volume(t, func(name string) string { return secret(t, name) })
	file := filepath.Join(dir, programName+".yml")
	r := run(t, program, "check-config", file)
	if r.code != 0 || strings.Contains(r.all, "warning") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	if strings.Contains(r.all, "dummy") {
		t.Error("a secret is shown")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if files := named(read(t, file)); len(entries) != len(files)+1 {
		t.Errorf("the configuration names %v, %d files are mounted", files, len(entries))
	}
	m.probed(t)
}

// probed checks that the ScrapeConfig scrapes just what /metrics leaves out.
func (m manifests) probed(t *testing.T) {
	t.Helper()
	var c struct {
		Sources []struct {
			Name      string
			ProbeOnly bool `json:"probe_only"`
		}
	}
	if err := yaml.Unmarshal([]byte(m.config.Data[programName+".yml"]), &c); err != nil {
		t.Fatal(err)
	}
	if m.scrape == nil {
		return
	}
	keep := m.scrape.Spec.RelabelConfigs[0]
	if keep.Action != "keep" || !slices.Equal(keep.SourceLabels, []monitoringv1.LabelName{"__meta_iam_source"}) {
		t.Errorf("%+v", keep)
	}
	kept := regexp.MustCompile("^(?:" + keep.Regex + ")$")
	for _, s := range c.Sources {
		if kept.MatchString(s.Name) != s.ProbeOnly {
			t.Errorf("%s: probe_only is %t", s.Name, s.ProbeOnly)
		}
	}
}
