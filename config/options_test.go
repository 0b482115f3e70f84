package config

import (
	"fmt"
	"os"
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
	_, err = apis.Parse(text("oma2"), "iam.yml", ".")
	const want = `iam.yml:1: sources[0].api: "oma2" is not an API; use intersight, oam or oam2 (did you mean oam2?)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
