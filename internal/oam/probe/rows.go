package probe

import (
	"math"

	"iam_session_exporter/internal/oam/filter"
)

// Rows are sampled if a search lists other sessions each time it is sent, and stable
// if it lists the same ones. Two looks at everything show which.
//
// Among n sessions, two windows that are sampled share so many as chance allows: a
// larger share proves that rows are stable, whatever has begun or ended meanwhile.
// Of rows that are stable, others are listed only if sessions have ended. So many
// others that half of the window would have to be new to it, between two looks with
// hardly a search between them and about the same total, prove that rows are
// sampled. Sessions that began meanwhile prove nothing: they may be listed first.

// Looks are the answers to the search for everything.
type Looks struct {
	Unclear bool // the last one left open whether rows are sampled
	looks   []look
}

type look struct {
	number, total int
	rows          []filter.Row
}

const (
	soon     = 5    // searches from one look to the next, in which hardly anything ends
	unlikely = 1e-4 // that windows which are sampled share so much, as seen once
	never    = 1e-9 // the same, even seen often
)

// Add learns from a look, the answer of some number, what rows are. It reports false
// if that is no news.
func (l *Looks) Add(number int, a *filter.Answer, t0 int64, known filter.Rows) (rows filter.Rows, news bool) {
	now := look{number, a.Total, a.Rows}
	before := l.looks
	l.looks = append(l.looks, now)
	if len(before) == 0 || len(now.rows) < filter.Window {
		return known, false
	}
	l.Unclear = true
	for _, was := range [...]*look{&before[0], &before[len(before)-1]} {
		if len(was.rows) < filter.Window {
			continue
		}
		same, others := share(was, &now, t0)
		switch chance := chanceToShare(now.total, same); {
		case chance < never, chance < unlikely && known != filter.Sampled:
			rows = filter.Stable
		case chance < unlikely:
			rows = filter.Unknown
		case now.number-was.number < soon && others >= sampledApart(now.total) && 2*max(now.total-was.total, was.total-now.total) <= others:
			rows = filter.Sampled
		default:
			continue
		}
		l.Unclear = false
		return rows, true
	}
	return known, false
}

// share counts the rows of a look that an earlier one listed, and others that are
// not just new.
func share(was, now *look, t0 int64) (same, others int) {
	listed := make(map[int]bool, len(was.rows))
	for i := range was.rows {
		listed[was.rows[i].Ref] = true
	}
	for i := range now.rows {
		switch r := &now.rows[i]; {
		case listed[r.Ref]:
			same++
		case r.Created < t0:
			others++
		}
	}
	return same, others
}

// sampledApart is how many rows of a window must be others than in the last one to
// show that windows among n sessions are sampled: half of what is expected.
func sampledApart(n int) int {
	expected := filter.Window - filter.Window*filter.Window/max(n, filter.Window)
	return max((expected+1)/2, min(n-filter.Window, 3), 1)
}

// chanceToShare is the chance that two windows sampled among n sessions share at
// least so many.
func chanceToShare(n, same int) (chance float64) {
	n = max(n, filter.Window)
	choose := func(n, k int) float64 {
		if k < 0 || k > n {
			return math.Inf(-1)
		}
		all, _ := math.Lgamma(float64(n + 1))
		in, _ := math.Lgamma(float64(k + 1))
		out, _ := math.Lgamma(float64(n - k + 1))
		return all - in - out
	}
	for k := same; k <= filter.Window; k++ {
		chance += math.Exp(choose(filter.Window, k) + choose(n-filter.Window, filter.Window-k) - choose(n, filter.Window))
	}
	return chance
}
