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
	"iam_session_exporter/internal/session"
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
	Source     string `json:"source"` // "": the defaults
	API        string `json:"api,omitempty"`
	On         bool   `json:"on"`
	Why        string `json:"why_off,omitempty"`
	General    values `json:"settings"`
	Privileged values `json:"privileged,omitempty"` // what differs for privileged users
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
		x.Sources = []settings{set(d, nil, "", "")}
		return x
	}
	for _, s := range c.Sources {
		x.Sources = append(x.Sources, set(d, c.Detection(s, nil, ""), s.Name, s.API))
	}
	return x
}

// set says how a detection is set by the settings of a source; nil: it is not judged.
func set(d *detection.Detection, of *detection.Settings, source string, api session.API) settings {
	given := detection.Override{}
	if of != nil {
		given = of.Detections[d.Key]
	}
	t := d.Tune(given)
	s := settings{Source: source, API: string(api), On: t.On(d)}
	general, privileged := d.Values(&t.General), d.Values(&t.Privileged)
	s.General = values(config.DetectionText(d, general))
	for key, v := range privileged {
		if one := (detection.Values{key: v}); config.DetectionText(d, one) == config.DetectionText(d, detection.Values{key: general[key]}) {
			delete(privileged, key)
		}
	}
	if len(privileged) > 0 {
		s.Privileged = values(config.DetectionText(d, privileged))
	}
	switch {
	case source != "" && !slices.Contains(apis(d), string(api)):
		s.On, s.Why = false, "the API lacks what it needs"
	case source != "" && of == nil:
		s.On, s.Why = false, "alerting is off for this source"
	case !s.On && !t.General.Enabled:
		s.Why = "enabled is false"
	case !s.On:
		s.Why = "nothing says what is looked for"
	}
	return s
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
		fmt.Fprintf(&b, "  %-16s %s\n", "", s.General)
		if s.Privileged != "" {
			fmt.Fprintf(&b, "  %-16s privileged: %s\n", "", s.Privileged)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// sorted lists the keys of sums.
func sorted(sums map[string]int) []string { return slices.Sorted(maps.Keys(sums)) }
