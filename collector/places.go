package collector

import (
	"math"

	"iam_session_exporter/internal/session"
)

// places tells which sets a session must be in from the little that a trail
// keeps of it. Addresses are kept as hashes, stores as numbers.
type places struct {
	hasher session.Hasher
	stores map[string]uint8
}

// place is a set as trails know it; zero where it says nothing.
type place struct {
	address, user session.Key
	store         uint8
	impersonating session.Whether
}

func newPlaces() *places {
	return &places{hasher: session.NewHasher(), stores: map[string]uint8{}}
}

// of returns what a trail keeps of a session's address and store.
func (p *places) of(s *session.Session) (address session.Key, store uint8) {
	return p.hasher.Key(s.ClientIP), p.store(s.IdentityStore)
}

// store numbers the stores from 1. Those beyond what fits are 0, as is none: of
// them nothing can be said.
func (p *places) store(name string) uint8 {
	if name == "" {
		return 0
	}
	n, ok := p.stores[name]
	if !ok && len(p.stores) < math.MaxUint8 {
		n = uint8(len(p.stores) + 1)
		p.stores[name] = n
	}
	return n
}

// covered returns a function that reports whether a session must be in one of
// some sets.
func (p *places) covered(sets []session.Set) func(trail) bool {
	in := make(map[place]bool, len(sets))
	shapes := map[place]bool{} // which parts of a place sets speak of
	for _, s := range sets {
		x := place{address: p.hasher.Key(s.ClientIP), user: s.User, impersonating: s.Impersonating}
		if s.IdentityStore != "" {
			if x.store = p.stores[s.IdentityStore]; x.store == 0 {
				continue // no session of it is known, or can be told to be in it
			}
		}
		if x == (place{}) {
			continue // everything: only Complete says so
		}
		in[x] = true
		shapes[x.shape()] = true
	}
	return func(t trail) bool {
		for shape := range shapes {
			if x, ok := shape.cut(t); ok && in[x] {
				return true
			}
		}
		return false
	}
}

// shape is 1 wherever a place says something.
func (x place) shape() place {
	var out place
	if x.address != 0 {
		out.address = 1
	}
	if x.user != 0 {
		out.user = 1
	}
	if x.store != 0 {
		out.store = 1
	}
	if x.impersonating != session.NotSaid {
		out.impersonating = session.Yes
	}
	return out
}

// cut returns the place of a shape that a session is in. It reports false where
// too little is known of the session.
func (x place) cut(t trail) (place, bool) {
	out := place{address: x.address * t.address, user: x.user * t.user, store: x.store * t.store}
	if x.impersonating != session.NotSaid {
		out.impersonating = session.No
		if t.impersonating {
			out.impersonating = session.Yes
		}
	}
	return out, out.shape() == x
}
