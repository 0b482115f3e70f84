package main

import (
	"fmt"
	"strings"
)

// option changes a panel that has the defaults.
type option func(*panel)

func newPanel(id int, typ, title, description, unit string, options []option) *panel {
	p := &panel{
		ID: id, Type: typ, Title: title, Description: description, Datasource: prometheus(),
		FieldConfig: &fieldConfig{Defaults: object{"unit": unit, "color": object{"mode": "thresholds"}, "thresholds": steps("blue"), "mappings": []object{}, "noValue": "No data: no source answers"}, Overrides: []override{}},
	}
	return p.with(options)
}

func (p *panel) with(options []option) *panel {
	for _, o := range options {
		o(p)
	}
	return p
}

// stat is one number, or a tile for each series. It is of this moment: the last
// value of a range would still be shown when its source is long gone.
func stat(id int, title, description, unit string, options ...option) *panel {
	p := newPanel(id, "stat", title, description, unit, nil)
	p.Options = object{
		"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto", "wideLayout": true,
		"showPercentChange": false, "reduceOptions": reduce(), "text": object{"valueSize": 34},
	}
	p.with(options)
	// Nothing has the colour of the lowest threshold otherwise, which is that of health.
	d := p.FieldConfig.Defaults
	d["mappings"] = append(d["mappings"].([]object), object{"type": "special", "options": object{"match": "null+nan", "result": object{"index": 9, "text": d["noValue"], "color": bad}}})
	return p
}

func reduce() object {
	return object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
}

func timeseries(id int, title, description, unit string, options ...option) *panel {
	p := newPanel(id, "timeseries", title, description, unit, nil)
	d := p.FieldConfig.Defaults
	d["color"] = object{"mode": "palette-classic"}
	d["min"] = 0
	d["custom"] = object{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 2, "fillOpacity": 5, "gradientMode": "none", "showPoints": "never",
		"spanNulls": false, "axisPlacement": "auto", "axisLabel": "", "stacking": object{"mode": "none", "group": "A"},
		"thresholdsStyle": object{"mode": "off"}, "scaleDistribution": object{"type": "linear"},
	}
	p.Options = object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p.with(options)
}

func bargauge(id int, title, description, unit string, options ...option) *panel {
	p := newPanel(id, "bargauge", title, description, unit, nil)
	p.FieldConfig.Defaults["min"] = 0
	p.Options = object{
		"displayMode": "basic", "orientation": "horizontal", "valueMode": "color", "namePlacement": "top", "sizing": "auto", // beside the bars, names are cut
		"minVizHeight": 16, "minVizWidth": 8, "maxVizHeight": 40, "showUnfilled": true, "reduceOptions": reduce(),
		"text": object{"valueSize": 12}, // with a size of titles Grafana would make room for its own size
	}
	return p.with(options)
}

func table(id int, title, description string, options ...option) *panel {
	p := newPanel(id, "table", title, description, "none", nil)
	p.FieldConfig.Defaults["custom"] = object{"align": "auto", "cellOptions": object{"type": "auto"}, "filterable": false, "inspect": false, "minWidth": leastWidth}
	matching(".*", "noValue", "–")(p) // of a cell; the default is of the table
	p.Options = object{"cellHeight": "sm", "showHeader": true, "footer": object{"show": false, "reducer": []string{"sum"}, "countRows": false, "fields": ""}}
	return p.with(options)
}

func text(id int, title, description, markdown string) *panel {
	return &panel{ID: id, Type: "text", Title: title, Description: description,
		Options: object{"mode": "markdown", "content": markdown, "code": object{"language": "plaintext", "showLineNumbers": false, "showMiniMap": false}}}
}

func (p *panel) target(t target) {
	t.RefID = string(rune('A' + len(p.Targets)))
	t.Datasource, t.EditorMode = *prometheus(), "code"
	if strings.Contains(t.Expr, "$__rate_interval") {
		// Sources are scraped once a minute, for most; a data source left at Grafana's
		// default would take rates of less than two samples.
		t.Interval = "1m"
	}
	p.Targets = append(p.Targets, t)
}

// over asks for a range of time.
func over(expr, legend string) option {
	return func(p *panel) { p.target(target{Expr: expr, LegendFormat: legend, Range: true}) }
}

// now asks for this moment.
func now(expr, legend string) option {
	return func(p *panel) { p.target(target{Expr: expr, LegendFormat: legend, Instant: true}) }
}

// noData says why there may be nothing to show.
func noData(why string) option { return set("noValue", "No data: "+why) }

