package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type gallery struct {
	Inputs []struct {
		Name, Label, Description, Type, PluginID, PluginName, Value string
	} `json:"__inputs"`
	Elements map[string]any                             `json:"__elements"`
	Requires []struct{ Type, ID, Name, Version string } `json:"__requires"`
}

// imported is what Grafana makes of a file of the gallery for which somebody has
// answered each input: the dashboard without what is about the import.
func imported(t *testing.T, text []byte, answers map[string]string) (dashboard map[string]any) {
	t.Helper()
	var replace func(v any) any
	replace = func(v any) any {
		switch v := v.(type) {
		case string:
			for name, answer := range answers {
				v = strings.ReplaceAll(v, "${"+name+"}", answer)
			}
			return v
		case []any:
			for i := range v {
				v[i] = replace(v[i])
			}
		case map[string]any:
			for key := range v {
				v[key] = replace(v[key])
			}
		}
		return v
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"__inputs", "__elements", "__requires"} {
		if _, ok := dashboard[key]; !ok {
			t.Errorf("no %s", key)
		}
		delete(dashboard, key)
	}
	return replace(dashboard).(map[string]any)
}

// What is imported from the gallery is what provisioning loads, with the answers of
// the person who imports as the choices.
func TestGallery(t *testing.T) {
	files, err := filepath.Glob("../gallery/*.json")
	if err != nil || len(files) != len(load(t)) {
		t.Fatalf("%d files, want %d: %v", len(files), len(load(t)), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := os.ReadFile(filepath.Join("..", filepath.Base(file)))
			if err != nil {
				t.Fatal(err)
			}
			var g gallery
			if err := json.Unmarshal(text, &g); err != nil {
				t.Fatal(err)
			}
			answers := map[string]string{}
			for _, in := range g.Inputs {
				if in.Name == "" || in.Label == "" || in.Description == "" || !strings.Contains(string(text), `"${`+in.Name+`}"`) {
					t.Errorf("input %+v has no text, or nothing uses it", in)
				}
				switch in.Type {
				case "datasource":
					answers[in.Name] = "chosen"
					if in.PluginID != "prometheus" || in.PluginName == "" {
						t.Errorf("input %+v, want one of Prometheus", in)
					}
				case "constant":
					answers[in.Name] = in.Value
				default:
					t.Errorf("input %+v has an unknown type", in)
				}
			}
			var want map[string]any
			if err := json.Unmarshal(plain, &want); err != nil {
				t.Fatal(err)
			}
			chosen := func(value any) map[string]any {
				return map[string]any{"selected": false, "text": value, "value": value}
			}
			for _, v := range want["templating"].(map[string]any)["list"].([]any) {
				switch v := v.(map[string]any); v["type"] {
				case "datasource":
					v["current"] = chosen("chosen")
				case "constant":
					v["current"], v["options"] = chosen(v["query"]), []any{chosen(v["query"])}
				}
			}
			if got := imported(t, text, answers); !reflect.DeepEqual(got, want) {
				g, _ := json.Marshal(got)
				w, _ := json.Marshal(want)
				t.Errorf("imported\n%s\nwant\n%s", g, w)
			}
			var d dashboard
			if err := json.Unmarshal(plain, &d); err != nil {
				t.Fatal(err)
			}
			var needs, says []string
			for _, p := range d.all() {
				if p.Type != "row" {
					needs = append(needs, "panel "+p.Type)
				}
			}
			needs = append(needs, "grafana grafana", "datasource prometheus")
			for _, r := range g.Requires {
				says = append(says, r.Type+" "+r.ID)
				if r.Name == "" || r.Version == "" && r.Type != "panel" {
					t.Errorf("required %+v", r)
				}
			}
			slices.Sort(needs)
			slices.Sort(says)
			if needs = slices.Compact(needs); !slices.Equal(says, needs) {
				t.Errorf("requires %q, want %q", says, needs)
			}
		})
	}
}
