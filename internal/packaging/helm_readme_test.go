package packaging

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"

	"iam_session_exporter/internal/testkit"
)

// What README.md types for Kubernetes gives objects that fit together: each file
// that the configuration names is a key of the secret that is made before.
func TestChartInReadme(t *testing.T) {
	files := map[string]string{} // what cp makes of what
	var keys []string
	var m manifests
	var forwarded string
	for _, command := range testkit.Commands(t, root+"/README.md", "**Kubernetes**") {
		command, _, _ = strings.Cut(command, " #")
		words := strings.Fields(command)
		switch {
		case words[0] == "cp":
			files[words[2]] = words[1]
		case words[0] == "kubectl" && slices.Contains(words, "secret"):
			for _, w := range words {
				if file, ok := strings.CutPrefix(w, "--from-file="); ok {
					keys = append(keys, file)
				}
			}
		case words[0] == "kubectl":
			forwarded = words[len(words)-2]
		case words[0] == "helm" && words[1] == "install":
			flags := pflag.NewFlagSet("helm install", pflag.ContinueOnError)
			namespace, file, set := flags.String("namespace", "default", ""), flags.String("values", "", ""), flags.StringArray("set", nil, "")
			if err := flags.Parse(words[2:]); err != nil {
				t.Fatal(err)
			}
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(read(t, root, files[*file])), &values); err != nil {
				t.Fatal(err)
			}
			for _, s := range *set {
				if err := strvals.ParseInto(s, values); err != nil {
					t.Fatal(err)
				}
			}
			text, err := yaml.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			objects, _, err := release{filepath.Join(root, flags.Arg(1)), flags.Arg(0), *namespace}.template(string(text))
			if err != nil {
				t.Fatal(err)
			}
			m = parse(t, objects)
		default:
			t.Errorf("README.md types %q, which no test knows", command)
		}
	}
	m.fit(t)
	m.restricted(t)
	m.checkConfig(t)
	if got := "statefulset/" + m.stateful.Name; got != forwarded {
		t.Errorf("the chart has %s, README.md forwards to %s", got, forwarded)
	}
	if image := m.stateful.Spec.Template.Spec.Containers[0].Image; !strings.HasPrefix(image, "registry.example.com/") {
		t.Errorf("image %s, want one of the registry", image)
	}
	var needed []string
	for _, v := range m.stateful.Spec.Template.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.Secret != nil {
				for _, item := range s.Secret.Items {
					needed = append(needed, item.Key)
				}
			}
		}
	}
	slices.Sort(needed)
	slices.Sort(keys)
	if len(needed) == 0 || !slices.Equal(needed, keys) {
		t.Errorf("the secret has the keys %q, the chart needs %q", keys, needed)
	}
}
