package collector

import (
	"fmt"
	"maps"
	"testing"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// A snapshot that could count few of the values moves none of the others from
// their places, for as long as a few refreshes.
func TestAPartialCountMovesNoNames(t *testing.T) {
	type sizes = map[string]int
	full := sizes{"10.0.0.7": 50, "10.0.0.8": 50, "10.0.0.9": 50}
	more := sizes{"10.0.0.1": 50, "10.0.0.2": 50}
	maps.Copy(more, full)
	few, other := sizes{"10.0.0.7": 50}, sizes{"10.0.0.7": 50, "10.0.0.1": 50}
	large := sizes{"10.0.0.7": 50, "10.0.0.1": 90}
	repeat := func(s sizes, n int) (all []sizes) {
		for range n {
			all = append(all, s)
		}
		return all
	}
	for _, c := range []struct {
		name    string
		between []sizes
		last    sizes
		want    string
	}{
		{"nothing between", nil, more, "10.0.0.7 10.0.0.8 10.0.0.9"},
		{"few are counted", repeat(few, 1), more, "10.0.0.7 10.0.0.8 10.0.0.9"},
		{"few, as often as is remembered", repeat(few, maxMissed), more, "10.0.0.7 10.0.0.8 10.0.0.9"},
		{"few, for long", repeat(few, maxMissed+1), more, "10.0.0.1 10.0.0.2 10.0.0.7"},
		{"few, and then few again after all", append(append(repeat(few, maxMissed), full), few), more, "10.0.0.7 10.0.0.8 10.0.0.9"},
		{"another is counted that is not larger", repeat(other, 1), more, "10.0.0.7 10.0.0.8 10.0.0.9"},
		{"one that is clearly larger", repeat(large, 1), large, "10.0.0.1 10.0.0.7"},
		{"one that is gone makes room where enough others are counted", nil, sizes{"10.0.0.7": 50, "10.0.0.8": 50, "10.0.0.1": 50}, "10.0.0.1 10.0.0.7 10.0.0.8"},
		{"a place is not published without a count", nil, few, "10.0.0.7"},
		{"nothing is counted", repeat(nil, 2*maxMissed), more, "10.0.0.7 10.0.0.8 10.0.0.9"},
	} {
		opt := options(session.OAM)
		opt.Labels.ClientIP.Limit = 3
		in := published{}
		var v *view
		for _, counted := range append(append([]sizes{full}, c.between...), c.last) {
			v = newView(&session.Snapshot{Taken: noon, Total: 500, Reported: 500, Resolved: map[session.Dimension]session.Resolution{
				session.DimensionClientIP: {Counted: counted}}}, &opt, in)
			if n := len(in[session.DimensionClientIP]); n > 3 {
				t.Errorf("%s: %d places; want at most 3", c.name, n)
			}
		}
		got := map[string]bool{}
		for name := range v.by[session.DimensionClientIP] {
			got[name] = name != grouping.Other
		}
		delete(got, grouping.Other)
		if !maps.Equal(got, set(c.want)) {
			t.Errorf("%s: %s, want %s", c.name, fmt.Sprint(got), c.want)
		}
	}
}
