package config

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The example has each option with what it means, in the words of its entry.
func TestExampleHasOptions(t *testing.T) {
	example, err := os.ReadFile("iam_session_exporter.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range Known() {
		if a.Options == nil {
			continue
		}
		var want strings.Builder
		for _, k := range a.Options().Keys() {
			fmt.Fprintf(&want, "%-41s # %s\n", "    "+k.Key+": "+k.Example, k.Doc)
		}
		if !strings.Contains(string(example), want.String()) {
			t.Errorf("the example lacks the options of %s; want\n%s", a.Name, want.String())
		}
	}
}

// Two APIs may have an option of the same name.
func TestOptionsOfTheSameName(t *testing.T) {
	apis := Known()
	same := apis[1]
	same.Name = "oam2"
	apis = append(apis, same)
	text := func(api string) []byte {
		return []byte("sources: [{name: a, api: " + api + ", url: https://a, basic_auth: {username: u, password_file: p}, max_queries: 9, timeout: 9s}]")
	}
	c, err := apis.Parse(text("oam2"), "iam.yml", ".")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Sources[0].Options.(*OAMOptions).MaxQueries; got != 9 {
		t.Errorf("got %d queries, want 9", got)
	}
	schema, err := apis.Schema()
	if err != nil || !strings.Contains(string(schema), `"const": "oam2"`) {
		t.Errorf("got a schema without the API oam2: %v", err)
	}
	_, err = apis.Parse(text("oma2"), "iam.yml", ".")
	const want = `iam.yml:1: sources[0].api: "oma2" is not an API; use intersight, oam or oam2 (did you mean oam2?)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// The example has each key with what the tables say of it: beside the key, or in the
// paragraph above it.
func TestExampleHasDocs(t *testing.T) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	paragraphs := strings.ToLower(regexp.MustCompile(`\n *# `).ReplaceAllString(string(example), " "))
	data, err := Known().Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	// Some are explained where they are used first, or are not shown.
	elsewhere := map[string]bool{"bearer_token_file": true, "cert": true, "oauth2.tls_config": true, "oauth2.grant_type": true}
	tried := 0
	var walk func(n any, at string)
	walk = func(n any, at string) {
		switch n := n.(type) {
		case []any:
			for _, below := range n {
				walk(below, at)
			}
		case map[string]any:
			properties, _ := n["properties"].(map[string]any)
			for key, below := range properties {
				of, _ := below.(map[string]any)
				doc, ok := of["description"].(string)
				if !ok || at == "filter" || at == "exclude" || elsewhere[key] || elsewhere[at+"."+key] {
					continue
				}
				tried++
				beside := regexp.MustCompile(`\b` + key + `:.* # ` + regexp.QuoteMeta(doc))
				if !beside.Match(example) && !strings.Contains(paragraphs, strings.ToLower(doc)) {
					t.Errorf("%s.%s: the example lacks %q", at, key, doc)
				}
			}
			for key, below := range n {
				if key == "detections" { // docs/detections.md
					continue
				}
				if _, ok := n["type"]; ok || key == "properties" {
					walk(below, at)
				} else {
					walk(below, key)
				}
			}
		}
	}
	walk(schema, "")
	if tried < 80 {
		t.Errorf("got %d keys, want 80 or more", tried)
	}
}
