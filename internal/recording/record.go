package recording

import (
	"net/netip"
	"sync"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

// Recorder writes what refreshes of sources come to. It is a collector.Observer.
type Recorder struct {
	locate func(string) (detection.Place, bool)
	told   func(*Line, error) // of each line, and whether it could be written

	mu     sync.Mutex
	pseudo *detection.Pseudonymizer
	out    *Writer
	ahead  map[string]time.Duration // the API's clock before ours, by source
	closed bool
}

// NewRecorder returns a Recorder that makes pseudonyms with a key. locate says where
// client addresses are. told is called after each line.
func NewRecorder(out *Writer, key []byte, locate func(string) (detection.Place, bool), told func(*Line, error)) *Recorder {
	return &Recorder{locate: locate, told: told, pseudo: detection.NewPseudonymizer(key), out: out, ahead: map[string]time.Duration{}}
}

// Wants implements collector.Observer.
func (r *Recorder) Wants(string) session.Want { return session.Want{Identities: true} }

// Observe implements collector.Observer.
func (r *Recorder) Observe(o collector.Observation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	l := r.line(o)
	r.told(l, r.out.Write(l))
}

// Close ends the recording: nothing is written after it.
func (r *Recorder) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

func (r *Recorder) line(o collector.Observation) *Line {
	l := &Line{Source: o.Source, API: o.API}
	if o.Snapshot == nil {
		l.Taken, l.Error = o.Began.Add(r.ahead[o.Source]), "failed"
		if o.Err != nil {
			l.Error = o.Err.Error()
		}
		return l
	}
	snap := o.Snapshot
	if !o.Read.IsZero() {
		r.ahead[o.Source] = snap.Taken.Sub(o.Read)
	}
	l.Taken, l.Complete, l.Total = snap.Taken, snap.Complete, int64(snap.Total)
	if d := snap.Limits.Lifetime; d != nil {
		s := int64(*d / time.Second)
		l.Lifetime = &s
	}
	l.Sessions = make([]Session, len(snap.Sessions))
	for i := range snap.Sessions {
		l.Sessions[i] = r.session(o, i)
	}
	return l
}

func (r *Recorder) session(o collector.Observation, n int) Session {
	s, who := &o.Snapshot.Sessions[n], o.Snapshot.Who(n)
	out := Session{
		ID: r.pseudo.Session(o.Source, s.ID, who), Role: s.Role, Status: s.Status.String(),
		Created: known(s.Created), Ended: known(s.Ended), Expires: known(s.Expires), LastLogin: known(who.LastLogin),
	}
	if who.User != nil {
		out.User = r.pseudo.Person(o.API, who.User)
	}
	if !s.StoreUnknown {
		out.IdentityStore = s.IdentityStore
	}
	if place, ok := r.locate(s.ClientIP); ok && s.ClientIP != "" {
		out.Address, out.Network = r.pseudo.Address(place.Address), place.Network
		out.Prefix = r.prefix(place)
	}
	if o.Facts.Has(session.FactFailedLogins) && s.FailedLogins >= 0 {
		out.FailedLogins = &s.FailedLogins
	}
	if o.Facts.Has(session.FactImpersonation) {
		out.Impersonating = &s.Impersonating
	}
	return out
}

// prefix is the pseudonym of the network around an address. It begins with its
// family, as networks of each are counted apart; what a named network is called
// stands beside it.
func (r *Recorder) prefix(p detection.Place) string {
	a, err := netip.ParseAddr(p.Address)
	if err != nil {
		return ""
	}
	family := ofIPv4
	if p.IPv6 {
		family = ofIPv6
	}
	around := detection.NewPlace(a, "").Prefix
	return family + r.pseudo.Make(ofPrefix[:1], "prefix", "", around)[len(family):]
}

// known is a time that can be written, or nil.
func known(t time.Time) *time.Time {
	if y := t.UTC().Year(); t.IsZero() || y < 1 || y > 9999 {
		return nil
	}
	t = t.UTC()
	return &t
}
