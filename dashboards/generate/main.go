// Command dashboards writes the Grafana dashboards that ship with the exporter.
// It is behind `make dashboards`: what three files must agree on is said once.
// Below it, history makes a past for a real Prometheus, and screenshots draws the
// dashboards over it with the program in dashboards/preview.
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

// encode is what is in a file. HTML is not escaped, for people read it.
func (d *dashboard) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("%s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}

func run() error {
	for name, d := range all() {
		text, err := d.encode()
		if err != nil {
			return err
		}
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
