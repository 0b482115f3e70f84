package main

import (
	"maps"
	"slices"
	"strings"
)

// forGallery is a dashboard as Grafana's gallery takes it, and as Grafana itself
// writes with "Export for sharing externally": who imports it is asked for the data
// source and for each constant. Provisioning asks nobody, so the files that it reads
// have none of this.
type forGallery struct {
	Inputs   []input    `json:"__inputs"`
	Elements object     `json:"__elements"` // library panels: none
	Requires []required `json:"__requires"`
	*dashboard
}

// input is what the person who imports is asked for. ${Name} in the dashboard
// becomes the answer.
type input struct {
	Name        string `json:"name"`
	Label       string `json:"label"`
	Description string `json:"description"`
	Type        string `json:"type"`                 // datasource or constant
	PluginID    string `json:"pluginId,omitempty"`   // of a data source
	PluginName  string `json:"pluginName,omitempty"` // of a data source
	Value       string `json:"value,omitempty"`      // of a constant, where nothing else is given
}

// required is what the dashboard is made of. The plugins come with Grafana, so they
// have its version.
type required struct {
	Type    string `json:"type"` // grafana, datasource or panel
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
}

// shared makes the form for the gallery. The dashboard itself is not changed.
func shared(d *dashboard) forGallery {
	g := forGallery{Elements: object{}, Requires: requirements(d)}
	own := *d
	own.Templating.List = slices.Clone(d.Templating.List)
	for i := range own.Templating.List {
		v := &own.Templating.List[i]
		switch v.Type {
		case "datasource":
			g.Inputs = append(g.Inputs, input{Name: "DS_PROMETHEUS", Label: "Prometheus", Description: v.Description, Type: "datasource", PluginID: "prometheus", PluginName: "Prometheus"})
			v.Current = answer("DS_PROMETHEUS")
		case "constant":
			name := "VAR_" + strings.ToUpper(v.Name)
			g.Inputs = append(g.Inputs, input{Name: name, Label: v.Label, Description: v.Description, Type: "constant", Value: v.Query.(string)})
			v.Query, v.Current = "${"+name+"}", answer(name)
			v.Options = []object{v.Current}
		}
	}
	g.dashboard = &own
	return g
}

// answer is the choice of a variable that the person who imports makes.
func answer(name string) object {
	return object{"selected": false, "text": "${" + name + "}", "value": "${" + name + "}"}
}

// requirements are Grafana, its data source and the kinds of panels.
func requirements(d *dashboard) []required {
	names := map[string]string{"bargauge": "Bar gauge", "stat": "Stat", "table": "Table", "text": "Text", "timeseries": "Time series"}
	kinds := map[string]bool{}
	for _, p := range d.Panels {
		kinds[p.Type] = true
		if p.Panels != nil {
			for _, inner := range *p.Panels {
				kinds[inner.Type] = true
			}
		}
	}
	delete(kinds, "row") // part of the frame, no plugin
	all := []required{{"grafana", "grafana", "Grafana", "10.0.0"}, {"datasource", "prometheus", "Prometheus", "1.0.0"}}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, required{"panel", kind, names[kind], ""})
	}
	return all
}
