package main

// One meaning has one colour, on all dashboards, in the dark and in the light.
const (
	good    = "green"
	notice  = "yellow"
	warning = "orange"
	bad     = "red"
	neutral = "blue"
)

// meanings are the colours of the values that labels have everywhere: the
// statuses of sessions, which are also reasons of their end.
var meanings = [][2]string{
	{"active", "green"},
	{"idle", "yellow"},
	{"expired", "orange"},
	{"ended", "blue"},
	{"terminated", "red"},
	{"gone", "purple"},
	{"unknown", "#8e8e8e"},
}

// byStatus colours what is named after a status or a reason.
func byStatus(p *panel) {
	for _, m := range meanings {
		coloured(m[0], m[1])(p)
	}
}

// byCode colours what is named after an HTTP status.
func byCode(p *panel) {
	matching("2..", "color", fixed("green"))(p)
	matching("3..", "color", fixed("blue"))(p)
	matching("429", "color", fixed("yellow"))(p)
	matching("4(?!29)..", "color", fixed("orange"))(p)
	matching("5..", "color", fixed("red"))(p)
	coloured("error", "dark-red")(p)
}

// before draws what is there for comparison.
func before(p *panel) {
	matching("last week|a week ago", "color", fixed("#8e8e8e"), "custom.lineStyle", object{"fill": "dash", "dash": []int{6, 6}}, "custom.fillOpacity", 0, "custom.lineWidth", 2)(p)
}

// state is 0, 1 or 2: see sourceState.
var state = says(0, "down", bad, 1, "in part", neutral, 2, "complete", good)
