package probe

import (
	"iter"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
)

const (
	maxTimesFailed = 3 // refreshes that try to show that filters on times are exact
	timesQueries   = 8 // that a refresh must have left for it
)

// Times shows, once in a while, whether sessions can be counted by filters on times:
// one session is found with its own times, and not a second earlier; all sessions
// are found before the year 3000.
type Times struct {
	Tried  bool // already, since the last probe
	Failed int  // refreshes that could not
	Exact  bool // they can

	log  evidence.View
	base filter.Query // that all queries are within
	idle bool         // filters on the last access, too
}

// NewTimes goes on where earlier refreshes have ended.
func NewTimes(log evidence.View, base filter.Query, tried bool, failed int, idle bool) *Times {
	return &Times{Tried: tried, Failed: failed, log: log, base: base, idle: idle}
}

// AllHaveThem reports whether each session listed has the times that are asked for.
func (t *Times) AllHaveThem() bool {
	for i, rows := 0, t.log.Rows(); i < len(rows); i++ {
		if rows[i].Expires == 0 || t.idle && rows[i].Used == 0 {
			return false
		}
	}
	return true
}

// Asks asks what shows it, unless too many refreshes have failed to. If a session that
// moved meanwhile may be why it is not shown, the next refresh tries again; so it
// does after a search without an answer, which proves nothing.
func (t *Times) Asks(left int) iter.Seq[*Ask] {
	return func(yield func(*Ask) bool) {
		if t.Tried && t.Failed >= maxTimesFailed || left < timesQueries {
			return
		}
		r, ok := t.rareUserRow()
		if !ok {
			return
		}
		if !t.Tried {
			t.Tried, t.Failed = true, 0
		}
		tried := t.Failed
		t.Failed = maxTimesFailed // not again before the next probe, unless it may be movement
		switch t.toTheSecond(r, yield) {
		case shown:
			switch t.all(yield) {
			case shown:
				t.Exact = true
			case moved:
				t.Failed = tried + 1
			case noAnswer:
				t.Failed = tried
			}
		case moved:
			t.Failed = tried + 1
		case noAnswer:
			t.Failed = tried
		}
	}
}

// verdict is what answers on times say.
type verdict int

const (
	shown    verdict = iota
	moved            // a session may have
	noAnswer         // to one of them
	refuted
)

// toTheSecond asks for a session with its own times, and with a second less.
func (t *Times) toTheSecond(r filter.Row, yield func(*Ask) bool) verdict {
	at := filter.Query{User: r.User, IP: r.IP, Expires: r.Expires}
	if t.idle {
		at.Used = r.Used
	}
	tests := []filter.Query{at, at}
	tests[1].Expires--
	if t.idle {
		tests = append(tests, at)
		tests[2].Used--
	}
	for i, q := range tests {
		a := &Ask{Query: q}
		if yield(a); !a.Answered {
			return noAnswer
		}
		found, fits := t.finds(q, &a.Answer, r.Ref)
		switch {
		case !fits || found && i > 0:
			return refuted
		case !found && i == 0:
			return moved // it may have ended, or been used
		}
	}
	return shown
}

// finds reports whether an answer lists a session, and whether it lists in full what
// was asked for.
func (t *Times) finds(q filter.Query, a *filter.Answer, ref int) (found, fits bool) {
	if a.Outcome == filter.Rejected || a.Total != len(a.Rows) || a.Total >= filter.Window {
		return false, false
	}
	for i := range a.Rows {
		r := &a.Rows[i]
		if !q.Past(r) || !q.Holds(r, t.log.Can().Case == filter.Insensitive) {
			return false, false
		}
		found = found || r.Ref == ref
	}
	return found, true
}

// all asks for everything, and for what is before the year 3000.
func (t *Times) all(yield func(*Ask) bool) verdict {
	asks := []*Ask{{Query: filter.Query{Expires: FarAhead}}, {}}
	if t.idle {
		asks = append(asks, &Ask{Query: filter.Query{Used: FarAhead}})
	}
	for _, a := range asks {
		if yield(a); !a.Answered {
			return noAnswer
		}
	}
	for _, a := range asks {
		off := max(a.Total-asks[1].Total, asks[1].Total-a.Total)
		switch {
		case a.Outcome != filter.Found:
			return refuted
		case off > 0 && off <= t.log.Tolerance():
			return moved
		case off > 0:
			return refuted
		}
	}
	return shown
}

// rareUserRow picks a session of a user with few.
func (t *Times) rareUserRow() (filter.Row, bool) {
	rows, of := t.log.Rows(), map[string]int{}
	for i := range rows {
		of[rows[i].User]++
	}
	var best *filter.Row
	for i := range rows {
		r := &rows[i]
		if t.base.User == "" && !filter.Askable(r.User) || t.base.IP == "" && !filter.Askable(r.IP) || r.Expires%60 == 0 || r.Used%60 == 0 && r.Used != 0 {
			continue // a server that cuts times to the minute must show it
		}
		if best == nil || of[r.User] < of[best.User] {
			best = r
		}
	}
	if best == nil {
		return filter.Row{}, false
	}
	return *best, true
}
