package detection

import (
	"cmp"
	"slices"
	"time"

	"iam_session_exporter/internal/session"
)

// judge holds one snapshot against the detections of its source.
type judge struct {
	cfg      *compiled
	snapshot *session.Snapshot
	now      time.Time // the API's clock
	pseudo   *Pseudonymizer

	users    []user
	of       []int32         // the user of each session; -1: none
	order    []int32         // sessions by user
	flags    []flags         // of each session
	age      []time.Duration // of each session, if it is dated
	hidden   []mask          // of each session, by exceptions; nil: none
	away     []time.Duration // of each session, since its user's login before; 0: not known. nil: of none
	table    places
	alive    *byAddress        // nil: not made yet
	written  []written         // each user; nil: not made yet
	subjects map[string]string // of addresses
	met      marks             // users
	been     marks             // places
	kept     []int32           // the latest sessions that show something, one after the other

	findings []finding
	excepted []int // sessions hidden from each of the table
}

// person is a user, as snapshots know him.
type person struct {
	name  session.Name
	store string
	key   session.Key
}

// user is somebody who has sessions in a snapshot.
type user struct {
	person
	count int32 // sessions

	from, to   int32 // in order
	privileged bool  // by name
	service    bool
	subject    string // "": not made yet
}

// flags are what a session is to all detections.
type flags uint8

const (
	isActive flags = 1 << iota
	isAlive
	isRecent
	isPrivileged // by its role
	isDated      // it says when it was created
)

// looked are the flags of which a session needs one to be looked at.
var looked = [...]flags{lookAlive: isAlive, lookAliveOrRecent: isAlive | isRecent, lookActive: isActive, lookSettled: isActive}

// hit is what a detection finds.
type hit struct {
	severity string    // "": the settings' own
	starts   time.Time // on the API's clock; zero: not known
	sessions []int32   // that show it, in the snapshot's order
	limit    int64     // what was exceeded; -1: nothing
	failed   int64     // logins; 0: not known
	address  string    // the subject, if it is no user
}

// finding is a hit with whom it is about.
type finding struct {
	hit
	detection int // in the table
	user      int32
	notify    bool
	subject   string
}

// evaluate judges a snapshot. It needs nothing else, and keeps nothing but sizes.
func evaluate(c *compiled, pseudo *Pseudonymizer, snap *session.Snapshot) *judge {
	j := &judge{
		cfg: c, snapshot: snap, now: snap.Taken, pseudo: pseudo,
		table: newPlaces(len(snap.Sessions), c.sizes.places), subjects: map[string]string{}, excepted: make([]int, len(c.table)),
		users: make([]user, 0, c.sizes.users), findings: make([]finding, 0, c.sizes.findings),
	}
	j.identify()
	j.sort()
	j.mark()
	j.except()
	j.judgeAddresses() // first, as it reads addresses in the order of sessions
	j.judgeUsers()
	for i := range j.findings {
		f := &j.findings[i]
		f.subject = j.subject(f)
	}
	c.sizes = sizes{len(j.users), len(j.table.all), len(j.findings)}
	return j
}

// sort groups sessions by user.
func (j *judge) sort() {
	var n int32
	next := make([]int32, len(j.users))
	for i := range j.users {
		u := &j.users[i]
		u.from, next[i] = n, n
		n += u.count
		u.to = n
		u.privileged, u.service = j.cfg.privileged.match(&u.person), j.cfg.services.match(&u.person)
	}
	j.order = make([]int32, n)
	for i, u := range j.of {
		if u >= 0 {
			j.order[next[u]] = int32(i)
			next[u]++
		}
	}
}

func (j *judge) mark() {
	j.flags, j.age = make([]flags, len(j.snapshot.Sessions)), make([]time.Duration, len(j.snapshot.Sessions))
	recent := j.now.Add(-j.cfg.settings.Hold)
	for i := range j.snapshot.Sessions {
		s := &j.snapshot.Sessions[i]
		var f flags
		switch s.Status {
		case session.Active:
			f = isActive | isAlive
		case session.Idle:
			f = isAlive
		}
		if !s.Created.IsZero() {
			f |= isDated
			j.age[i] = j.now.Sub(s.Created)
			if !s.Created.Before(recent) {
				f |= isRecent
			}
		}
		if s.Role != "" && j.cfg.roles[s.Role] {
			f |= isPrivileged
		}
		j.flags[i] = f
	}
}

// except finds what exceptions hide.
func (j *judge) except() {
	for i := range j.cfg.exceptions {
		e := &j.cfg.exceptions[i]
		if !j.now.Before(e.until) {
			continue
		}
		if j.hidden == nil {
			j.hidden = make([]mask, len(j.snapshot.Sessions))
		}
		excepted := make([]bool, len(j.users))
		for u := range j.users {
			excepted[u] = !e.byUser || e.users.match(&j.users[u].person)
		}
		for n, u := range j.of {
			if u < 0 || !excepted[u] {
				continue
			}
			s, network := &j.snapshot.Sessions[n], ""
			if len(e.networks) > 0 {
				network = j.place(int32(n)).Network
			}
			if e.fits(s.Role, s.IdentityStore, network) {
				j.hidden[n] |= e.hides
			}
		}
	}
	for _, m := range j.hidden {
		for i := 0; m != 0; i, m = i+1, m>>1 {
			if m&1 != 0 {
				j.excepted[i]++
			}
		}
	}
}

