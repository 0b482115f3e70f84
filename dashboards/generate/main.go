// Command generate writes the Grafana dashboards that ship with the exporter
// (`make dashboards`), so that what three files have in common is written once.
// Package history makes a past for a real Prometheus; command screenshots draws
// the dashboards over it with the program in dashboards/preview.
//
// The format: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// all are the dashboards, by file.
func all() map[string]*dashboard {
	return map[string]*dashboard{
		"overview.json":   overview(),
		"security.json":   security(),
		"operations.json": operations(),
	}
}

// files are all files below dashboards/: each dashboard for provisioning, and for
// Grafana's gallery.
func files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, d := range all() {
		for file, content := range map[string]any{name: d, filepath.Join("gallery", name): shared(d)} {
			text, err := encode(content)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			files[file] = text
		}
	}
	return files, nil
}

// encode is what is in a file. HTML is not escaped, for people read it.
func encode(content any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(content)
	return b.Bytes(), err
}

func run() error {
	all, err := files()
	if err != nil {
		return err
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join("dashboards", name), text, 0o644); err != nil {
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
