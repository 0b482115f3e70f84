package test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	uids := map[string]bool{}
	each(t, func(t *testing.T, d *dashboard) {
		if uids[d.UID] || !regexp.MustCompile(`^iam-sessions-[a-z]{1,27}$`).MatchString(d.UID) {
			t.Errorf("uid %q", d.UID)
		}
		uids[d.UID] = true
		if d.ID != nil || d.Editable == nil || *d.Editable || d.SchemaVersion < 38 || d.SchemaVersion > 42 {
			t.Errorf("id %v, editable %v, schema version %d", d.ID, d.Editable, d.SchemaVersion)
		}
		if d.Title == "" || d.Description == "" || len(d.Tags) != 1 || d.GraphTooltip != 1 || d.Refresh != "1m" {
			t.Errorf("title %q, description %q, tags %v, tooltip %d, refresh %s", d.Title, d.Description, d.Tags, d.GraphTooltip, d.Refresh)
		}
		if !strings.HasPrefix(d.Time.From, "now-") || d.Time.To != "now" {
			t.Errorf("time %v", d.Time)
		}
	})
	want := []string{"iam-sessions-operations", "iam-sessions-overview", "iam-sessions-security"} // what others may link to
	if got := slices.Sorted(maps.Keys(uids)); !slices.Equal(got, want) {
		t.Errorf("uids %v", got)
	}
}

// Each links to the two others, with time and variables.
func TestLinks(t *testing.T) {
	all := load(t)
	for name, d := range all {
		to := map[string]bool{}
		for _, l := range d.Links {
			to[l.URL] = true
			if l.Type != "link" || l.Title == "" || !l.IncludeVars || !l.KeepTime {
				t.Errorf("%s: link %+v", name, l)
			}
		}
		for other, o := range all {
			if other != name && !to["/d/"+o.UID] {
				t.Errorf("%s has no link to %s", name, other)
			}
		}
		for _, p := range d.all() {
			for _, l := range p.Links {
				if !pointsToPanel(all, l.URL) || !strings.Contains(l.URL, "${__url_time_range}") || !strings.Contains(l.URL, "${__all_variables}") || l.Title == "" {
					t.Errorf("%s, %s: link %+v", name, p.Title, l)
				}
			}
		}
	}
}

var panelURL = regexp.MustCompile(`/d/([a-z-]+)\?viewPanel=(\d+)(?:&|$)`)

// pointsToPanel tells whether a URL is that of a panel that exists.
func pointsToPanel(all map[string]*dashboard, url string) bool {
	m := panelURL.FindStringSubmatch(url)
	if m == nil {
		return false
	}
	for _, d := range all {
		for _, p := range d.all() {
			if d.UID == m[1] && fmt.Sprint(p.ID) == m[2] && p.Type != "row" {
				return true
			}
		}
	}
	return false
}

func TestVariables(t *testing.T) {
	each(t, func(t *testing.T, d *dashboard) {
		seen := map[string]variable{}
		for _, v := range d.Templating.List {
			if _, twice := seen[v.Name]; twice || v.Label == "" || v.Description == "" || v.Current == nil {
				t.Errorf("variable %+v", v)
			}
			seen[v.Name] = v
		}
		if v := seen["datasource"]; v.Type != "datasource" || v.Query != "prometheus" || d.Templating.List[0].Name != "datasource" {
			t.Errorf("data source: %+v", v)
		}
		for name, all := range map[string]string{"source": ".+", "api": ".+", "cluster": ".*"} { // a label cluster may be absent
			v := seen[name]
			if v.Type != "query" || !v.Multi || !v.IncludeAll || v.AllValue != all || v.Refresh != 2 || v.Sort != 1 {
				t.Errorf("%s: %+v", name, v)
			}
			if v.Datasource == nil || *v.Datasource != (datasource{"prometheus", "${datasource}"}) {
				t.Errorf("%s: data source %v", name, v.Datasource)
			}
			query, _ := v.Query.(map[string]any)
			if query["query"] != v.Definition || !regexp.MustCompile(`^label_values\(.+, `+name+`\)$`).MatchString(v.Definition) {
				t.Errorf("%s: query %v, %s", name, v.Query, v.Definition)
			}
		}
		for name, v := range seen {
			if v.Type == "custom" {
				if len(v.Options) < 2 || !v.Options[0].Selected || v.Multi || v.IncludeAll {
					t.Errorf("%s: %+v", name, v)
				}
				for _, o := range v.Options {
					if !strings.Contains(v.Query.(string), o.Text+" : "+o.Value) {
						t.Errorf("%s: %s is not in %q", name, o.Text, v.Query)
					}
				}
			} else if v.Type == "constant" {
				if v.Hide != 2 || len(v.Options) != 1 || v.Options[0].Value != v.Query {
					t.Errorf("%s: %+v", name, v)
				}
			} else if !slices.Contains([]string{"datasource", "cluster", "source", "api"}, name) {
				t.Errorf("unexpected variable %s", name)
			}
		}
		for _, p := range d.all() {
			for _, g := range p.Targets {
				for _, m := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(g.Expr, -1) {
					if _, known := seen[m[1]]; !known && m[1] != "__rate_interval" && m[1] != "__range" {
						t.Errorf("%s: no variable %s", p.Title, m[1])
					}
				}
			}
		}
	})
}

