// Command rules writes the alert rules for Prometheus and for the Prometheus
// Operator, with the runbooks at a given address. It is behind `make rules`.
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

// shippedBase is where the rules as shipped say that the runbooks are.
const shippedBase = "http://localhost:10987/runbooks"

const operatorHead = `# Made from rules.yml by ` + "`make rules`" + `: change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: iam-session-exporter
  namespace: monitoring
  labels: {app.kubernetes.io/name: iam-session-exporter}
spec:
`

// withBase returns the rules with another address of the runbooks.
func withBase(base string) (string, error) {
	base = strings.TrimRight(base, "/")
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(base, " '\"{}#?") {
		return "", fmt.Errorf("%q is not an address such as https://exporter.example.com/runbooks", base)
	}
	return strings.ReplaceAll(string(alerts.Rules), shippedBase+"/", base+"/"), nil
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
	out := flag.String("out", "", "directory to write rules.yml and prometheusrule.yaml to; empty: only alerts/prometheusrule.yaml, as shipped")
	flag.Parse()
	rules, err := withBase(*base)
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
