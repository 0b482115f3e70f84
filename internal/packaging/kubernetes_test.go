package packaging

import (
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
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests are the objects that run and scrape the exporter, as
// `kubectl apply -k deploy/kubernetes` makes them.
type manifests struct {
	config   corev1.ConfigMap
	stateful appsv1.StatefulSet
	service  corev1.Service
	monitor  monitoringv1.ServiceMonitor
	scrape   monitoringv1alpha1.ScrapeConfig
}

func load(t *testing.T) manifests {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, monitoringv1.AddToScheme, monitoringv1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := kustomize(filesys.MakeFsOnDisk(), root)
	if err != nil {
		t.Fatal(err)
	}
	var m manifests
	for id, text := range objects {
		o, _, err := strict(scheme).Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		switch o := o.(type) {
		case *corev1.ConfigMap:
			if o.Name == "iam-session-exporter" {
				m.config = *o
			}
		case *appsv1.StatefulSet:
			m.stateful = *o
		case *corev1.Service:
			m.service = *o
		case *monitoringv1.ServiceMonitor:
			m.monitor = *o
		case *monitoringv1alpha1.ScrapeConfig:
			m.scrape = *o
		}
	}
	return m
}

// What the objects say of each other is so.
func TestManifestsFitTogether(t *testing.T) {
	m := load(t)
	pod := m.stateful.Spec.Template
	if !labels.SelectorFromSet(m.stateful.Spec.Selector.MatchLabels).Matches(labels.Set(pod.Labels)) {
		t.Error("the StatefulSet does not select its pods")
	}
	if !labels.SelectorFromSet(m.service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
		t.Error("the Service does not select the pods")
	}
	if !labels.SelectorFromSet(m.monitor.Spec.Selector.MatchLabels).Matches(labels.Set(m.service.Labels)) {
		t.Error("the ServiceMonitor does not select the Service")
	}
	if m.stateful.Spec.ServiceName != m.service.Name {
		t.Errorf("the StatefulSet is of the Service %q", m.stateful.Spec.ServiceName)
	}
	c, port, endpoint := pod.Spec.Containers[0], m.service.Spec.Ports[0], m.monitor.Spec.Endpoints[0]
	name := c.Ports[0].Name
	for what, got := range map[string]string{
		"Service's target": port.TargetPort.StrVal,
		"liveness probe":   c.LivenessProbe.HTTPGet.Port.StrVal,
		"readiness probe":  c.ReadinessProbe.HTTPGet.Port.StrVal,
	} {
		if got != name {
			t.Errorf("the %s is port %q, the container's is %q", what, got, name)
		}
	}
	if endpoint.Port != port.Name || endpoint.Path != "/metrics" {
		t.Errorf("the ServiceMonitor scrapes %s%s", endpoint.Port, endpoint.Path)
	}
	if c.LivenessProbe.HTTPGet.Path != "/-/healthy" || c.ReadinessProbe.HTTPGet.Path != "/-/ready" {
		t.Error("probes have wrong paths")
	}
	if want := "http://" + m.service.Name + "." + m.service.Namespace + ".svc:10987/sd"; string(m.scrape.Spec.HTTPSDConfigs[0].URL) != want || port.Port != 10987 || c.Ports[0].ContainerPort != 10987 {
		t.Errorf("the ScrapeConfig asks %s, not %s", m.scrape.Spec.HTTPSDConfigs[0].URL, want)
	}
	// Both name the exporter alike, and by what a new pod keeps.
	var instance monitoringv1.RelabelConfig
	for _, r := range m.scrape.Spec.RelabelConfigs {
		if r.TargetLabel == "instance" {
			instance = r
		}
	}
	if want := m.stateful.Namespace + "/" + m.stateful.Name + "-0"; *m.stateful.Spec.Replicas != 1 || instance.Replacement == nil || *instance.Replacement != want || len(instance.SourceLabels) > 0 {
		t.Errorf("the ScrapeConfig's instance is %+v, not %s", instance, want)
	}
	if want := []monitoringv1.LabelName{"__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"}; len(endpoint.RelabelConfigs) != 1 ||
		endpoint.RelabelConfigs[0].TargetLabel != "instance" || !slices.Equal(endpoint.RelabelConfigs[0].SourceLabels, want) || *endpoint.RelabelConfigs[0].Separator != "/" {
		t.Errorf("the ServiceMonitor relabels %+v", endpoint.RelabelConfigs)
	}
	if s := *pod.Spec.TerminationGracePeriodSeconds; s < 30 {
		t.Errorf("pods are given %d seconds to end", s)
	}
}

// Kubernetes' own check, with one of our own: nothing may be written.
func TestPodIsRestricted(t *testing.T) {
	pod := load(t).stateful.Spec.Template
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	evaluate := func(pod corev1.PodTemplateSpec) policy.AggregateCheckResult {
		return policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
	}
	if r := evaluate(pod); !r.Allowed {
		t.Error(r.ForbiddenDetail())
	}
	careless := *pod.DeepCopy()
	careless.Spec.Containers[0].SecurityContext.Capabilities = nil
	if evaluate(careless).Allowed {
		t.Error("a pod that keeps capabilities is allowed")
	}
	c, s := pod.Spec.Containers[0], pod.Spec.SecurityContext
	if !*c.SecurityContext.ReadOnlyRootFilesystem || *pod.Spec.AutomountServiceAccountToken ||
		*s.RunAsUser != uid || *s.RunAsGroup != uid || *s.FSGroup != uid {
		t.Error("the root file system, the user or the token is not as it should be")
	}
	if c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
		t.Error("resources are missing")
	}
	// The rest of the limit is for what is not the garbage collector's.
	var collector resource.Quantity
	for _, e := range c.Env {
		if e.Name == "GOMEMLIMIT" {
			collector = resource.MustParse(strings.TrimSuffix(e.Value, "B"))
		}
	}
	if share := collector.AsApproximateFloat64() / c.Resources.Limits.Memory().AsApproximateFloat64(); share < 0.88 || share > 0.92 {
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
				write(t, secret(item.Key), dir, item.Path)
			}
		}
	}
	return dir
}

// The program takes the configuration, with exactly the secrets that are mounted.
func TestConfigMap(t *testing.T) {
	m := load(t)
	dir := m.volume(t, func(name string) string { return secret(t, name) })
	file := filepath.Join(dir, programName+".yml")
	r := run(t, program, "check-config", file)
	if r.code != 0 || strings.Contains(r.all, "warning") {
		t.Errorf("exit code %d\n%s", r.code, r.all)
	}
	named := make(map[string]bool)
	for _, match := range regexp.MustCompile(`_file: (\S+)`).FindAllStringSubmatch(read(t, file), -1) {
		named[match[1]] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(named)+1 {
		t.Errorf("the configuration names %v, %d files are mounted", slices.Sorted(maps.Keys(named)), len(entries))
	}

	// The ScrapeConfig scrapes just what /metrics leaves out.
	var c struct {
		Sources []struct {
			Name      string
			ProbeOnly bool `json:"probe_only"`
		}
	}
	if err := yaml.Unmarshal([]byte(m.config.Data[programName+".yml"]), &c); err != nil {
		t.Fatal(err)
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
	if strings.Contains(r.all, "dummy") {
		t.Error("a secret is shown")
	}
}