// view is what a detection sees of one user.
type view struct {
	*judge
	*variant
	user       int32
	sessions   []int32 // those it looks at
	privileged bool

	hits    []hit
	scratch []int32
	areas   [2][]string
}

func (v *view) add(h hit) { v.hits = append(v.hits, h) }

func (v *view) session(n int32) *session.Session { return &v.snapshot.Sessions[n] }

func (j *judge) judgeUsers() {
	v := view{judge: j, scratch: make([]int32, 0, 64)}
	for u := range j.users {
		for i := range j.cfg.active {
			a := &j.cfg.active[i]
			if a.find == nil || j.users[u].service && !a.services {
				continue
			}
			v.user = int32(u)
			if !v.look(a) {
				continue
			}
			v.hits = v.hits[:0]
			a.find(&v)
			for _, h := range v.hits {
				j.add(a, v.variant, v.user, h)
			}
		}
	}
}

// look gathers what a detection looks at, and reports whether there is anything
// to judge.
func (v *view) look(a *active) bool {
	u := &v.users[v.user]
	age := min(a.general.For, a.privileged.For)
	v.sessions, v.privileged = v.sessions[:0], u.privileged
	for _, n := range v.order[u.from:u.to] {
		if v.flags[n]&looked[a.looks] == 0 || v.hides(n, a.index) || a.looks == lookSettled && !v.settled(n, age) {
			continue
		}
		v.sessions = append(v.sessions, n)
		v.privileged = v.privileged || v.flags[n]&isPrivileged != 0
	}
	v.variant = &a.general
	if v.privileged {
		v.variant = &a.privileged
	}
	if a.looks == lookSettled && v.For > age {
		v.sessions = slices.DeleteFunc(v.sessions, func(n int32) bool { return !v.settled(n, v.For) })
	}
	return v.on && len(v.sessions) > 0
}

func (j *judge) hides(n int32, detection int) bool {
	return j.hidden != nil && j.hidden[n]&bit(detection) != 0
}

// settled reports whether a session is at least so old. One that does not say so
// is.
func (j *judge) settled(n int32, age time.Duration) bool {
	return !j.dated(n) || j.age[n] >= age
}

// dated reports whether a session says when it was created.
func (j *judge) dated(n int32) bool { return j.flags[n]&isDated != 0 }

func (j *judge) judgeAddresses() {
	for i := range j.cfg.active {
		a := &j.cfg.active[i]
		if a.places == nil {
			continue
		}
		a.places(j, a, func(v *variant, h hit) { j.add(a, v, -1, h) })
	}
}

func (j *judge) add(a *active, v *variant, user int32, h hit) {
	h.severity = cmp.Or(h.severity, v.Severity)
	j.findings = append(room(j.findings), finding{hit: h, detection: a.index, user: user, notify: v.Notify})
}

// subject is the pseudonym of whom a finding is about.
func (j *judge) subject(f *finding) string {
	if f.user < 0 {
		s, ok := j.subjects[f.address]
		if !ok {
			s = j.pseudo.Address(f.address)
			j.subjects[f.address] = s
		}
		return s
	}
	u := &j.users[f.user]
	if u.subject == "" {
		u.subject = j.pseudo.User(u.store, u.name)
	}
	return u.subject
}

// byCreation sorts sessions, oldest first; those that do not say so are last, as
// if they began now. Of the same moment they are in the snapshot's order.
func (j *judge) byCreation(sessions []int32) {
	slices.SortFunc(sessions, func(a, b int32) int {
		if order := cmp.Or(cmp.Compare(j.flags[b]&isDated, j.flags[a]&isDated), cmp.Compare(j.age[b], j.age[a])); order != 0 {
			return order
		}
		// Ages have a limit.
		return cmp.Or(j.snapshot.Sessions[a].Created.Compare(j.snapshot.Sessions[b].Created), cmp.Compare(a, b))
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// first is the earliest creation of the sessions; zero if none says so.
func (j *judge) first(sessions []int32) (first time.Time) {
	for _, n := range sessions {
		if c := j.snapshot.Sessions[n].Created; !c.IsZero() && (first.IsZero() || c.Before(first)) {
			first = c
		}
	}
	return first
}

// later adds to a time that is known.
func later(t time.Time, d time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(d)
}

// which keeps the sessions that fit, as a new slice.
func (v *view) which(fits func(n int32) bool) []int32 {
	v.scratch = v.scratch[:0]
	for _, n := range v.sessions {
		if fits(n) {
			v.scratch = append(v.scratch, n)
		}
	}
	return v.keep(v.scratch)
}

// keep copies sessions that show something. Many copies share one piece of memory.
func (j *judge) keep(sessions []int32) []int32 {
	if cap(j.kept)-len(j.kept) < len(sessions) {
		j.kept = make([]int32, 0, max(len(sessions), min(len(j.of), maxKept)))
	}
	from := len(j.kept)
	j.kept = append(j.kept, sessions...)
	return j.kept[from:len(j.kept):len(j.kept)]
}

const maxKept = 4096 // sessions in one piece of memory, unless one finding has more

// fires adds a finding if there are sessions that show it, which begins with the
// first of them.
func (v *view) fires(sessions []int32) {
	if len(sessions) > 0 {
		v.add(hit{sessions: sessions, starts: v.first(sessions), limit: -1})
	}
}