func TestPanels(t *testing.T) {
	types := []string{"timeseries", "stat", "bargauge", "table", "text", "row"} // what is drawn in a test
	sentence := regexp.MustCompile(`^[A-Z][^.!?]*(?:[.!?][^ ][^.!?]*)*\.$`)     // a dot within is not followed by a space
	each(t, func(t *testing.T, d *dashboard) {
		ids, titles := map[int]bool{}, map[string]bool{}
		checkGrid(t, d.Panels)
		for _, p := range d.all() {
			if p.ID <= 0 || ids[p.ID] || p.Title == "" || titles[p.Type+p.Title] || !slices.Contains(types, p.Type) {
				t.Errorf("panel %d, %s %q: the id, type or title is taken or missing", p.ID, p.Type, p.Title)
			}
			ids[p.ID], titles[p.Type+p.Title] = true, true
			g := p.GridPos
			if p.Type == "row" {
				closed := slices.Contains([]string{"Alerts that the exporter sends itself", "The exporter", "Tables"}, p.Title) // they are opened when they are needed
				if p.Collapsed == nil || *p.Collapsed != closed || p.Panels == nil || closed != (len(*p.Panels) > 0) || g.W != 24 || g.H != 1 {
					t.Errorf("row %s: %+v", p.Title, p)
				}
				checkGrid(t, *p.Panels) // below it, where others are until it is opened
				continue
			}
			if !sentence.MatchString(p.Description) {
				t.Errorf("%s: not one sentence: %q", p.Title, p.Description)
			}
			if p.Type == "text" {
				if s, _ := p.Options["content"].(string); len(s) < 50 || len(p.Targets) != 0 {
					t.Errorf("%s: %q", p.Title, s)
				}
				continue
			}
			p.check(t)
		}
	})
}

