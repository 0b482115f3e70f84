package intersight

import (
	"bytes"
	"context"
	"errors"
	"time"

	"iam_session_exporter/internal/session"
)

// Bounds of a list of users or of identity providers. An account has 200 users at
// most (iam.ResourceLimits, PerAccountUserLimit).
const (
	maxUsers      = 200_000
	maxProviders  = 10_000
	maxNameTexts  = 1 << 20 // all names of providers, in bytes
	maxBesideBody = 4 << 20 // one answer, in bytes: a thousand users of all their properties fit
	maxListPages  = 2000
)

var errNoUsers = errors.New("no user is listed, not even the one who asks")

// userList is what iam/Users says. It has neither names nor addresses of users.
type userList struct {
	users     map[session.Key]int32 // by Moid: which of the providers
	providers []provider            // each once; the first one is none
	locks     []time.Time           // when locks end that were on
	idps      bool                  // users were asked for their Idp
	refs      bool                  // and for their Idpreference
	locked    bool                  // and for their LockedUntil
	complete  bool                  // each user is listed
}

// provider is an identity provider as a user refers to it.
type provider struct {
	kind providerKind
	moid session.Key
	name string // where it came with the user
}

type providerKind uint8

const (
	noProvider providerKind = iota
	unknownProvider
	namedProvider  // by name
	listedProvider // by Moid, of iam/Idps
	referenced     // by Moid, of iam/IdpReferences
)

// store is the name of an identity store, if it is known; "" is none.
type store struct {
	name  string
	known bool
}

// refers reports whether users say which provider they have.
func (l *userList) refers() bool { return l.idps || l.refs }

// stores returns the identity stores that the providers are.
func (l *userList) stores(providers, references providerNames) []store {
	stores := make([]store, len(l.providers))
	for i, p := range l.providers {
		s := &stores[i]
		switch p.kind {
		case noProvider:
			s.known = true
		case namedProvider:
			*s = store{p.name, true}
		case listedProvider:
			s.name, s.known = providers[p.moid]
		case referenced:
			s.name, s.known = references[p.moid]
		}
	}
	return stores
}

// lockedAt counts the users that are locked at a time of the API's clock; nil where
// that can't be known. Where no user has LockedUntil, and it was accepted, nobody
// was locked: builds that lack it refuse it.
func (l *userList) lockedAt(now time.Time) *int {
	if !l.locked || !l.complete {
		return nil
	}
	n := 0
	for _, until := range l.locks {
		if until.After(now) {
			n++
		}
	}
	return &n
}

// readUsers asks for all users.
func readUsers(ctx context.Context, e *endpoint, hasher session.Hasher) (*userList, error) {
	r := newUserReader(hasher)
	count, steady, err := e.pages(ctx, r.page)
	if err != nil {
		return nil, err
	}
	if len(r.list.users) == 0 {
		// A key that may not see users is told of none.
		return nil, decodeError("GET "+e.path, errNoUsers)
	}
	r.list.complete = steady && (count < 0 || count == len(r.list.users))
	return r.list, nil
}

// userReader reads pages of users.
type userReader struct {
	hasher session.Hasher
	list   *userList
	seen   map[provider]int32
	kept   int // bytes of names
	full   bool
}

func newUserReader(hasher session.Hasher) *userReader {
	return &userReader{
		hasher: hasher,
		list:   &userList{users: map[session.Key]int32{}, providers: []provider{{}}},
		seen:   map[provider]int32{{}: 0},
	}
}

