package plan

import (
	"cmp"
	"maps"
	"slices"
)

const (
	maxAddresses = 20_000
	maxUsers     = 10_000
	maxPlaces    = 60_000
	maxParted    = 5_000
	forgetAfter  = 24 * 60 * 60 // seconds
	freshAfter   = 60 * 60      // seconds until the same search counts as another
	keeps        = 0.95         // of what samples weigh, from scrape to scrape
	suspectFor   = 4 * 60 * 60  // seconds that a capped total is remembered
)

// Memory is what scrapes have learnt: where to look, never what to say. It is
// bounded and forgets. It holds users' names, and never leaves the process.
type Memory struct {
	can              Capabilities
	forms            map[field]Form // of no match, by what was asked for
	probed           int64          // server's clock; 0: never
	unproven         int            // probes in a row that left open what values or combinations mean
	fresh            bool           // probed in the last scrape
	times, timesIdle bool           // filters on times are proven; on the last access, too
	timesTried       bool           // to prove them
	timesFailed      int            // scrapes that could not
	agesRefused      bool           // a store's sessions can't be narrowed by times
	beyond           bool           // a total above its rows was seen
	unclear          bool           // the last scrape left open whether rows are drawn
	whole            int            // a total of which all were listed: it is no limit
	capped           int            // a total that parts were found to exceed
	capAt            int64

	inPlace   map[string]int // addresses that were counted, and by how many sessions
	crowded   bool           // more addresses are known than a scrape can count
	addresses map[string]lesson
	users     map[string]lesson // of those worth asking for in a large world
	stores    map[string]int64  // seen at
	parted    map[Query]int64   // parts of stores and addresses that were asked for, when
	settled   bool              // the largest addresses are known
	rows      float64           // rows that ever were samples of addresses
	sampled   float64           // rows that the samples of addresses are of

	places []place // the last list

	found   map[string]int64 // when a search for a store found it
	doubted map[field]int64  // when a set by it lacked what it must hold
}

// lesson is what is known of a value.
type lesson struct {
	size    int     // its total when it was last asked for; -1: never
	samples float64 // rows of it that turned up by chance
	since   float64 // of these, those after it was last asked for
	from    float64 // rows that had turned up by then, of any value
	at      int64
	asked   int64 // when it was asked for last; 0: never
}

// place is where sessions of the last list were.
type place struct {
	Row // Ref and times apart
	n   int
}

// NewMemory returns one that knows nothing.
func NewMemory() *Memory {
	return &Memory{forms: map[field]Form{}, addresses: map[string]lesson{}, users: map[string]lesson{}, stores: map[string]int64{},
		parted: map[Query]int64{}, found: map[string]int64{}, doubted: map[field]int64{}}
}

// Capabilities returns what is proven so far.
func (m *Memory) Capabilities() Capabilities { return m.can }

// Probed reports whether the last scrape has probed.
func (m *Memory) Probed() bool { return m.fresh }

// Lessons is how many values and places are remembered.
func (m *Memory) Lessons() int {
	return len(m.addresses) + len(m.users) + len(m.stores) + len(m.places)
}

// begin forgets what is old.
func (m *Memory) begin(now int64) {
	m.fresh = false
	if m.capped > 0 && (now-m.capAt > suspectFor || now < m.capAt) {
		m.unlimited()
	}
	for _, of := range []map[string]lesson{m.addresses, m.users} {
		for v, l := range of {
			if l.at > now || l.asked > now {
				l.at, l.asked = min(l.at, now), min(l.asked, now)
				of[v] = l
			}
		}
		maps.DeleteFunc(of, func(_ string, l lesson) bool { return now-l.at > forgetAfter })
	}
	notAhead(m.parted, now)
	notAhead(m.stores, now)
	notAhead(m.found, now)
	notAhead(m.doubted, now)
	maps.DeleteFunc(m.parted, func(_ Query, at int64) bool { return now-at > freshAfter })
	maps.DeleteFunc(m.stores, func(_ string, at int64) bool { return now-at > forgetAfter })
}

// notAhead takes back what was stamped under a clock that was ahead.
func notAhead[K comparable](of map[K]int64, now int64) {
	for k, at := range of {
		of[k] = min(at, now)
	}
}

// learn takes a scrape's findings in.
func (m *Memory) learn(s *scrape) {
	cut := s.over && s.lost > 0 // searches failed, and the scrape ended early
	if !cut {
		m.settled = m.settles(s)
	}
	if s.looked {
		m.unclear = s.unclear && m.can.Rows != Drawn && s.total > Window+3
	}
	m.rows += s.sampled
	m.sampled = m.sampled*keeps + s.sampled
	for _, of := range []map[string]lesson{m.addresses, m.users} {
		for v, l := range of {
			l.samples *= keeps
			of[v] = l
		}
	}
	for _, x := range s.order {
		if s.fixed && x.asked > 0 && x.q.User == "" && x.q.Fields() == 2 && len(m.parted) < maxParted {
			m.parted[x.q] = s.t0
		}
		switch x.q.Field() {
		case fieldIP:
			if x.seen > 0 || x.asked > 0 {
				teach(m.addresses, x.q.IP, x, m.rows, s.t0)
			}
		case fieldUser:
			if x.seen > 0 || x.asked > 0 {
				teach(m.users, x.q.User, x, 0, s.t0)
			}
		case fieldStore:
			if x.seen > 0 || x.total > 0 {
				m.stores[x.q.Store] = s.t0
			}
		}
	}
	bound(m.addresses, maxAddresses)
	bound(m.users, maxUsers)
	if len(m.stores) > 1000 {
		clear(m.stores)
	}
	m.finds(s)
	if cut && s.listed*2 < s.total {
		return // the last list still tells more
	}
	if s.listed*2 < s.total || len(s.rows) > maxPlaces {
		m.places = nil
		return
	}
	at := map[Row]int{}
	m.places = m.places[:0]
	for _, r := range s.rows {
		r.Ref, r.Created, r.Expires, r.Used = 0, 0, 0, 0
		i, ok := at[r]
		if !ok {
			i = len(m.places)
			at[r] = i
			m.places = append(m.places, place{Row: r})
		}
		m.places[i].n++
	}
}

func teach(of map[string]lesson, value string, x *set, rows float64, now int64) {
	l, ok := of[value]
	if !ok {
		l.size = -1
	}
	if x.asked > 0 {
		l.size = x.total
		if x.total == 0 && x.seen == 0 {
			delete(of, value)
			return
		}
	}
	l.samples += float64(x.sample)
	if l.since += float64(x.sample); x.asked > 0 {
		l.since, l.from, l.asked = 0, rows, now
	}
	if x.seen > 0 || x.total > 0 {
		l.at = now
	}
	of[value] = l
}

// bound keeps the n lessons of most weight.
func bound(of map[string]lesson, n int) {
	if len(of) <= n {
		return
	}
	type named struct {
		value string
		lesson
	}
	all := make([]named, 0, len(of))
	for v, l := range of {
		all = append(all, named{v, l})
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(b.samples, a.samples), cmp.Compare(b.at, a.at), cmp.Compare(a.value, b.value))
	})
	for _, x := range all[n*9/10:] {
		delete(of, x.value)
	}
}
