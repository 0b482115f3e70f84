package plan

import (
	"math"

	"iam_session_exporter/internal/oam/filter"
)

// Rows are drawn where a search lists other sessions each time it is sent, and
// fixed where it lists the same ones. Two looks at everything show which.
//
// Among n sessions, two windows that are drawn share so many as chance allows: a
// larger share proves that rows are fixed, whatever has begun or ended meanwhile.
// Of rows that are fixed, others are listed only where sessions have ended. So
// many others that half of the window would have to be new to it, between two
// looks with hardly a search between them and about the same total, prove that
// rows are drawn. Sessions that began meanwhile prove nothing: they may be listed
// first.

// look is an answer to the search for everything.
type look struct {
	number, total int
	rows          []Row
}

const (
	soon     = 5    // searches from one look to the next, in which hardly anything ends
	unlikely = 1e-4 // that windows which are drawn share so much, as seen once
	never    = 1e-9 // the same, even seen often
)

// compare learns from a look whether rows are drawn.
func (s *scrape) compare(a *Answer) {
	now := look{s.asked, a.Total, a.Rows}
	before := s.looks
	s.looks = append(s.looks, now)
	if len(before) == 0 || len(now.rows) < Window {
		return
	}
	s.unclear = true
	last := before[len(before)-1]
	for _, was := range [...]*look{&before[0], &last} {
		if len(was.rows) < Window {
			continue
		}
		same, others := s.share(was, &now)
		switch chance := chanceToShare(now.total, same); {
		case chance < never, chance < unlikely && s.mem.can.Rows != Drawn:
			s.rowsAre(Fixed)
			return
		case chance < unlikely:
			s.rowsAre(Unknown)
			return
		case now.number-was.number < soon && others >= drawnApart(now.total) && 2*distance(now.total, was.total) <= others:
			s.rowsAre(Drawn)
			return
		}
	}
}

func (s *scrape) rowsAre(rows filter.Rows) {
	s.mem.can.Rows, s.fixed, s.drawn, s.unclear = rows, rows == Fixed, rows == Drawn, false
}

// share counts the rows of a look that an earlier one listed, and others that are
// not just new.
func (s *scrape) share(was, now *look) (same, others int) {
	listed := make(map[int]bool, len(was.rows))
	for i := range was.rows {
		listed[was.rows[i].Ref] = true
	}
	for i := range now.rows {
		switch r := &now.rows[i]; {
		case listed[r.Ref]:
			same++
		case r.Created < s.t0:
			others++
		}
	}
	return same, others
}

// drawnApart is how many rows of a window must be others than in the last one to
// show that windows among n sessions are drawn: half of what is expected.
func drawnApart(n int) int {
	expected := Window - Window*Window/max(n, Window)
	return max((expected+1)/2, min(n-Window, 3), 1)
}

// chanceToShare is the chance that two windows drawn among n sessions share at least
// so many.
func chanceToShare(n, same int) (chance float64) {
	n = max(n, Window)
	choose := func(n, k int) float64 {
		if k < 0 || k > n {
			return math.Inf(-1)
		}
		all, _ := math.Lgamma(float64(n + 1))
		in, _ := math.Lgamma(float64(k + 1))
		out, _ := math.Lgamma(float64(n - k + 1))
		return all - in - out
	}
	for k := same; k <= Window; k++ {
		chance += math.Exp(choose(Window, k) + choose(n-Window, Window-k) - choose(n, Window))
	}
	return chance
}

func distance(a, b int) int { return max(a-b, b-a) }

// lookAgain looks at everything once more where the last scrape left it open
// whether rows are drawn: right after the first look, hardly anything has ended.
func (s *scrape) lookAgain() {
	if s.mem.unclear && !s.mem.fresh && s.left() > probeMost {
		s.one(Query{})
	}
}