// page takes a page in. It returns how many rows it has, and whether there is room
// for more.
func (r *userReader) page(f *fetched) (rows int, more bool) {
	r.list.idps, r.list.refs, r.list.locked = asked(f, "Idp"), asked(f, "Idpreference"), asked(f, "LockedUntil")
	for row := range f.rows.items {
		rows++
		moid := row.field("moid").text()
		if len(moid) == 0 {
			continue
		}
		key := r.hasher.Key(string(moid))
		if _, ok := r.list.users[key]; ok {
			continue
		}
		if r.full = r.full || len(r.list.users) == maxUsers; r.full {
			continue
		}
		r.list.users[key] = r.number(r.provider(row))
		if until := row.field("lockeduntil").moment(); until.After(f.date) {
			r.list.locks = append(r.list.locks, until)
		}
	}
	return rows, !r.full
}

// number returns where a provider is in the list, to which it is added.
func (r *userReader) number(p provider) int32 {
	n, ok := r.seen[p]
	if !ok {
		n = int32(len(r.list.providers))
		r.seen[p] = n
		r.list.providers = append(r.list.providers, p)
	}
	return n
}

// provider returns a user's Idp, else the Idpreference, by which those who sign in
// with an account of Cisco have theirs.
func (r *userReader) provider(row raw) provider {
	p := r.refer(row.field("idp"), listedProvider)
	if p.kind == noProvider {
		p = r.refer(row.field("idpreference"), referenced)
	}
	if p.kind == noProvider && !(r.list.idps && r.list.refs) {
		return provider{kind: unknownProvider} // perhaps the one not asked for
	}
	return p
}

// refer reads a reference, or the object that it is about. null and a reference
// without a Moid are none.
func (r *userReader) refer(v raw, kind providerKind) provider {
	if !v.told() {
		return provider{}
	}
	if !v.is('{') {
		return provider{kind: unknownProvider}
	}
	if n := v.field("name").text(); len(n) > 0 && r.kept < maxNameTexts {
		n = cut(n)
		r.kept += len(n)
		return provider{kind: namedProvider, name: string(n)}
	}
	moid := v.field("moid").text()
	if len(moid) == 0 {
		return provider{}
	}
	return provider{kind: kind, moid: r.hasher.Key(string(moid))}
}

// providerNames are the names of identity providers, by Moid. Those without a name
// are not in it.
type providerNames map[session.Key]string

// readProviders asks for all identity providers, or for all references to some.
func readProviders(ctx context.Context, e *endpoint, hasher session.Hasher) (providerNames, error) {
	names := providerNames{}
	kept := 0
	_, _, err := e.pages(ctx, func(f *fetched) (rows int, more bool) {
		rows, kept = names.page(f, hasher, kept)
		return rows, len(names) < maxProviders && kept < maxNameTexts
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// page takes a page in. It returns how many rows it has, and the bytes of all names.
func (p providerNames) page(f *fetched, hasher session.Hasher, kept int) (rows, all int) {
	for row := range f.rows.items {
		rows++
		moid, name := row.field("moid").text(), cut(row.field("name").text())
		if len(moid) > 0 && len(name) > 0 && len(p) < maxProviders && kept < maxNameTexts {
			p[hasher.Key(string(moid))] = string(name)
			kept += len(name)
		}
	}
	return rows, kept
}

// pages asks for a list page by page, and gives each to take, which returns how many
// rows it has and whether more are wanted. It returns the Count, -1 where none is
// told, and whether all pages agree on it and are there.
func (e *endpoint) pages(ctx context.Context, take func(*fetched) (int, bool)) (count int, steady bool, err error) {
	var buf bytes.Buffer
	f, err := e.first(ctx, &buf)
	for n := 1; err == nil; n++ {
		told := -1
		if f.counted {
			told = f.count
		}
		if n == 1 {
			count, steady = told, true
		}
		steady = steady && told == count
		rows, more := take(f)
		next := f.skip + rows
		switch {
		// A Count may be of one page: a full one is not the last.
		case rows == 0, told >= 0 && next >= told && rows < pageSize:
			return count, steady, nil
		case !more, n == maxListPages:
			return count, false, nil
		}
		f, err = e.fetch(ctx, query{properties: f.properties, skip: next, buf: &buf})
	}
	return 0, false, err
}
