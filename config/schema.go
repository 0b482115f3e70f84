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
	tree["$schema"], tree["$id"] = "http://json-schema.org/draft-07/schema#", "urn:iam_session_exporter:config"
	tree["title"] = "Configuration of iam_session_exporter"
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

func identity(key string, s any) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // it was made from JSON
	}
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

// sourcesSchema is that of the list of sources. A source has the keys of all APIs,
// of which those that its own lacks are refused.
func (as APIs) sourcesSchema() schema {
	var s Source
	keys := append(s.keys(new(API)), httpKeys(&s.HTTP, new(API), "")...)
	uses := map[string]int{}
	for _, a := range as {
		for _, k := range a.keys() {
			if uses[k.Key]++; uses[k.Key] == 1 {
				keys = append(keys, k)
			}
		}
	}
	for i, k := range keys {
		if uses[k.Key] > 1 { // each API has its own values
			keys[i].values, keys[i].show = func() schema { return schema{} }, nil
		}
	}
	rules := append(proxyRules(), apart(append(waysOfHTTP(), "api_key")...))
	for _, a := range as {
		rules = append(rules, when(has("api", schema{"const": a.Name}), as.sourceOf(&a, uses)))
	}
	return fullList(mapping(keys, rules...))
}

// sourceOf is what holds of the sources of an API only, given how many APIs have
// each option.
func (as APIs) sourceOf(api *API, uses map[string]int) schema {
	var refused []string
	if !api.APIKey {
		refused = append(refused, "api_key")
	}
	for _, other := range as {
		for _, k := range other.foreignTo(api) {
			refused = append(refused, k.Key)
		}
	}
	properties := refuse(refused...)["properties"].(schema)
	for _, k := range api.keys() {
		if uses[k.Key] > 1 {
			maps.Copy(properties, mapping([]Option{k})["properties"].(schema))
		}
	}
	properties["min_interval"] = schema{"default": model.Duration(api.MinInterval)}
	return schema{"properties": properties, "allOf": oauth2Rules(api)}
}
