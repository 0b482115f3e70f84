package config

import (
	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// Explained is a detection as it is set for a source.
type Explained struct {
	detection.Detection
	Possible bool // the source's API reports what it needs
	On       bool // it looks for something

	// All settings; Privileged are those that differ for privileged users.
	Settings   detection.Values
	Privileged detection.Values
}

// Detections returns each detection with the settings of a source. Without a block
// alerting, or if the source is not held against detections, all are off.
func (c *Config) Detections(s Source) []Explained {
	var given map[string]detection.Override
	set := c.Detection(s, nil, "")
	if set != nil {
		given = set.Detections
	}
	facts := factsOf(s.API)
	var all []Explained
	for _, d := range detection.All() {
		e := Explain(d, given[d.Key])
		e.Possible = facts.Has(d.Needs)
		e.On = e.On && e.Possible && set != nil
		all = append(all, e)
	}
	return all
}

// factsOf returns what sessions of an API have.
func factsOf(api session.API) session.Facts {
	for _, a := range Known() {
		if a.Name == api {
			return a.Facts
		}
	}
	return 0
}

// Explain returns a detection with its defaults and what is given.
func Explain(d detection.Detection, given detection.Override) Explained {
	full, t := d.Full(given), d.Tune(given)
	return Explained{Detection: d, Possible: true, On: t.On(&d), Settings: full.General, Privileged: full.Privileged}
}

// YAML returns the settings as they may be written, in one line.
func (e Explained) YAML() string { return oneLine(e.node()) }

func (e Explained) node() *yaml.Node {
	n := settingsNode(&e.Detection, e.Settings)
	if len(e.Privileged) > 0 {
		n.Content = append(n.Content, text("privileged"), settingsNode(&e.Detection, e.Privileged))
	}
	return n
}

// oneLine writes a value in one line.
func oneLine(n *yaml.Node) string {
	data, err := yaml.Marshal(n)
	if err != nil {
		return err.Error()
	}
	return string(data[:len(data)-1])
}
