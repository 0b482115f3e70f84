package main

// What the three dashboards have in common.

const (
	tag       = "iam-session-exporter"
	uidPrefix = "iam-sessions-"
)

// titles are the dashboards by the end of their uid, in the order of the links.
var titles = [][2]string{
	{"overview", "IAM sessions / Overview"},
	{"security", "IAM sessions / Security"},
	{"operations", "IAM sessions / Operations"},
}

func newDashboard(name, description, from string) *dashboard {
	d := &dashboard{
		UID: uidPrefix + name, Description: description, Tags: []string{tag},
		SchemaVersion: 39, GraphTooltip: 1, Timezone: "browser", Refresh: "1m",
		Time:        timeRange{From: from, To: "now"},
		Timepicker:  object{"refresh_intervals": []string{"30s", "1m", "5m", "15m"}},
		Annotations: object{"list": []object{}},
		Templating:  templating{List: variables()},
	}
	for _, t := range titles {
		if t[0] == name {
			d.Title = t[1]
			continue
		}
		d.Links = append(d.Links, link{
			Title: t[1], Type: "link", Tags: []string{}, Icon: "dashboard", URL: "/d/" + uidPrefix + t[0],
			Tooltip: "With the same time and the same sources", IncludeVars: true, KeepTime: true,
		})
	}
	return d
}

func variables() []variable {
	everything := object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	labels := func(name, label, description, query string) variable {
		return variable{
			Name: name, Label: label, Description: description, Type: "query", Datasource: prometheus(),
			Definition: query, Query: object{"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
			Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".+", Current: everything, Options: []object{},
		}
	}
	return []variable{
		{
			Name: "datasource", Label: "Data source", Description: "The Prometheus that scrapes the exporter.", Type: "datasource",
			Query: "prometheus", Refresh: 1, Current: object{}, Options: []object{},
		},
		labels("api", "API", "Cisco Intersight, Oracle Access Manager, or both.", "label_values(iam_source_up, api)"),
		labels("source", "Source", "Sources by their names in the exporter's configuration.", `label_values(iam_source_up{api=~"$api"}, source)`),
	}
}

// choice is a variable with the values of a list; the first of them is chosen.
func choice(name, label, description string, textAndValue ...[2]string) variable {
	v := variable{Name: name, Label: label, Description: description, Type: "custom"}
	query := ""
	for i, tv := range textAndValue {
		if i > 0 {
			query += ", "
		}
		query += tv[0] + " : " + tv[1]
		v.Options = append(v.Options, object{"selected": i == 0, "text": tv[0], "value": tv[1]})
	}
	v.Query, v.Current = query, v.Options[0]
	return v
}

// layout puts panels on the grid, from left to right, and below each other.
type layout struct {
	d       *dashboard
	x, y, h int
	rows    int
}

const columns = 24

func (l *layout) newline() {
	l.x, l.y, l.h = 0, l.y+l.h, 0
}

// row is a heading.
func (l *layout) row(title string) {
	l.newline()
	l.rows++
	open := false
	l.d.Panels = append(l.d.Panels, &panel{ID: 100 + l.rows, Type: "row", Title: title, GridPos: gridPos{H: 1, W: columns, Y: l.y}, Collapsed: &open, Panels: &[]panel{}})
	l.y++
}

// add places panels of a width and height.
func (l *layout) add(w, h int, panels ...*panel) {
	for _, p := range panels {
		if l.x+w > columns {
			l.newline()
		}
		p.GridPos = gridPos{H: h, W: w, X: l.x, Y: l.y}
		l.x, l.h = l.x+w, max(l.h, h)
		l.d.Panels = append(l.d.Panels, p)
	}
}