// set gives a default of the fields, such as decimals, min or noValue.
func set(key string, value any) option {
	return func(p *panel) { p.FieldConfig.Defaults[key] = value }
}

// custom gives a default of how a graph is drawn.
func custom(key string, value any) option {
	return func(p *panel) { p.FieldConfig.Defaults["custom"].(object)[key] = value }
}

func opt(key string, value any) option {
	return func(p *panel) { p.Options[key] = value }
}

func stacked(p *panel) {
	custom("stacking", object{"mode": "normal", "group": "A"})(p)
	custom("fillOpacity", 70)(p)
	custom("lineWidth", 0)(p) // the line of what is 0 would be drawn over that of what is below
}

// whole numbers of things that can't be halved.
var whole = set("decimals", 0)

func steps(base string, more ...any) object {
	s := []object{{"color": base, "value": nil}}
	for i := 0; i < len(more); i += 2 {
		s = append(s, object{"value": more[i], "color": more[i+1]})
	}
	return object{"mode": "absolute", "steps": s}
}

// judged colours by thresholds: a base, then pairs of where a colour begins and
// the colour.
func judged(base string, more ...any) option {
	return set("thresholds", steps(base, more...))
}

// lines draws the thresholds into a graph.
func lines(base string, more ...any) option {
	return func(p *panel) {
		judged(base, more...)(p)
		custom("thresholdsStyle", object{"mode": "dashed"})(p)
	}
}

// says replaces values by words with colours: value, text, colour.
func says(triples ...any) option {
	return func(p *panel) { p.FieldConfig.Defaults["mappings"] = []object{mapping(triples...)} }
}

func mapping(triples ...any) object {
	m := object{}
	for i := 0; i < len(triples); i += 3 {
		m[fmt.Sprint(triples[i])] = object{"index": i / 3, "text": triples[i+1], "color": triples[i+2]}
	}
	return object{"type": "value", "options": m}
}

func overrideOf(matcher, options string, properties ...any) option {
	o := override{Matcher: object{"id": matcher, "options": options}}
	for i := 0; i < len(properties); i += 2 {
		o.Properties = append(o.Properties, object{"id": properties[i], "value": properties[i+1]})
	}
	return func(p *panel) { p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, o) }
}

func named(name string, properties ...any) option { return overrideOf("byName", name, properties...) }

func matching(regexp string, properties ...any) option {
	return overrideOf("byRegexp", "/^(?:"+regexp+")$/", properties...)
}

func fixed(colour string) object { return object{"mode": "fixed", "fixedColor": colour} }

func coloured(name, colour string) option { return named(name, "color", fixed(colour)) }

// sourceLink is a column whose values lead to a dashboard of that source.
func sourceLink(dashboard string, properties ...any) option {
	return named("Source", append([]any{"links", []object{{
		"title": "Only ${__value.raw}", "targetBlank": false,
		"url": "/d/" + uidPrefix + dashboard + "?${__url_time_range}&${datasource:queryparam}&${cluster:queryparam}&${api:queryparam}&var-source=${__value.raw}",
	}}}, properties...)...)
}

// runbookLink is a column of names of alerts that lead to their runbooks.
func runbookLink(column string, properties ...any) option {
	return named(column, append([]any{"links", []object{{"title": "Runbook of ${__value.raw}", "targetBlank": true, "url": "${runbooks}/${__value.raw}"}}}, properties...)...)
}

// alertsStat says how many alerts fire, by severity.
func alertsStat(id int, options ...option) *panel {
	return stat(id, "Alerts firing", "Alerts of this exporter that fire now for the chosen sources or for an exporter, by severity: the rows of the table of alerts.", "short", append([]option{
		whole, opt("orientation", "horizontal"), opt("textMode", "value_and_name"), opt("text", object{"titleSize": 16, "valueSize": 20}), set("noValue", "rules not loaded"),
		named("critical", "thresholds", steps(good, 1, bad)), named("warning", "thresholds", steps(good, 1, warning)), named("info", "thresholds", steps(good, 1, neutral)),
		now(alerts(`severity="critical"`), "critical"), now(alerts(`severity="warning"`), "warning"), now(alerts(`severity!~"critical|warning"`), "info"),
	}, options...)...)
}

// drill links a panel to one of another dashboard that tells more.
func drill(title, dashboard string, id int) option {
	return func(p *panel) {
		p.Links = append(p.Links, object{
			"title": title, "targetBlank": false,
			"url": fmt.Sprintf("/d/%s%s?viewPanel=%d&${__url_time_range}&${__all_variables}", uidPrefix, dashboard, id),
		})
	}
}
