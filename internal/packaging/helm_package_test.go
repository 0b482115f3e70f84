package packaging

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The packaged chart is the chart, the same bytes each time, with the version that
// was asked for.
func TestChartPackage(t *testing.T) {
	script, first, second := root+"/scripts/chart", t.TempDir(), t.TempDir()
	file := must(t, script, "", first)
	if again := must(t, script, "", second); read(t, file) != read(t, again) {
		t.Errorf("%s and %s differ", file, again)
	}
	values := read(t, examples, "both.yaml")
	want, _, err := installed.template(values)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := release{file, installed.name, installed.namespace}.template(values)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the packaged chart has other objects: %q, not %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}

	file = must(t, script, "v9.8.7-rc.1", first)
	if name := filepath.Base(file); name != "iam-session-exporter-9.8.7-rc.1.tgz" {
		t.Errorf("the file is %s", name)
	}
	if got, _, err = (release{file, installed.name, installed.namespace}).template(values); err != nil {
		t.Fatal(err)
	}
	m := parse(t, got)
	if image, labels := m.stateful.Spec.Template.Spec.Containers[0].Image, m.stateful.Labels; image != programName+":v9.8.7-rc.1" ||
		labels["app.kubernetes.io/version"] != "v9.8.7-rc.1" || labels["helm.sh/chart"] != "iam-session-exporter-9.8.7-rc.1" {
		t.Errorf("the image is %s, the labels %v", image, labels)
	}
	if r := run(t, script, "1.0", first); r.code == 0 || !strings.Contains(r.all, "the version has to be one such as v0.1.0, not 1.0") {
		t.Errorf("exit code %d: %s", r.code, r.all)
	}
}
