package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"iam_session_exporter/internal/session"
)

// Provider is an identity provider of Intersight's account.
type Provider struct {
	Moid      string
	Name      string // may be empty, or that of another one
	Type      string // saml, oidc, local, guest; a reference has none
	Reference bool   // the account's link to Cisco's own provider: an IdpReference, not an Idp
	Hidden    bool   // not listed
}

// User is an account in Intersight.
type User struct {
	Moid        string
	Provider    string    // the provider's Moid; "": none
	LockedUntil time.Time // may be past; zero: never locked
	Hidden      bool      // not listed
}

// DefaultProviders are those of a world that is not given any: an own one, the
// reference to Cisco's, and that of local users.
func DefaultProviders() []Provider {
	return []Provider{
		{Moid: providerMoid(1), Name: "Okta", Type: "saml"},
		{Moid: providerMoid(2), Name: "Cisco", Reference: true},
		{Moid: providerMoid(3), Name: "Local", Type: localType},
	}
}

const localType = "local"

func providerMoid(n int) string { return fmt.Sprintf("59c84e4a16267c0001%06x", n) }

// directory is Intersight's users and providers.
type directory struct {
	providers []Provider
	users     map[string]*User // by Moid
}

func newDirectory(providers []Provider) directory {
	return directory{providers: slices.Clone(providers), users: make(map[string]*User)}
}

// enroll makes a user of a person: local ones of a local provider, where there is
// one, others of any other.
func (d *directory) enroll(who *person) {
	u := &User{Moid: who.moid}
	fits := func(p Provider) bool { return (p.Type == localType) == who.local }
	var choice []string
	for _, p := range d.providers {
		if fits(p) {
			choice = append(choice, p.Moid)
		}
	}
	if n := uint64(len(choice)); n > 0 {
		u.Provider = choice[Hash(who.moid)%n]
	}
	d.users[u.Moid] = u
	who.user = u
}

// ensure lists the user of a session made by hand, who has no provider.
func (d *directory) ensure(moid string) {
	if _, ok := d.users[moid]; !ok && moid != "" {
		d.users[moid] = &User{Moid: moid}
	}
}

// sorted lists all users by Moid.
func (d *directory) sorted() []*User {
	out := make([]*User, 0, len(d.users))
	for _, u := range d.users {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *User) int { return strings.Compare(a.Moid, b.Moid) })
	return out
}

// storeOf is the name of a user's provider, and whether it can't be read: the
// user, or the provider, is not listed, or has no name.
func (d *directory) storeOf(moid string) (name string, unknown bool) {
	u := d.users[moid]
	if u == nil || u.Hidden {
		return "", true
	}
	if u.Provider == "" {
		return "", false
	}
	i := slices.IndexFunc(d.providers, func(p Provider) bool { return p.Moid == u.Provider })
	if i < 0 || d.providers[i].Hidden {
		return "", true
	}
	name = d.providers[i].Name
	return name, name == ""
}

// Providers lists Intersight's identity providers, hidden ones too.
func (w *World) Providers() []Provider {
	defer w.enter()()
	return slices.Clone(w.directory.providers)
}

// SetProviders replaces Intersight's identity providers. Users keep the Moid of
// theirs, even if there is none of it any more.
func (w *World) SetProviders(providers []Provider) {
	defer w.enter()()
	w.directory.providers = slices.Clone(providers)
}

// Users lists Intersight's users by Moid, hidden ones too.
func (w *World) Users() []User {
	defer w.enter()()
	var out []User
	for _, u := range w.directory.sorted() {
		out = append(out, *u)
	}
	return out
}

// Locked is how many of the users listed are locked out.
func (w *World) Locked() int {
	defer w.enter()()
	n := 0
	for _, u := range w.directory.users {
		if !u.Hidden && w.now.Before(u.LockedUntil) {
			n++
		}
	}
	return n
}

// AddUsers adds n users who have no session; edit, if not nil, gets the number of
// each, from 0.
func (w *World) AddUsers(n int, edit func(i int, u *User)) {
	defer w.enter()()
	for i := range n {
		w.made++
		u := &User{Moid: fmt.Sprintf("5d00000000000000%08x", w.made)}
		if edit != nil {
			edit(i, u)
		}
		w.directory.users[u.Moid] = u
	}
}

// ModifyUsers edits every user but for its Moid, in the order of Moids.
func (w *World) ModifyUsers(edit func(i int, u *User)) {
	defer w.enter()()
	for i, u := range w.directory.sorted() {
		moid := u.Moid
		edit(i, u)
		u.Moid = moid
	}
}

// lockOut locks a local user after too many failures in a row, as Intersight does
// by its password policy. Administrators are spared, as they are by default.
func (w *World) lockOut(p *pool, who *person) {
	if p.LockAfter <= 0 || !who.local || who.role == roleNames[0] || who.locked(w.now) {
		return
	}
	who.failedAt = append(who.failedAt, w.now)
	who.failedAt = who.failedAt[max(0, len(who.failedAt)-p.LockAfter):]
	if len(who.failedAt) == p.LockAfter && w.now.Sub(who.failedAt[0]) <= p.LockWindow {
		who.user.LockedUntil = w.now.Add(p.LockFor).Truncate(p.Quantum)
		who.failedAt = nil
	}
}

// locked reports whether a person can't log in to Intersight.
func (p *person) locked(now time.Time) bool { return p.user != nil && now.Before(p.user.LockedUntil) }

// describe fills in what is true of a session at this moment.
func (w *World) describe(p *pool, s *Session) {
	s.Status = p.statusOf(s, w.now)
	if p.api == session.Intersight {
		s.Store, s.StoreUnknown = w.directory.storeOf(s.UserMoid)
	}
}
