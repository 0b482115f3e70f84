package detection

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"strconv"
	"strings"

	"iam_session_exporter/internal/session"
)

// Pseudonymizer makes pseudonyms of users and addresses. The same key makes the
// same ones. It is not safe for concurrent use.
type Pseudonymizer struct {
	mac      hash.Hash
	buf      []byte
	recorded bool
}

// NewPseudonymizer returns a Pseudonymizer with a key.
func NewPseudonymizer(key []byte) *Pseudonymizer {
	return &Pseudonymizer{mac: hmac.New(sha256.New, key)}
}

const pseudonymBytes = 10

// Make returns the pseudonym of anything: a letter for its kind, and what is
// left of a keyed hash of the kind, the store and the name.
func (p *Pseudonymizer) Make(letter, kind, store, name string) string {
	p.mac.Reset()
	b := p.buf[:0]
	b = append(append(b, kind...), 0)
	b = append(append(b, store...), 0)
	b = append(b, name...)
	p.mac.Write(b)
	b = p.mac.Sum(b[:0])
	sum := b[:pseudonymBytes]
	out := letter + "-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum))
	clear(b[:cap(b)]) // it held the name
	p.buf = b
	return out
}

// User returns the pseudonym of a user as detections know them: by the name, in
// lower case for Intersight, and for OAM by the identity store, too.
func (p *Pseudonymizer) User(store string, name session.Name) string {
	if p.recorded {
		return name.Open()
	}
	return p.Make("u", "user", store, name.Open())
}

// Address returns the pseudonym of a canonical address.
func (p *Pseudonymizer) Address(address string) string {
	if p.recorded {
		return address
	}
	return p.Make("a", "address", "", address)
}

// Person returns the pseudonym of a user of an API: the subject of alerts about
// whoever it is.
func (p *Pseudonymizer) Person(api session.API, who *session.Person) string {
	name := who.Name.Open()
	if api != session.OAM {
		name = strings.ToLower(name)
	}
	return p.Make("u", "user", who.Store, name)
}

// Session returns the pseudonym of a session of a source. Without a Moid it is the
// same until the process ends only.
func (p *Pseudonymizer) Session(source string, id session.Key, who session.Identity) string {
	if who.Moid.IsZero() {
		return p.Make("s", "session", source, strconv.FormatUint(uint64(id), 36))
	}
	return p.Make("s", "session", "", who.Moid.Open())
}
