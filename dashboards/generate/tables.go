package main

import (
	"maps"
	"slices"
)

// column asks for a column of a table: what is the same in the labels of all
// columns becomes a row.
func column(expr string) option {
	return func(p *panel) { p.target(target{Expr: expr, Instant: true, Format: "table"}) }
}

// columns merges what was asked for into one table: labels first, then the
// values, each with its name. What is not named is hidden.
func columnsOf(labels [][2]string, values ...string) option {
	return func(p *panel) {
		order, names, hidden := object{}, object{}, object{"Time": true}
		for i, l := range labels {
			order[l[0]] = i
			if l[1] == "" {
				hidden[l[0]] = true
			} else {
				names[l[0]] = l[1]
			}
		}
		for i, v := range values {
			key := "Value #" + p.Targets[i].RefID
			if len(p.Targets) == 1 {
				key = "Value"
			}
			order[key] = len(labels) + i
			names[key] = v
		}
		if len(p.Targets) > 1 {
			p.Transformations = append(p.Transformations, object{"id": "merge", "options": object{}})
		}
		p.Transformations = append(p.Transformations, object{"id": "organize", "options": object{
			"excludeByName": hidden, "indexByName": order, "renameByName": names, "includeByName": object{},
		}})
		for _, key := range slices.Sorted(maps.Keys(names)) {
			heading := names[key].(string)
			if width := 7*len(heading) + 20; width > leastWidth {
				named(heading, "custom.minWidth", width)(p) // on a phone, headings would be cut
			}
		}
	}
}

// leastWidth is that of a column of a table whose heading needs no more.
const leastWidth = 90

// first moves a column of a value to the left of the labels.
func first(key string) option {
	return func(p *panel) {
		p.Transformations[len(p.Transformations)-1]["options"].(object)["indexByName"].(object)[key] = -1
	}
}

// ofSource are the first columns of tables of sources.
var ofSource = [][2]string{{"source", "Source"}, {"api", "API"}}

// sortedBy sorts a table; the reader may sort it otherwise.
func sortedBy(column string, descending bool) option {
	return opt("sortBy", []object{{"displayName": column, "desc": descending}})
}

// cell colours the background of a column by thresholds.
func cell(base string, more ...any) []any {
	return []any{"thresholds", steps(base, more...), "custom.cellOptions", object{"type": "color-text"}}
}

// words colours and replaces a column's values.
func words(triples ...any) []any {
	return []any{"mappings", []object{mapping(triples...)}, "custom.cellOptions", object{"type": "color-background", "mode": "basic"}}
}

func unit(u string, more ...any) []any { return append([]any{"unit", u}, more...) }

func join(lists ...[]any) (all []any) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func sourcesOverview(id int) *panel {
	return table(id, "Sources", "The current figures of each source; – is something that its API does not report.",
		column(sourceState()),
		column(each(of("iam_sessions", `status="active"`))),
		column(allSessions()),
		column(each(of("iam_users"))),
		column(each(of("iam_user_sessions_max"))),
		column(limitRatio()),
		column(oldest()),
		column(sinceSuccess()),
		columnsOf(ofSource, "State", "Active", "All sessions", "Users", "Most per user", "Limit used", "Oldest active", "Last success"),
		sortedBy("Source", false), sourceLink("overview", "custom.width", 150),
		named("State", words(0, "down", bad, 1, "in part", neutral, 2, "complete", good)...),
		named("Active", unit("short", "decimals", 0)...), named("All sessions", unit("short", "decimals", 0)...),
		named("Users", unit("short", "decimals", 0)...), named("Most per user", unit("short", "decimals", 0)...),
		named("Limit used", join(unit("percentunit", "decimals", 0), cell(good, 0.85, warning, 0.95, bad))...),
		named("Oldest active", unit("s", "decimals", 0)...),
		named("Last success", join(unit("s", "decimals", 0), cell(good, 300, warning, 900, bad))...),
	)
}
