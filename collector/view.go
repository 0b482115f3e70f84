package collector

import (
	"time"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// view is what one snapshot publishes: counts, no sessions. It does not change.
type view struct {
	complete      bool
	total         perStatus
	by            map[session.Dimension]tally
	byNetwork     tally // nil where no networks are configured
	unresolved    map[session.Dimension]int
	values        map[session.Dimension]int // distinct ones
	listedRatio   float64
	drift         *int
	impersonating *int
	failedLogins  float64
	noFailures    bool // the API does not know failedLogins
	users         *int
	userMax       *int
	usersDay      *int
	locked        *int
	oldest        time.Time
	older         []int // active sessions by ages; nil: not known
	limits        session.Limits
}

// newView counts a snapshot. It replaces what in published has changed.
func newView(snap *session.Snapshot, opt *Options, inPlace published) *view {
	v := &view{
		complete:      snap.Complete,
		by:            map[session.Dimension]tally{},
		unresolved:    map[session.Dimension]int{},
		values:        map[session.Dimension]int{},
		listedRatio:   listedRatio(len(snap.Sessions), snap.Reported),
		drift:         snap.Drift,
		impersonating: snap.Impersonating,
		locked:        snap.LockedUsers,
		limits:        snap.Limits,
	}
	for i := range snap.Sessions {
		s := &snap.Sessions[i]
		v.total[s.Status]++
		v.failedLogins += float64(max(s.FailedLogins, 0))
	}
	rest := totalOf(snap) - len(snap.Sessions)
	for _, status := range session.Statuses() {
		// What moved since may leave no room for it.
		if more := snap.Statuses[status] - v.total[status]; more > 0 && more <= rest {
			v.total[status] += more
			rest -= more
		}
	}
	v.total[session.Unknown] += rest
	v.unresolved[session.DimensionStatus] = rest
	v.countUsers(snap.Sessions)
	v.countAges(snap)

	for _, l := range opt.labels() {
		c := take(snap, l.dimension, valuer(l.dimension, opt.Labels.ClientIP), grouping.Other)
		inPlace[l.dimension] = c.limit(l.limit, inPlace[l.dimension], snap.Resolved[l.dimension])
		v.by[l.dimension], v.unresolved[l.dimension], v.values[l.dimension] = c.tally(), c.unresolved, c.distinct
	}
	if len(opt.Networks) > 0 {
		c := take(snap, session.DimensionClientIP, func(raw string) string { return networkOf(opt.Networks, raw) }, grouping.Unknown)
		v.byNetwork, v.unresolved[session.DimensionClientIP] = c.tally(), c.unresolved
	}
	v.leaveOut(snap)
	return v
}

func listedRatio(listed, total int) float64 {
	if total <= listed {
		return 1
	}
	return float64(listed) / float64(total)
}

// countUsers counts the users of active sessions. Where none of them names its
// user, nothing is known.
func (v *view) countUsers(sessions []session.Session) {
	active, most := map[session.Key]int{}, 0
	nameless := false
	for i := range sessions {
		s := &sessions[i]
		switch {
		case s.Status != session.Active:
		case s.User == 0:
			nameless = true
		default:
			active[s.User]++
			most = max(most, active[s.User])
		}
	}
	if users := len(active); users > 0 || !nameless {
		v.users, v.userMax = &users, &most
	}
}
