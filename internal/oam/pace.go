package oam

import (
	"slices"
	"time"
)

// pace is how long the last rounds of searches took, of those that were answered
// at once.
type pace struct {
	recent []time.Duration
	first  bool // only the first round of a refresh is known
}

// add takes a round in.
func (p *pace) add(took time.Duration) {
	const most = 8
	if len(p.recent) == most {
		p.recent = slices.Delete(p.recent, 0, 1)
	}
	p.first = len(p.recent) == 0
	p.recent = append(p.recent, took)
}

// fit returns how many rounds fit into a time, so that the last one ends before.
// One slow round among some is an exception, not what the others will take.
func (p *pace) fit(left time.Duration) int {
	if len(p.recent) == 0 {
		return 0
	}
	slowest := slices.Max(p.recent)
	typical := slowest / 4 // the first one had to connect, to log in, and to fill caches
	if !p.first {
		sum := -slowest
		for _, d := range p.recent {
			sum += d
		}
		typical = sum / time.Duration(len(p.recent)-1)
	}
	return max(int((left-slowest)/max(typical, time.Millisecond)), 0)
}
