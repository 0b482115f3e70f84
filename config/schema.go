package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/common/model"
)

// Schema returns the JSON schema (draft 7) of a configuration with these APIs:
// what editors complete and check. It accepts each valid configuration. Of the
// others it refuses those whose mistake lies in a value, a key, or in keys that
// stand beside each other.
func (as APIs) Schema() ([]byte, error) {
	var c Config
	withoutAlerting := schema{"if": not(need("alerting")), "then": schema{"properties": schema{"sources": schema{"items": refuse("alerting")}}}}
	root := mapping(c.keys(as), withoutAlerting)
	data, err := json.Marshal(root)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	defs := define(tree)
	tree["definitions"] = defs
	tree["$schema"], tree["$id"] = "http://json-schema.org/draft-07/schema#", "urn:iam-session-exporter:config"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(tree)
	return b.Bytes(), err
}

// define moves each mapping that stands under a key more than once into the
// definitions that it returns, and refers to it.
func define(tree map[string]any) map[string]any {
	times := map[string]int{}
	eachProperty(tree, func(properties map[string]any, key string) bool {
		t := identity(key, properties[key])
		times[t]++
		return times[t] == 1
	})
	defs, names := map[string]any{}, map[string]string{}
	eachProperty(tree, func(properties map[string]any, key string) bool {
		s, _ := properties[key].(map[string]any)
		t := identity(key, s)
		if _, closed := s["additionalProperties"]; !closed || times[t] < 2 {
			return true
		}
		name, known := names[t]
		if !known {
			name = key
			for i := 2; defs[name] != nil; i++ {
				name = fmt.Sprintf("%s_%d", key, i)
			}
			names[t], defs[name] = name, s
		}
		properties[key] = map[string]any{"$ref": "#/definitions/" + name}
		return !known
	})
	return defs
}

// identity is the same for properties that are alike.
func identity(key string, s any) string {
	data, _ := json.Marshal(s) // it was made from JSON
	return key + string(data)
}

// eachProperty calls a function for each property of a schema, and for those below
// it where the function wants that.
func eachProperty(s any, f func(properties map[string]any, key string) bool) {
	switch s := s.(type) {
	case []any:
		for _, below := range s {
			eachProperty(below, f)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(s)) {
			if key != "properties" {
				eachProperty(s[key], f)
			}
		}
		properties, _ := s["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			below := properties[key]
			if f(properties, key) {
				eachProperty(below, f)
			}
		}
	}
}

// sourcesSchema is that of the list of sources. Which keys a source may have
// depends on its API; one without a known API may have those of all.
func (as APIs) sourcesSchema() schema {
	var s Source
	var all []Option
	for _, a := range as {
		all = append(all, a.keys()...)
	}
	common := append(s.keys(as, new(API)), httpKeys(&s.HTTP, new(API), "")...)
	source := mapping(common, append(proxyRules(), apart(append(waysOfHTTP(), "api_key")...))...)
	delete(source, "additionalProperties")
	properties := source["properties"].(schema)
	apiKey := schema{"api_key": properties["api_key"]}
	delete(properties, "api_key")

	choice := ownOf(properties, apiKey, mapping(all)["properties"].(schema))
	for i, k := range all {
		if slices.ContainsFunc(all[:i], func(earlier Option) bool { return earlier.Key == k.Key }) {
			choice["properties"].(schema)[k.Key] = true // each API has its own values
		}
	}
	for _, a := range slices.Backward(as) {
		own := ownOf(properties, mapping(a.keys())["properties"].(schema), schema{"min_interval": schema{"default": model.Duration(a.MinInterval)}})
		if a.APIKey {
			own = ownOf(properties, own["properties"].(schema), apiKey)
		}
		own["allOf"] = oauth2Rules(&a)
		choice = schema{"if": has("api", schema{"const": a.Name}), "then": own, "else": choice}
	}
	return fullList(source.with(choice))
}

// ownOf is a mapping that has properties of its own beside those that others describe.
func ownOf(others schema, own ...schema) schema {
	properties := schema{}
	for key := range others {
		properties[key] = true
	}
	for _, o := range own {
		maps.Copy(properties, o)
	}
	return schema{"properties": properties, "additionalProperties": false}
}
