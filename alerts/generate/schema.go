package main

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// schema returns the JSON schema of a file of values: each key is optional, has the
// kind of its default, and its comment as the description.
func schema(defaults []byte) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(defaults, &doc); err != nil {
		return "", err
	}
	s, err := schemaOf(doc.Content[0], "")
	if err != nil {
		return "", err
	}
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "Values of the alert rules of iam_session_exporter"
	b, err := json.MarshalIndent(s, "", "  ")
	return string(b) + "\n", err
}

// schemaOf returns the schema of a value; part is the key at the top that it is below.
func schemaOf(n *yaml.Node, part string) (map[string]any, error) {
	if n.Kind == yaml.MappingNode {
		properties := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			below := part
			if part == "" {
				below = key.Value
			}
			s, err := schemaOf(value, below)
			if err != nil {
				return nil, err
			}
			if text := words(key.HeadComment, value.LineComment, key.LineComment); text != "" {
				s["description"] = text
			}
			properties[key.Value] = s
		}
		return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	s := map[string]any{"type": kind(v), "default": v}
	switch part {
	case "job":
		s["pattern"] = jobPattern
	case "links":
		s["pattern"] = urlPattern
	case "severities":
		s["enum"] = severities
	case "thresholds":
		s["minimum"] = 0
	case "for":
		s["pattern"] = durationPattern
	}
	return s, nil
}

// words joins comments without their marks. Of several paragraphs above a key, the
// last is its own.
func words(comments ...string) string {
	var all []string
	for _, c := range comments {
		paragraphs := strings.Split(c, "\n\n")
		for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
			if line = strings.TrimSpace(strings.TrimLeft(line, "# ")); line != "" {
				all = append(all, line)
			}
		}
	}
	return strings.Join(all, " ")
}
