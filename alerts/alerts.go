// Package alerts holds the Prometheus rules and the runbooks that ship with the
// exporter.
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
