// Package alerts holds the Prometheus rules and the runbooks that ship with the
// exporter. To change a rule, edit rules.tmpl.yml and run `make rules`. Around it:
//
//	values.yml    thresholds, severities and links
//	runbooks      a page for each alert
//	generate      what makes rules.yml and prometheusrule.yaml
//	test          rules on timelines, test/promtool their unit tests; a module
//	live          rules on a real Prometheus and Alertmanager
//	prometheus3   versions of the newer ones; a module
package alerts

import "embed"

// Runbooks has a page of Markdown for each alert: runbooks/ALERT.md.
//
//go:embed runbooks/IAM*.md
var Runbooks embed.FS

// Rules is the file of Prometheus rules; everything else that has rules is made
// from it.
//
//go:embed rules.yml
var Rules []byte