// checkGrid finds panels that are outside of the grid, or overlap.
func checkGrid(t *testing.T, panels []panel) {
	t.Helper()
	taken := map[[2]int]string{}
	for _, p := range panels {
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
			t.Errorf("%s: outside of the grid: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s overlaps %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// check looks at a panel that shows data.
func (p *panel) check(t *testing.T) {
	t.Helper()
	chosen := datasource{"prometheus", "${datasource}"}
	if p.Datasource == nil || *p.Datasource != chosen || len(p.Targets) == 0 {
		t.Errorf("%s: data source %v, %d targets", p.Title, p.Datasource, len(p.Targets))
	}
	refs := map[string]bool{}
	for _, g := range p.Targets {
		if refs[g.RefID] || g.RefID == "" || g.Datasource != chosen || g.Range == g.Instant {
			t.Errorf("%s: target %+v", p.Title, g)
		}
		refs[g.RefID] = true
		if p.Type == "table" {
			if g.Format != "table" || !g.Instant {
				t.Errorf("%s: target %+v is not of this moment", p.Title, g)
			}
		} else if g.LegendFormat == "" || strings.Contains(g.LegendFormat, "auto") {
			t.Errorf("%s: no legend", p.Title)
		}
		if p.Type == "timeseries" && !g.Range || p.Type == "bargauge" && !g.Instant {
			t.Errorf("%s: range %v, instant %v", p.Title, g.Range, g.Instant)
		}
	}
	checkUnits(t, p)
	// A stat has less room.
	if none, _ := p.FieldConfig.Defaults["noValue"].(string); len(none) < 5 || p.Type != "stat" && !regexp.MustCompile(`^No (data: )?[a-zA-Z ]{8,}`).MatchString(none) {
		t.Errorf("%s: where there is nothing, it says %q", p.Title, none)
	}
	steps := p.FieldConfig.Defaults["thresholds"].(map[string]any)["steps"].([]any)
	last := 0.0
	for i, s := range steps {
		v, isNumber := s.(map[string]any)["value"].(float64)
		if isNumber == (i == 0) || i > 1 && v <= last {
			t.Errorf("%s: thresholds %v", p.Title, steps)
		}
		last = v
	}
}

// At most two rows of stats, then graphs, then tables, then text.
func TestOrder(t *testing.T) {
	rank := map[string]int{"stat": 0, "timeseries": 1, "bargauge": 1, "table": 2, "text": 3}
	each(t, func(t *testing.T, d *dashboard) {
		at, stats, count := 0, map[int]bool{}, map[string]int{}
		for _, p := range d.all() {
			count[p.Type]++
			if p.Type == "row" {
				continue
			}
			if rank[p.Type] < at {
				t.Errorf("%s, a %s, comes too late", p.Title, p.Type)
			}
			at = rank[p.Type]
			if p.Type == "stat" {
				stats[p.GridPos.Y] = true
			}
		}
		if len(stats) > 2 {
			t.Errorf("%d rows of stats", len(stats))
		}
		if count["stat"] == 0 || count["timeseries"] == 0 || count["table"] == 0 || count["text"] != 1 {
			t.Errorf("panels %v", count)
		}
	})
}

// Alerts, starts and reloads are marked in all graphs.
func TestAnnotations(t *testing.T) {
	each(t, func(t *testing.T, d *dashboard) {
		var names []string
		for _, a := range d.Annotations.List {
			names = append(names, a.Name)
			if !a.Enable || a.Hide || a.IconColor == "" || a.Step == "" || a.TitleFormat == "" || a.Datasource != (datasource{"prometheus", "${datasource}"}) {
				t.Errorf("%+v", a)
			}
			// The value of a time is in milliseconds.
			if a.UseValueForTime != strings.HasPrefix(a.Expr, "1000 * ") {
				t.Errorf("%s: %s", a.Name, a.Expr)
			}
		}
		if want := []string{"Alerts", "Exporter starts", "Configuration reloads"}; !slices.Equal(names, want) {
			t.Errorf("annotations %v", names)
		}
	})
}

// A source in a table chooses it, and an alert leads to its runbook.
func TestDataLinks(t *testing.T) {
	all := load(t)
	each(t, func(t *testing.T, d *dashboard) {
		for _, p := range d.all() {
			if p.Type != "table" {
				continue
			}
			names, urls := map[string]bool{}, map[string]string{}
			for _, x := range p.Transformations {
				renamed, _ := x.Options["renameByName"].(map[string]any)
				for _, name := range renamed {
					names[name.(string)] = true
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, x := range o.Properties {
					if x.ID == "links" {
						link := x.Value.([]any)[0].(map[string]any)
						urls[o.Matcher.Options] = link["url"].(string)
						if link["title"] == "" {
							t.Errorf("%s: a link without a title", p.Title)
						}
					}
				}
			}
			if names["Source"] != strings.HasSuffix(urls["Source"], "&var-source=${__value.raw}") {
				t.Errorf("%s: the link of a source: %q", p.Title, urls["Source"])
			}
			if uid := regexp.MustCompile(`^/d/([a-z-]+)\?`).FindStringSubmatch(urls["Source"]); names["Source"] && (uid == nil || all[strings.TrimPrefix(uid[1], "iam-sessions-")] == nil) {
				t.Errorf("%s: %q is no dashboard", p.Title, urls["Source"])
			}
			if names["Alert"] != (urls["Alert"] == "${runbooks}/${__value.raw}") {
				t.Errorf("%s: the link of an alert: %q", p.Title, urls["Alert"])
			}
		}
	})
}
