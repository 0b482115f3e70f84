package collector

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// A session ends where a set that must hold it was fully listed without it, and
// nowhere else.
func TestEndsByWholeSets(t *testing.T) {
	from := func(id, user session.Key, ip, store string, change ...func(*session.Session)) session.Session {
		s := session.Session{ID: id, User: user, ClientIP: ip, IdentityStore: store, Status: session.Active, Created: at(-5)}
		for _, f := range change {
			f(&s)
		}
		return s
	}
	expires := func(minute int) func(*session.Session) {
		return func(s *session.Session) { s.Expires = at(minute) }
	}
	idles := func(minute int) func(*session.Session) {
		return func(s *session.Session) { s.IdlesAt = at(minute) }
	}
	over := func(s *session.Session) { s.Status = session.Expired }
	snap := func(minute int, sessions []session.Session, whole ...session.Set) *session.Snapshot {
		s := partly(complete(at(minute), sessions...))
		s.FullyListed = whole
		return s
	}
	besides := func(s *session.Snapshot, keys ...session.Key) *session.Snapshot { s.ListedLater = keys; return s }
	list := func(s ...session.Session) []session.Session { return s }
	ann := from(1, 11, "10.0.0.1", "oud")
	anns := session.Set{User: 11}
	first, second := session.Set{ClientIP: "10.0.0.1"}, session.Set{ClientIP: "10.0.0.2"}
	gone := map[EndReason]int{EndGone: 1}
	for _, c := range []struct {
		name    string
		snaps   []*session.Snapshot
		ended   map[EndReason]int
		lengths []time.Duration
	}{
		{"its address lacks it", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, first)}, gone, []time.Duration{9 * time.Minute}},
		{"its user lacks it", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, anns)}, gone, []time.Duration{9 * time.Minute}},
		{"its store lacks it", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, session.Set{IdentityStore: "oud"})}, gone, []time.Duration{9 * time.Minute}},
		{"no set", []*session.Snapshot{snap(0, list(ann)), snap(4, nil)}, nil, nil},
		{"another address", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, second)}, nil, nil},
		{"another user", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, session.Set{User: 12})}, nil, nil},
		{"another store, and one never seen", []*session.Snapshot{snap(0, list(ann, from(2, 12, "", "ad"))), snap(4, list(from(2, 12, "", "ad")), session.Set{IdentityStore: "ad"}, session.Set{IdentityStore: "x"})}, nil, nil},
		{"an address that is spelt otherwise", []*session.Snapshot{snap(0, list(from(1, 11, "2001:DB8::1", "oud"))), snap(4, nil, session.Set{ClientIP: "2001:db8::1"})}, nil, nil},
		{"a user as an address", []*session.Snapshot{snap(0, list(from(1, 11, "oud", "10.0.0.1"))), snap(4, nil, first, session.Set{IdentityStore: "oud"})}, nil, nil},
		{"a set that says nothing is not all", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, session.Set{})}, nil, nil},
		{"what is not told of a session is in no set", []*session.Snapshot{snap(0, list(from(1, 0, "", ""))), snap(4, nil, first, anns, session.Set{IdentityStore: "oud"}, session.Set{ClientIP: "10.0.0.1", IdentityStore: "oud"})}, nil, nil},
		{"a part of its address", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, session.Set{User: 11, ClientIP: "10.0.0.1"})}, gone, []time.Duration{9 * time.Minute}},
		{"another part of its address", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, session.Set{User: 12, ClientIP: "10.0.0.1"}, session.Set{ClientIP: "10.0.0.1", IdentityStore: "ad"})}, nil, nil},
		{"its address now, where it told none before", []*session.Snapshot{snap(0, list(from(1, 11, "", "oud"))), snap(1, list(ann)), snap(4, nil, first)}, gone, []time.Duration{9 * time.Minute}},
		{"where sessions move, addresses prove nothing", []*session.Snapshot{snap(0, list(ann, from(2, 12, "10.0.0.2", "oud"))), snap(1, list(from(1, 11, "10.0.0.3", "oud"))),
			snap(4, nil, first, second, session.Set{ClientIP: "10.0.0.3"}, session.Set{ClientIP: "10.0.0.2", User: 12})}, nil, nil},
		{"where sessions move, users still do", []*session.Snapshot{snap(0, list(ann, from(2, 12, "10.0.0.2", "oud"))), snap(1, list(from(1, 11, "10.0.0.3", "oud"))), snap(4, nil, anns)}, gone, []time.Duration{9 * time.Minute}},
		{"where users' names change, users don't", []*session.Snapshot{snap(0, list(ann)), snap(1, list(from(1, 12, "10.0.0.1", "oud"))), snap(4, nil, session.Set{User: 12})}, nil, nil},
		{"where stores change, stores don't", []*session.Snapshot{snap(0, list(ann)), snap(1, list(from(1, 11, "10.0.0.1", "ad"))), snap(4, nil, session.Set{IdentityStore: "ad"})}, nil, nil},
		{"a week after sessions moved", []*session.Snapshot{snap(0, list(ann)), snap(1, list(from(1, 11, "10.0.0.2", "oud"))), snap(8*24*60, list(from(1, 11, "10.0.0.2", "oud"))), snap(8*24*60+1, nil, second)}, gone, []time.Duration{(8*24*60 + 6) * time.Minute}},
		{"listed, and lacked by a set that was asked later: not yet", []*session.Snapshot{snap(0, list(ann)), snap(4, list(ann), first)}, nil, nil},
		{"listed, though not among those that count", []*session.Snapshot{snap(0, list(ann)), besides(snap(4, nil, first), 1, 7)}, nil, nil},
		{"past its expiry", []*session.Snapshot{snap(0, list(from(1, 11, "10.0.0.1", "oud", expires(3), idles(2)))), snap(4, nil, first)}, map[EndReason]int{EndExpired: 1}, []time.Duration{8 * time.Minute}},
		{"past its idle limit", []*session.Snapshot{snap(0, list(from(1, 11, "10.0.0.1", "oud", expires(30), idles(2)))), snap(4, nil, first)}, map[EndReason]int{EndIdle: 1}, []time.Duration{7 * time.Minute}},
		{"over before", []*session.Snapshot{snap(0, list(from(1, 11, "10.0.0.1", "oud", over))), snap(4, nil, first)}, nil, nil},
		{"two sets, and a complete snapshot after them, end it once", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, first, anns), snap(5, nil, first), complete(at(6))}, gone, []time.Duration{9 * time.Minute}},
		{"listed again by mistake", []*session.Snapshot{snap(0, list(ann)), snap(4, nil, first), snap(5, list(ann)), snap(6, nil, first), besides(snap(7, nil), 1), snap(8, nil, anns)}, gone, []time.Duration{9 * time.Minute}},
		{"unproven at first", []*session.Snapshot{snap(0, list(ann)), snap(2, nil, second), snap(4, nil, anns)}, gone, []time.Duration{9 * time.Minute}},
		{"a first look proves nothing", []*session.Snapshot{snap(0, nil, first), snap(4, list(ann))}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLifecycle(maxRemembered)
			started, ended, lengths := 0, map[EndReason]int{}, []time.Duration(nil)
			for _, s := range c.snaps {
				ch := see(l, s)
				started += ch.started
				for r, n := range ch.ended {
					ended[r] += n
				}
				lengths = append(lengths, ch.lengths...)
			}
			if started != 0 || !maps.Equal(ended, c.ended) || !slices.Equal(lengths, c.lengths) {
				t.Errorf("started %d, ended %v, lengths %v; want none, %v, %v", started, ended, lengths, c.ended, c.lengths)
			}
		})
	}
}

// Of more stores than are told apart, those left over prove no end.
func TestEndsWithManyStores(t *testing.T) {
	l := newLifecycle(maxRemembered)
	var all []session.Session
	var whole []session.Set
	for i := range 300 {
		store := fmt.Sprint("store ", i)
		all = append(all, session.Session{ID: session.Key(i + 1), IdentityStore: store, Status: session.Active, Created: at(-5)})
		whole = append(whole, session.Set{IdentityStore: store})
	}
	see(l, partly(complete(at(0), all...)))
	empty := partly(complete(at(1)))
	empty.FullyListed = whole[290:] // of stores that have no number
	if ch := see(l, empty); len(ch.ended) != 0 {
		t.Errorf("ended %v; want len 0", ch.ended)
	}
	empty = partly(complete(at(2)))
	empty.FullyListed = whole
	if ch := see(l, empty); ch.ended[EndGone] != 255 {
		t.Errorf("ended %v, want 255", ch.ended)
	}
}
