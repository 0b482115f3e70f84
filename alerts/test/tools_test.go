package test

import (
	"context"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// patience is how long a program may take: only one that hangs takes longer,
// however busy the machine.
const patience = 20 * time.Minute

// tool runs a program; one that is missing fails the test.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func promtool() string {
	if p := os.Getenv("PROMTOOL"); p != "" {
		return p
	}
	return "promtool"
}

func amtool() string {
	if p := os.Getenv("AMTOOL"); p != "" {
		return p
	}
	return "amtool"
}

// promtool agrees with TestUnitTests. SOAK=anything also asks it of long histories,
// which it evaluates at each of some thousand times.
func TestPromtool(t *testing.T) {
	tool(t, promtool(), "check", "rules", "../rules.yml")
	tool(t, promtool(), "check", "config", "../prometheus.example.yml")
	files := map[string]bool{} // whether all histories are short
	for _, u := range loadTests(t) {
		short, other := files[u.file]
		files[u.file] = u.end(t) <= compacted && (short || !other)
	}
	for f, short := range files {
		if !short && os.Getenv("SOAK") == "" {
			continue
		}
		t.Run(f, func(t *testing.T) {
			t.Parallel()
			tool(t, promtool(), "test", "rules", "promtool/"+f)
		})
	}
}

const alertmanager = "../alertmanager.example.yml"

func TestAmtool(t *testing.T) {
	tool(t, amtool(), "check-config", alertmanager)
	for labels, receiver := range map[string]string{
		"alertname=IAMLoginAfterFailures category=security severity=critical": "iam-security-pager",
		"alertname=IAMSessionSurge category=security severity=warning":        "iam-security-mail",
		"alertname=IAMSourceDown category=operations severity=critical":       "iam-operations-pager",
		"alertname=IAMSourceStale category=operations severity=warning":       "iam-operations-mail",
		"alertname=IAMImpersonation category=security severity=info":          "iam-digest",
		"alertname=IAMLabelLimitReached category=operations severity=info":    "iam-digest",
		"alertname=SomethingElse severity=critical":                           "iam-operations-mail",
	} {
		args := append([]string{amtool(), "config", "routes", "test", "--config.file=" + alertmanager, "--verify.receivers=" + receiver}, strings.Fields(labels)...)
		if got := tool(t, args...); !strings.HasSuffix(got, receiver) {
			t.Errorf("%s goes to %s", labels, got)
		}
	}
	// Each alert has a receiver that its labels choose.
	for _, r := range load(t) {
		if r.Alert == "" {
			continue
		}
		want := "iam-" + r.Labels["category"] + "-" + map[string]string{"critical": "pager", "warning": "mail"}[r.Labels["severity"]]
		if r.Labels["severity"] == "info" {
			want = "iam-digest"
		}
		tool(t, amtool(), "config", "routes", "test", "--config.file="+alertmanager, "--verify.receivers="+want,
			"alertname="+r.Alert, "category="+r.Labels["category"], "severity="+r.Labels["severity"])
	}
	b, err := os.ReadFile(alertmanager)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody must mistake the example's receivers for real ones.
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "url:") && !strings.Contains(line, "http://PLACEHOLDER.invalid/") {
			t.Errorf("not clearly a placeholder: %s", line)
		}
	}
}

// The demo's Alertmanager inhibits what the example inhibits.
func TestComposeInhibitsAlike(t *testing.T) {
	inhibitions := func(path string) any {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := yaml.Unmarshal(b, &file); err != nil {
			t.Fatal(err)
		}
		return file["inhibit_rules"]
	}
	got, want := inhibitions("../../deploy/compose/alertmanager.yml"), inhibitions(alertmanager)
	if want == nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
