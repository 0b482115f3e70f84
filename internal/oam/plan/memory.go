package plan

import (
	"cmp"
	"maps"
	"slices"

	"iam_session_exporter/internal/oam/evidence"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/oam/probe"
	"iam_session_exporter/internal/oam/search"
)

const (
	maxAddresses = 20_000 // who wants more wants all
	maxUsers     = 10_000
	maxStores    = 1000
	maxPlaces    = 60_000
	maxParted    = 5_000
	forgetAfter  = 24 * 60 * 60 // seconds
	keeps        = 0.95         // of what samples weigh, from refresh to refresh
	suspectFor   = 4 * 60 * 60  // seconds that a capped total is remembered
)

// Memory is what refreshes have learnt. It is bounded and forgets. It holds users'
// names, and never leaves the process. What it holds of where sessions are decides
// where to look, never what to say.
type Memory struct {
	proven  evidence.Past
	filters probe.Past
	lessons search.Lessons
	fresh   bool // probed in the last refresh

	refreshes  int64            // so far
	usersAsked map[string]int64 // those wanted by name, by the number of the refresh that asked for them last
}

// NewMemory returns one that knows nothing.
func NewMemory() *Memory {
	return &Memory{
		proven:  evidence.Past{Found: map[filter.Query]int64{}, Doubted: map[filter.Field]int64{}},
		filters: probe.Past{Forms: map[filter.Field]filter.Form{}},
		lessons: search.Lessons{Addresses: map[string]search.Value{}, Users: map[string]search.Value{}, Stores: map[string]int64{}, Parted: map[filter.Query]int64{}},
	}
}

// Capabilities returns what is proven so far.
func (m *Memory) Capabilities() filter.Capabilities { return m.proven.Can }

// Probed reports whether the last refresh has probed.
func (m *Memory) Probed() bool { return m.fresh }

// Lessons is how many values and places are remembered.
func (m *Memory) Lessons() int {
	return len(m.lessons.Addresses) + len(m.lessons.Users) + len(m.lessons.Stores) + len(m.lessons.Places)
}

// remind tells a log of the values that are remembered: one that was asked for may
// be the same as another of them.
func (m *Memory) remind(log *evidence.Log) {
	for ip := range m.lessons.Addresses {
		log.Heard(log.Canonical(filter.Query{IP: ip}))
	}
	for store := range m.lessons.Stores {
		log.Heard(log.Canonical(filter.Query{Store: store}))
	}
}

// begin forgets what is old.
func (m *Memory) begin(now int64) {
	m.fresh = false
	if p := &m.proven; p.Limit > 0 && (now-p.LimitAt > suspectFor || now < p.LimitAt) {
		p.ForgetLimit()
	}
	for _, of := range []map[string]search.Value{m.lessons.Addresses, m.lessons.Users} {
		for name, v := range of {
			if v.At > now || v.Asked > now {
				v.At, v.Asked = min(v.At, now), min(v.Asked, now)
				of[name] = v
			}
		}
		maps.DeleteFunc(of, func(_ string, v search.Value) bool { return now-v.At > forgetAfter })
	}
	notAhead(m.lessons.Parted, now)
	notAhead(m.lessons.Stores, now)
	notAhead(m.proven.Found, now)
	notAhead(m.proven.Doubted, now)
	notAhead(m.proven.UsersOf, now)
	maps.DeleteFunc(m.lessons.Parted, func(_ filter.Query, at int64) bool { return now-at > search.FreshAfter })
	maps.DeleteFunc(m.lessons.Stores, func(_ string, at int64) bool { return now-at > forgetAfter })
}

// notAhead takes back what was stamped under a clock that was ahead.
func notAhead[K comparable](of map[K]int64, now int64) {
	for k, at := range of {
		of[k] = min(at, now)
	}
}

// learn takes in what a refresh has found, and leaves in its result the addresses
// that have a place.
func (m *Memory) learn(s *refresh, r *evidence.Result) {
	m.learnFilters(s, r)
	m.noteUsers(s.search.UsersAsked)
	m.lessons.Crowded, m.lessons.AgesRefused = s.search.Crowded, s.search.AgesRefused
	if r.Untrusted != "" {
		return
	}
	m.learnPlaces(s, r)
	if s.single {
		return
	}
	ended := s.over() && r.Lost > 0 // searches failed, and the refresh ended early
	if !ended {
		m.lessons.Settled = s.search.Settles()
	}
	if s.lookedAgain {
		m.filters.Unclear = s.looks.Unclear && m.proven.Can.Rows != filter.Sampled && r.Total > filter.Window+3
	}
	m.learnValues(s)
	if !ended || s.log.Listed()*2 >= r.Total { // else the last list still has more
		m.learnList(s.log)
	}
}

// learnFilters takes in what is proven, also by a refresh of which nothing is
// published.
func (m *Memory) learnFilters(s *refresh, r *evidence.Result) {
	m.proven = s.log.Past(r)
	m.proven.Can.NoMatch = s.noMatch.Usual
	m.filters.Forms = s.noMatch.Known
	m.filters.TimesTried, m.filters.TimesFailed = s.timesTried, s.timesFailed
	if m.fresh = s.probed; m.fresh {
		m.filters.Probed = s.log.T0()
	}
	if r.Reprobe || s.noMatch.Changed {
		m.filters.Probed = 0
	}
	if m.fresh && r.Untrusted == "" {
		m.filters.AfterProbe(m.proven.Can, s.limits.Filter)
	}
}

