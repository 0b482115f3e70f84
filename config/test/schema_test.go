package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	yaml "go.yaml.in/yaml/v3"

	"iam_session_exporter/config"
)

const schemaFile = "../iam_session_exporter.schema.json"

// schemaOf compiles the schema in the repository, which config's own tests compare
// with the code.
func schemaOf(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(readFile(t, schemaFile)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// parse returns where the parser finds mistakes, by path, with what it says.
func parse(data []byte) (map[string]string, *config.Config) {
	c, err := config.Parse(data, "iam.yml", "/etc/iam")
	found := map[string]string{}
	if es, ok := errors.AsType[config.Errors](err); ok {
		for _, e := range es {
			found[e.Key] = e.Error()
		}
	}
	return found, c
}

// toJSON is a YAML text as editors give it to a schema: dates are texts. It fails
// if the text is not YAML, or JSON can't hold it.
func toJSON(data []byte) (any, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	textDates(&root)
	var v any
	if err := root.Decode(&v); err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

func textDates(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		textDates(c)
	}
}

// refusals returns where the schema refuses a value, by path as the parser writes
// it, with what it says.
func refusals(s *jsonschema.Schema, v any) map[string]string {
	found := map[string]string{}
	if err, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(v)); ok {
		collect(err, v, found)
	}
	return found
}

func collect(err *jsonschema.ValidationError, root any, found map[string]string) {
	at := func(more ...string) {
		p := path(root, append(slices.Clone(err.InstanceLocation), more...))
		found[p] = fmt.Sprintf("%T", err.ErrorKind)
	}
	switch k := err.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, p := range k.Properties {
			at(p)
		}
	case *kind.Required:
		for _, p := range k.Missing {
			at(p)
		}
	case *kind.Dependency:
		for _, p := range k.Missing {
			at(p)
		}
	case *kind.UniqueItems:
		at(strconv.Itoa(k.Duplicates[1]))
	default:
		if _, ok := k.(*kind.AnyOf); ok || len(err.Causes) == 0 {
			at()
		}
		for _, c := range err.Causes {
			collect(c, root, found)
		}
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// path is a location as the parser writes it.
func path(v any, location []string) string {
	p := ""
	for i, key := range location {
		list, isList := v.([]any)
		if n, err := strconv.Atoi(key); isList && err == nil && n < len(list) {
			v = list[n]
			p += "[" + key + "]"
			continue
		}
		m, _ := v.(map[string]any)
		v = m[key]
		switch {
		case plainKey.MatchString(key):
		case i == 1 && location[0] == "networks":
			if r := []rune(key); len(r) > 60 {
				key = string(r[:60]) + "..."
			}
			key = strconv.Quote(key)
		case key == "":
			key = "(an empty key)"
		case len(key) > 40:
			key = "(a long key)"
		default:
			key = "(an odd key)"
		}
		if p != "" {
			p += "."
		}
		p += key
	}
	return p
}

// parent is the path of what holds a value.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
