package collector

import "time"

// clockStep is how far the API's clock may move against ours from one snapshot
// to the next.
const clockStep = 2 * time.Minute

// reading is the API's clock beside ours.
type reading struct {
	api  time.Time
	ours time.Duration // since the source was made: it is never set
}

// ahead returns how far the API's clock has moved against ours since an earlier
// reading.
func (r reading) ahead(earlier reading) time.Duration {
	return r.api.Sub(earlier.api.Add(r.ours - earlier.ours))
}

func jump(d time.Duration) bool { return d > clockStep || d < -clockStep }

// clock believes the API's clock while it is steady. After a jump it is not
// believed until two readings in a row agree. The zero clock has read nothing.
type clock struct {
	last     reading
	believed reading // the last one that was
	proven   bool    // two readings in a row have agreed
	jumped   bool    // it is not believed
}

// belief is what may be learnt from a snapshot.
type belief uint8

const (
	believed belief = iota
	doubted         // nothing
	anew            // it is as good as a first one: what an earlier one taught was never confirmed
)

// read takes the reading of the next snapshot. set is how far the clock was set,
// where it is believed again but is another than it was before.
func (c *clock) read(r reading) (b belief, set time.Duration) {
	first := c.last.api.IsZero()
	agrees := !first && !jump(r.ahead(c.last))
	c.last = r
	switch {
	case first:
	case !agrees:
		c.jumped = true
		if c.proven {
			return doubted, 0
		}
		b = anew
	default:
		if d := r.ahead(c.believed); jump(d) {
			set = d
		}
		c.proven, c.jumped = true, false
	}
	c.believed = r
	return b, set
}