// learnPlaces gives places to the largest addresses. If there are fewer places than
// are wanted, what has none would be another address in each refresh: it is left out
// of the result.
func (m *Memory) learnPlaces(s *refresh, r *evidence.Result) {
	sole := func(ip string) bool { return s.limits.sole(ip, true) }
	switch {
	case r.Complete:
		m.hold(byAddress(r.Alive), s.limits.Addresses, s.log, sole)
	case len(r.Addresses) > 0 && s.search.Places > 0:
		m.hold(r.Addresses, s.search.Places, s.log, sole)
		if s.search.Places < s.limits.Addresses {
			maps.DeleteFunc(r.Addresses, func(ip string, _ int) bool {
				_, in := m.lessons.InPlace[ip]
				return !in
			})
		}
	}
}

// byAddress counts rows by address.
func byAddress(rows []filter.Row) map[string]int {
	n := map[string]int{}
	for i := range rows {
		if ip := rows[i].IP; filter.Askable(ip) {
			n[ip]++
		}
	}
	return n
}

// hold gives places to at most n addresses, of those counted and of those in place
// that this refresh could not ask for.
func (m *Memory) hold(counted map[string]int, n int, log evidence.View, sole func(string) bool) {
	sizes, before := maps.Clone(counted), map[string]bool{}
	for ip, size := range m.lessons.InPlace {
		// If case is ignored, this refresh may have met it in another spelling.
		q := log.Canonical(filter.Query{IP: ip})
		before[q.IP] = true
		if _, asked := log.Count(q); asked == 0 {
			sizes[q.IP] = max(size, sizes[q.IP])
		}
	}
	maps.DeleteFunc(sizes, func(ip string, _ int) bool { return !sole(ip) })
	var placed, others []string // both from the largest down
	for _, ip := range search.Descending(sizes) {
		if before[ip] && len(placed) < n {
			placed = append(placed, ip)
		} else {
			others = append(others, ip)
		}
	}
	free := max(min(n-len(placed), len(others)), 0)
	held := slices.Clone(others[:free])
	others = others[free:]
	for i := len(placed) - 1; i >= 0; i-- {
		if len(others) > 0 && clearlyLarger(sizes[others[0]], sizes[placed[i]]) {
			placed[i], others = others[0], others[1:]
		}
	}
	m.lessons.InPlace = map[string]int{}
	for _, ip := range append(held, placed...) {
		m.lessons.InPlace[ip] = sizes[ip]
	}
}

// clearlyLarger is by how much a value must be larger to take another's place: more
// than 10 %, and at least 2.
func clearlyLarger(a, b int) bool { return 10*a > 11*b && a-b >= 2 }

// learnValues takes in what is known of stores, addresses and users.
func (m *Memory) learnValues(s *refresh) {
	l := &m.lessons
	l.Turned += s.tree.Sampled()
	l.Sampled = l.Sampled*keeps + s.tree.Sampled()
	for _, of := range []map[string]search.Value{l.Addresses, l.Users} {
		for name, v := range of {
			v.Samples *= keeps
			of[name] = v
		}
	}
	s.tree.Sets(func(x search.Set) { m.learnSet(x, s.log.T0()) })
	bound(l.Addresses, maxAddresses)
	bound(l.Users, maxUsers)
	if len(l.Stores) > maxStores {
		clear(l.Stores)
	}
}

// learnSet takes in what is known of a set.
func (m *Memory) learnSet(x search.Set, now int64) {
	l := &m.lessons
	if m.proven.Can.Rows == filter.Stable && x.Asked > 0 && x.User == "" && x.Fields() == 2 && len(l.Parted) < maxParted {
		l.Parted[x.Query] = now
	}
	known := x.Seen > 0 || x.Asked > 0
	switch f := x.Field(); {
	case f == filter.ByIP && known:
		record(l.Addresses, x, l.Turned, now)
	case f == filter.ByUser && known:
		record(l.Users, x, 0, now)
	case f == filter.ByStore && (x.Seen > 0 || x.Total > 0):
		l.Stores[x.Store] = now
	}
}

func record(of map[string]search.Value, x search.Set, rows float64, now int64) {
	name := x.Value()
	v, ok := of[name]
	if !ok {
		v.Size = -1
	}
	if x.Asked > 0 {
		v.Size = x.Total
		if x.Total == 0 && x.Seen == 0 {
			delete(of, name)
			return
		}
	}
	v.Samples += float64(x.SampleRows)
	if v.Since += float64(x.SampleRows); x.Asked > 0 {
		v.Since, v.From, v.Asked = 0, rows, now
	}
	if x.Seen > 0 || x.Total > 0 {
		v.At = now
	}
	of[name] = v
}

// bound keeps about the n values of most weight.
func bound(of map[string]search.Value, n int) {
	if len(of) <= n {
		return
	}
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		x, y := of[a], of[b]
		return cmp.Or(cmp.Compare(y.Size, x.Size), cmp.Compare(y.Samples, x.Samples), cmp.Compare(y.At, x.At), cmp.Compare(a, b))
	})
	for _, name := range names[n*9/10:] {
		delete(of, name)
	}
}

// learnList keeps where the sessions of a list were, if that was most of them.
func (m *Memory) learnList(log evidence.View) {
	rows := log.Rows()
	if log.Listed()*2 < log.Total() || len(rows) > maxPlaces {
		m.lessons.Places = nil
		return
	}
	at := map[filter.Row]int{}
	places := m.lessons.Places[:0]
	for _, r := range rows {
		expires, used := r.Expires, r.Used
		r.Ref, r.Created, r.Expires, r.Used = 0, 0, 0, 0
		i, ok := at[r]
		if !ok {
			i = len(places)
			at[r] = i
			places = append(places, search.Place{Row: r})
		}
		p := &places[i]
		p.Sessions++
		p.Expires, p.Used = max(p.Expires, expires), max(p.Used, used)
	}
	m.lessons.Places = places
}
