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
		Annotations: annotations{List: marks()},
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
		optional(labels("cluster", "Cluster", "For several Prometheus behind one data source: the external label cluster, where there is one.", "label_values(iam_source_up, cluster)")),
		labels("api", "API", "Cisco Intersight, Oracle Access Manager, or both.", `label_values(iam_source_up{cluster=~"$cluster"}, api)`),
		labels("source", "Source", "Sources by their names in the exporter's configuration.", `label_values(iam_source_up{cluster=~"$cluster", api=~"$api"}, source)`),
	}
}

// optional is a variable of a label that may be absent.
func optional(v variable) variable {
	v.AllValue = ".*"
	return v
}

// constant is a variable that has one value in the file, and is not shown.
func constant(name, label, description, value string) variable {
	only := object{"selected": true, "text": value, "value": value}
	return variable{Name: name, Label: label, Description: description, Type: "constant", Query: value, Current: only, Options: []object{only}, Hide: 2}
}

// marks are drawn over all graphs.
func marks() []annotation {
	mark := func(name, colour, expr, title, text, tags string, valueIsTime bool) annotation {
		return annotation{Name: name, Datasource: *prometheus(), Enable: true, IconColor: colour, Expr: expr, Step: "1m", TitleFormat: title, TextFormat: text, TagKeys: tags, UseValueForTime: valueIsTime}
	}
	return []annotation{
		mark("Alerts", bad, marked(), "{{alertname}}", "{{source}} {{instance}}", "category", false),
		mark("Exporter starts", "purple", restarts(), "Exporter started", "{{instance}}", "", true),
		mark("Configuration reloads", neutral, reloads(), "Configuration reloaded", "{{instance}}", "", true),
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
	closed  *panel // the row that the panels are in, if it is collapsed
}

const columns = 24

func (l *layout) newline() {
	l.x, l.y, l.h = 0, l.y+l.h, 0
}

// row is a heading.
func (l *layout) row(title string) { l.heading(title, false) }

// closedRow is a heading that shows its panels when it is clicked.
func (l *layout) closedRow(title string) { l.heading(title, true) }

func (l *layout) heading(title string, closed bool) {
	l.newline()
	if l.closed != nil {
		l.y = l.closed.GridPos.Y + 1
	}
	l.rows++
	r := &panel{ID: 100 + l.rows, Type: "row", Title: title, GridPos: gridPos{H: 1, W: columns, Y: l.y}, Collapsed: &closed, Panels: &[]*panel{}}
	l.d.Panels = append(l.d.Panels, r)
	l.closed = nil
	if closed {
		l.closed = r
	}
	l.y++
}

// add places panels of a width and height.
func (l *layout) add(w, h int, panels ...*panel) {
	into := &l.d.Panels
	if l.closed != nil {
		into = l.closed.Panels
	}
	for _, p := range panels {
		if l.x+w > columns {
			l.newline()
		}
		p.GridPos = gridPos{H: h, W: w, X: l.x, Y: l.y}
		l.x, l.h = l.x+w, max(l.h, h)
		*into = append(*into, p)
	}
}
