package oam

import (
	"slices"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	many := func(n int, d time.Duration) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }
	for _, c := range []struct {
		name   string
		rounds []time.Duration
		left   time.Duration
		from   int
		to     int
	}{
		{"nothing is known", nil, time.Hour, 0, 0},
		{"the first one connects", []time.Duration{200 * ms}, 5 * time.Second, 90, 100},
		{"the first one took more than is left", []time.Duration{6 * time.Second}, 4 * time.Second, 0, 0},
		{"a slow first one", []time.Duration{3 * time.Second, 50 * ms}, 5 * time.Second, 35, 45},
		{"a slow second one", []time.Duration{50 * ms, 3 * time.Second}, 5 * time.Second, 35, 45},
		{"one slow one", append(many(7, 50*ms), 2*time.Second), 6 * time.Second, 75, 85},
		{"one slow one, some time ago", append([]time.Duration{2 * time.Second}, many(8, 50*ms)...), 6 * time.Second, 115, 125},
		{"a server that becomes slow", append(many(20, 50*ms), many(8, time.Second)...), 6 * time.Second, 5, 5},
		{"one in three is slow", []time.Duration{50 * ms, 500 * ms, 50 * ms, 50 * ms, 500 * ms, 50 * ms, 50 * ms, 500 * ms}, 6 * time.Second, 25, 35},
		{"no time for one more", many(8, time.Second), 900 * ms, 0, 0},
		{"no time at all", many(8, 50*ms), -time.Second, 0, 0},
		{"faster than can be measured", many(8, 0), time.Second, 1000, 1000},
	} {
		var p pace
		for _, d := range c.rounds {
			p.add(d)
		}
		if n := p.fit(c.left); n < c.from || n > c.to {
			t.Errorf("%s: %d rounds, want %d to %d", c.name, n, c.from, c.to)
		}
	}
}
