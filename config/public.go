package config

import (
	"slices"

	yaml "go.yaml.in/yaml/v3"
)

// unnamed stands for a name, or a value of a filter, in what Public returns.
const unnamed = "<hidden>"

// Public returns the text of the configuration without what only those may see who
// can read the file: users, the accounts of the exporter itself, reasons of
// exceptions, and values of filters. It can't be read back.
func (c *Config) Public() (string, error) {
	n := new(yaml.Node)
	if err := n.Encode(c); err != nil {
		return "", err
	}
	withoutNames(n)
	text, err := yaml.Marshal(n)
	return string(text), err
}

// namesBelow reports whether a key of the configuration holds such names.
func namesBelow(key string) bool {
	return slices.Contains([]string{"filter", "exclude", "users", "service_accounts", "reason", "username", "id", "client_id", "client_certificate_key_id", "iss"}, key)
}

// freeKeys reports whether the keys below a key are not the configuration's own.
func freeKeys(key string) bool { return key == "networks" || key == "labels" }

func withoutNames(n *yaml.Node) {
	for i, below := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			withoutNames(below)
		case i%2 == 0 || freeKeys(n.Content[i-1].Value):
		case namesBelow(n.Content[i-1].Value):
			hide(below)
		default:
			withoutNames(below)
		}
	}
}

// hide replaces values, and lists whole: how many there are is nobody's business.
func hide(n *yaml.Node) {
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			hide(n.Content[i])
		}
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		n.Content = []*yaml.Node{text(unnamed)}
	case n.Kind == yaml.ScalarNode:
		*n = *text(unnamed)
	}
}
