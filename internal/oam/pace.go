package oam

import "time"

// pace is how long rounds of searches take that were answered at once.
type pace struct {
	rounds  int
	typical time.Duration
	slowest time.Duration // lately
}

// add takes a round in. One slow round among many hardly moves what is typical;
// a server that has become slow is believed after some ten.
func (p *pace) add(took time.Duration) {
	switch p.rounds++; p.rounds {
	case 1: // it had to connect, to log in, and to fill caches
		p.typical, p.slowest = took/4, took
	case 2:
		p.typical, p.slowest = took, took
	default:
		p.typical += (min(took, 4*p.typical) - p.typical) / 8
		p.slowest = max(took, p.slowest-p.slowest/16)
	}
}

// fit returns how many rounds fit into a time, so that the last one ends before.
func (p *pace) fit(left time.Duration) int {
	return max(int((left-p.slowest)/max(p.typical, time.Millisecond)), 0)
}
