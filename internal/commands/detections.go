package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
)

// The formats in which commands print.
const (
	Text = "text"
	JSON = "json"
)

// Formats lists the formats.
func Formats() []string { return []string{Text, JSON} }

// explained is a detection as it is printed.
type explained struct {
	Detection      string     `json:"detection"`
	Alert          string     `json:"alert"`
	Summary        string     `json:"summary"`
	APIs           []string   `json:"apis"`
	Sees           string     `json:"sees"`
	Blind          string     `json:"cannot_see"`
	FalsePositives string     `json:"false_positives"`
	Technique      string     `json:"technique"`
	Control        string     `json:"control"`
	Sources        []settings `json:"sources"`
}

// settings are those of one source.
type settings struct {
	Source   string `json:"source"` // "": the defaults
	API      string `json:"api,omitempty"`
	On       bool   `json:"on"`
	Why      string `json:"why_off,omitempty"`
	Settings values `json:"settings"`
}

// values are settings as the configuration writes them.
type values string

// MarshalJSON writes settings as an object.
func (v values) MarshalJSON() ([]byte, error) {
	var all map[string]any
	if err := yaml.Unmarshal([]byte(v), &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// Detections explains each detection and how a configuration sets it for each
// source; nil: its defaults.
func Detections(out io.Writer, c *config.Config, format string) error {
	var all []explained
	for _, d := range detection.All() {
		all = append(all, explain(&d, c))
	}
	if format == JSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(all)
	}
	for i := range all {
		if err := all[i].print(out, i > 0); err != nil {
			return err
		}
	}
	return nil
}

func explain(d *detection.Detection, c *config.Config) explained {
	x := explained{
		Detection: d.Key, Alert: d.Alert, Summary: d.Summary, APIs: apis(d),
		Sees: d.Sees, Blind: d.Blind, FalsePositives: d.FalsePositives, Technique: d.Technique, Control: d.Control,
	}
	if c == nil {
		e := config.Explain(*d, detection.Override{})
		s := settings{On: e.On, Settings: values(e.YAML())}
		if !s.On {
			s.Why = whyOff(e)
		}
		x.Sources = []settings{s}
		return x
	}
	for _, source := range c.Sources {
		x.Sources = append(x.Sources, of(d, c, source))
	}
	return x
}

// of says how a detection is set for a source.
func of(d *detection.Detection, c *config.Config, source config.Source) settings {
	all := c.Detections(source)
	e := all[slices.IndexFunc(all, func(e config.Explained) bool { return e.Key == d.Key })]
	s := settings{Source: source.Name, API: string(source.API), On: e.On, Settings: values(e.YAML())}
	switch {
	case !e.Possible:
		s.Why = "the API lacks what it needs"
	case c.Detection(source, nil, "") == nil:
		s.Why = "alerting is off for this source"
	case !e.On:
		s.Why = whyOff(e)
	}
	return s
}

func whyOff(e config.Explained) string {
	if e.Settings["enabled"] == false {
		return "enabled is false"
	}
	return "nothing says what is looked for"
}

// apis names the APIs that have what a detection needs.
func apis(d *detection.Detection) []string {
	var all []string
	for _, a := range config.Known() {
		if a.Facts.Has(d.Needs) {
			all = append(all, string(a.Name))
		}
	}
	return all
}

func (x *explained) print(out io.Writer, blank bool) error {
	var b strings.Builder
	if blank {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s (%s)\n", x.Detection, x.Alert)
	for _, l := range [][2]string{
		{"summary", x.Summary}, {"from", strings.Join(x.APIs, ", ")}, {"sees", x.Sees}, {"can't see", x.Blind},
		{"false positives", x.FalsePositives}, {"technique", x.Technique}, {"control", x.Control},
	} {
		fmt.Fprintf(&b, "  %-16s %s\n", l[0]+":", l[1])
	}
	for _, s := range x.Sources {
		name, state := s.Source, "on"
		if name == "" {
			name = "defaults"
		}
		if !s.On {
			state = "off, as " + s.Why
		}
		fmt.Fprintf(&b, "  %-16s %s\n", name+":", state)
		fmt.Fprintf(&b, "  %-16s %s\n", "", s.Settings)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// sorted lists the keys of sums.
func sorted(sums map[string]int) []string { return slices.Sorted(maps.Keys(sums)) }
