package test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The classic schema, as far as the dashboards may use it: a field that is not
// here is an error.
type dashboard struct {
	ID            *int      `json:"id"`
	UID           string    `json:"uid"`
	Title         string    `json:"title"`
	Description   string    `json:"description"`
	Tags          []string  `json:"tags"`
	SchemaVersion int       `json:"schemaVersion"`
	Editable      *bool     `json:"editable"`
	GraphTooltip  int       `json:"graphTooltip"`
	Timezone      string    `json:"timezone"`
	Refresh       string    `json:"refresh"`
	Time          timeRange `json:"time"`
	Timepicker    any       `json:"timepicker"`
	Annotations   struct {
		List []annotation
	} `json:"annotations"`
	Links      []link     `json:"links"`
	Templating templating `json:"templating"`
	Panels     []panel    `json:"panels"`
}

type timeRange struct{ From, To string }

type link struct {
	Title, Type, Icon, Tooltip, URL string
	Tags                            []string
	AsDropdown, TargetBlank         bool
	IncludeVars, KeepTime           bool
}

type annotation struct {
	Name, IconColor, Expr, Step, TitleFormat, TextFormat, TagKeys string
	Datasource                                                    datasource
	Enable, Hide, UseValueForTime                                 bool
}

type templating struct{ List []variable }

type variable struct {
	Name, Label, Description, Type string
	Datasource                     *datasource
	Definition, Regex, AllValue    string
	Query                          any
	Refresh, Sort, Hide            int
	Multi, IncludeAll              bool
	Current                        any
	Options                        []struct {
		Selected    bool
		Text, Value string
	}
}

type datasource struct{ Type, UID string }

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Collapsed                *bool
	Panels                   *[]panel
	Datasource               *datasource
	Targets                  []target
	FieldConfig              struct {
		Defaults  map[string]any
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value any
			}
		}
	}
	Options         map[string]any
	Transformations []struct {
		ID      string
		Options map[string]any
	}
	Links []struct {
		Title, URL  string
		TargetBlank bool
	}
}

type target struct {
	RefID                                            string
	Datasource                                       datasource
	Expr, EditorMode, LegendFormat, Format, Interval string
	Range, Instant                                   bool
}

// all are the panels, also those of rows that are collapsed.
func (d *dashboard) all() (panels []panel) {
	for _, p := range d.Panels {
		panels = append(panels, p)
		if p.Panels != nil {
			panels = append(panels, *p.Panels...)
		}
	}
	return panels
}

// each runs a test for each dashboard.
func each(t *testing.T, f func(*testing.T, *dashboard)) {
	t.Helper()
	for name, d := range load(t) {
		t.Run(name, func(t *testing.T) { f(t, d) })
	}
}

func load(t *testing.T) map[string]*dashboard {
	t.Helper()
	files, err := filepath.Glob("../*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	all := map[string]*dashboard{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := &dashboard{}
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = d
	}
	return all
}
