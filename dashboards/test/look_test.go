package test

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// Those of Grafana's units that are used. A test in preview/ looks each up in
// Grafana's own list.
var units = []string{"short", "s", "m", "h", "d", "percentunit", "none", "reqps", "bytes", "dateTimeFromNow"}

func checkUnits(t *testing.T, p *panel) {
	t.Helper()
	if u, _ := p.FieldConfig.Defaults["unit"].(string); !slices.Contains(units, u) {
		t.Errorf("%s: unit %q", p.Title, u)
	}
	for _, o := range p.FieldConfig.Overrides {
		for _, x := range o.Properties {
			if x.ID == "unit" && !slices.Contains(units, x.Value.(string)) {
				t.Errorf("%s: unit %v", p.Title, x.Value)
			}
		}
	}
}

// One value of a label has one colour, whatever the panel and the dashboard, and
// no status lacks one where statuses are drawn.
func TestColours(t *testing.T) {
	colours := map[string]any{}
	panels := 0
	each(t, func(t *testing.T, d *dashboard) {
		for _, p := range d.all() {
			has := map[string]bool{}
			for _, o := range p.FieldConfig.Overrides {
				for _, x := range o.Properties {
					c, _ := x.Value.(map[string]any)
					if x.ID != "color" || o.Matcher.ID != "byName" {
						continue
					}
					name := o.Matcher.Options
					has[name] = true
					if name == "this week" || name == "none" { // of different things
						continue
					}
					if before, ok := colours[name]; ok && before != c["fixedColor"] {
						t.Errorf("%s: %s is %v, and %v elsewhere", p.Title, name, c["fixedColor"], before)
					}
					colours[name] = c["fixedColor"]
				}
			}
			for _, g := range p.Targets {
				var need []string
				switch g.LegendFormat {
				case "{{status}}":
					need = []string{"active", "idle", "expired", "ended", "terminated", "unknown"}
				case "{{reason}}":
					if p.Title != "Sessions ended per hour by reason" {
						continue
					}
					need = []string{"ended", "terminated", "expired", "idle", "gone"}
				}
				for _, n := range need {
					panels++
					if !has[n] {
						t.Errorf("%s: %s has no colour", p.Title, n)
					}
				}
			}
		}
	})
	if panels < 11 {
		t.Errorf("only %d colours", panels)
	}
}

// A line is drawn where the description says that it is.
func TestLines(t *testing.T) {
	said := regexp.MustCompile(`the line is (\d+)( %)?`)
	lines := 0
	each(t, func(t *testing.T, d *dashboard) {
		for _, p := range d.all() {
			m := said.FindStringSubmatch(p.Description)
			if m == nil {
				continue
			}
			lines++
			want, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			if m[2] != "" {
				want /= 100
			}
			thresholds, _ := p.FieldConfig.Defaults["thresholds"].(map[string]any)
			steps, _ := thresholds["steps"].([]any)
			if !slices.ContainsFunc(steps, func(s any) bool { return s.(map[string]any)["value"] == want }) {
				t.Errorf("%s: %q, but %v", p.Title, m[0], steps)
			}
		}
	})
	if lines < 5 {
		t.Errorf("only %d lines", lines)
	}
}

// Each column of a table is at least as wide as its heading, some 7 pixels a letter:
// on a phone, others would be squeezed until it is cut.
func TestHeadings(t *testing.T) {
	headings := 0
	each(t, func(t *testing.T, d *dashboard) {
		for _, p := range d.all() {
			if p.Type != "table" {
				continue
			}
			organize := p.Transformations[len(p.Transformations)-1].Options
			for _, h := range organize["renameByName"].(map[string]any) {
				heading := h.(string)
				headings++
				got, _ := p.FieldConfig.Defaults["custom"].(map[string]any)["minWidth"].(float64)
				for _, o := range p.FieldConfig.Overrides {
					for _, x := range o.Properties {
						if o.Matcher.Options == heading && (x.ID == "custom.minWidth" || x.ID == "custom.width") {
							got = x.Value.(float64)
						}
					}
				}
				if want := float64(7*len(heading) + 20); got < want {
					t.Errorf("%s: column %q is %v pixels wide, want %v", p.Title, heading, got, want)
				}
			}
		}
	})
	if headings < 40 {
		t.Errorf("got %d headings, want at least 40", headings)
	}
}
