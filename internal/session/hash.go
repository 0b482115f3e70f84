package session

import "hash/maphash"

// Key stands for an identity (a session id, a user) within one process. It is a
// keyed hash, so it can be compared but tells nothing, and differs after every
// start. The zero Key means "not told".
type Key uint64

// Hasher makes Keys. Keys of different Hashers do not compare.
type Hasher struct{ seed maphash.Seed }

// NewHasher returns a Hasher with a fresh random key.
func NewHasher() Hasher { return Hasher{seed: maphash.MakeSeed()} }

// Key hashes the parts in order; the parts' borders matter. No parts, or only
// empty ones, give the zero Key.
func (h Hasher) Key(parts ...string) Key {
	var m maphash.Hash
	m.SetSeed(h.seed)
	empty := true
	for _, p := range parts {
		empty = empty && p == ""
		m.WriteString(p)
		m.WriteByte(0)
	}
	if empty {
		return 0
	}
	return Key(max(m.Sum64(), 1))
}
