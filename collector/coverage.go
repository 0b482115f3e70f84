package collector

import (
	"math"
	"time"

	"iam_session_exporter/internal/session"
)

// coverage tells which sets a session must be in from the little that tracked
// keeps of it. Addresses are kept as hashes, stores as numbers.
type coverage struct {
	hasher session.Hasher
	stores map[string]uint8
	moved  place         // 1 wherever a session was seen to change
	at     time.Duration // our clock when that was last seen
}

// place is where a session is, or a set, which is zero where it says nothing.
type place struct {
	address, user session.Key
	store         uint8
}

// keepMoved is how long sets by what a session was seen to change prove no end.
const keepMoved = 7 * 24 * time.Hour

func newCoverage() *coverage {
	return &coverage{hasher: session.NewHasher(), stores: map[string]uint8{}}
}

func (p *coverage) of(s *session.Session) place {
	return place{p.hasher.Key(s.ClientIP), s.User, p.store(s.IdentityStore)}
}

func (t *tracked) place() place { return place{t.address, t.user, t.store} }

// store numbers the stores from 1. Those beyond what fits are 0, as is none: of
// them nothing can be said.
func (p *coverage) store(name string) uint8 {
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

// compare takes in where a session was and is. A session that moves is missing
// in a set without having ended.
func (p *coverage) compare(was, is place, ours time.Duration) {
	differ := func(a, b session.Key) session.Key {
		if a != 0 && b != 0 && a != b {
			return 1
		}
		return 0
	}
	address, user, store := differ(was.address, is.address), differ(was.user, is.user), differ(session.Key(was.store), session.Key(is.store))
	if address|user|store != 0 {
		p.moved, p.at = place{p.moved.address | address, p.moved.user | user, p.moved.store | uint8(store)}, ours
	}
}

// covered returns a function that reports whether a session must be in one of
// some sets.
func (p *coverage) covered(sets []session.Set, ours time.Duration) func(*tracked) bool {
	if ours-p.at > keepMoved {
		p.moved = place{}
	}
	in := make(map[place]bool, len(sets))
	shapes := map[place]bool{}
	for _, s := range sets {
		x := place{p.hasher.Key(s.ClientIP), s.User, p.stores[s.IdentityStore]}
		switch {
		case s.IdentityStore != "" && x.store == 0: // no session of it can be told to be in it
		case x == place{}: // only Complete says so of all
		case x.and(p.moved) != place{}:
		default:
			in[x] = true
			shapes[x.shape()] = true
		}
	}
	return func(t *tracked) bool {
		for shape := range shapes {
			if in[t.place().and(shape)] {
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
	return out
}

// and is what a place says of what a shape speaks of.
func (x place) and(shape place) place {
	return place{x.address * shape.address, x.user * shape.user, x.store * shape.store}
}
