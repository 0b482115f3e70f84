// Command rules writes the alert rules for Prometheus and for the Prometheus
// Operator, with the runbooks and Grafana at given addresses. It is behind `make
// rules`.
package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"iam_session_exporter/alerts"
)

// Where the rules as shipped say that the runbooks and Grafana are.
const (
	shippedBase    = "http://localhost:10987/runbooks"
	shippedGrafana = "http://localhost:3000"
)

const operatorHead = `# Made from rules.yml by ` + "`make rules`" + `: change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: iam-session-exporter
  namespace: monitoring
  labels: {app.kubernetes.io/name: iam-session-exporter}
spec:
`

// withBases returns the rules with other addresses of the runbooks and of
// Grafana.
func withBases(runbooks, grafana string) (string, error) {
	runbooks, grafana = strings.TrimRight(runbooks, "/"), strings.TrimRight(grafana, "/")
	for _, base := range []string{runbooks, grafana} {
		u, err := url.Parse(base)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(base, " '\"{}#?") {
			return "", fmt.Errorf("%q is not an address such as https://exporter.example.com/runbooks", base)
		}
	}
	return strings.NewReplacer(shippedBase+"/", runbooks+"/", shippedGrafana+"/d/", grafana+"/d/").Replace(string(alerts.Rules)), nil
}

// operator returns rules as an object of the Prometheus Operator.
func operator(rules string) string {
	var b strings.Builder
	b.WriteString(operatorHead)
	for line := range strings.Lines(rules) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

func run() error {
	base := flag.String("base", shippedBase, "address of the runbooks")
	grafana := flag.String("grafana", shippedGrafana, "address of Grafana")
	out := flag.String("out", "", "directory to write rules.yml and prometheusrule.yaml to; empty: only alerts/prometheusrule.yaml, as shipped")
	flag.Parse()
	rules, err := withBases(*base, *grafana)
	if err != nil {
		return err
	}
	if *out == "" {
		return os.WriteFile("alerts/prometheusrule.yaml", []byte(operator(rules)), 0o644)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"rules.yml": rules, "prometheusrule.yaml": operator(rules)} {
		if err := os.WriteFile(filepath.Join(*out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
