package intersight

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/session"
)

const (
	// usersEvery and providersEvery are how often they are asked for at most. Users are
	// asked for sooner while sessions have some that are not known; not if we are
	// refused, as that is not about them.
	usersEvery     = 5 * time.Minute
	strangersEvery = time.Minute
	providersEvery = 15 * time.Minute

	// usersLast and providersLast are how long a list is believed that can't be read
	// anew. A lock lasts 15 minutes unless that was changed: an older list knows of
	// none that is on. Which provider a user has, and its name, change rarely, but who
	// has come since is missing. Both bridge two failures.
	usersLast     = 15 * time.Minute
	providersLast = 45 * time.Minute
)

// directory is what is known of the account's users and identity providers. They
// are asked for beside the sessions, now and then, and remembered.
type directory struct {
	logger     log.Logger
	users      remembered[*userList]
	providers  remembered[providerNames]
	references remembered[providerNames]
	strangers  atomic.Bool // the latest sessions have users that are not known
}

// newDirectory makes a directory that asks endpoints which list makes.
func newDirectory(list func(path, list string, properties ...string) *endpoint, hasher session.Hasher, logger log.Logger) *directory {
	d := &directory{logger: logger}
	d.users = remembered[*userList]{
		health:   health{what: "Users", once: true},
		endpoint: list("/api/v1/iam/Users", "iam.User.List", "Moid", "Idp", "Idpreference", "LockedUntil"),
		last:     usersLast,
		read:     func(ctx context.Context, e *endpoint) (*userList, error) { return readUsers(ctx, e, hasher) },
	}
	names := func(ctx context.Context, e *endpoint) (providerNames, error) { return readProviders(ctx, e, hasher) }
	d.providers = remembered[providerNames]{
		health:   health{what: "Identity providers", once: true},
		endpoint: list("/api/v1/iam/Idps", "iam.Idp.List", "Moid", "Name", "Type"),
		last:     providersLast,
		read:     names,
	}
	d.references = remembered[providerNames]{
		health:   health{what: "References to identity providers", once: true},
		endpoint: list("/api/v1/iam/IdpReferences", "iam.IdpReference.List", "Moid", "Name"), // they have no Type
		last:     providersLast,
		read:     names,
	}
	return d
}

// ask begins to ask for what is due, which is nil otherwise.
func (d *directory) ask(ctx context.Context, now time.Time) (*errand[*userList], *errand[providerNames], *errand[providerNames]) {
	every := usersEvery
	if d.strangers.Load() && !d.users.refused() {
		every = strangersEvery
	}
	return d.users.ask(ctx, now, every), d.providers.ask(ctx, now, providersEvery), d.references.ask(ctx, now, providersEvery)
}

// take waits for what was asked for.
func (d *directory) take(ctx context.Context, b *beside, p patience) {
	d.users.take(ctx, b.users, p, d.logger)
	d.providers.take(ctx, b.providers, p, d.logger)
	d.references.take(ctx, b.references, p, d.logger)
}

// close abandons what is not answered yet.
func (d *directory) close() {
	d.users.close()
	d.providers.close()
	d.references.close()
}

// tell adds to a snapshot what is known; now is our clock. referring says that the
// sessions were asked for their users.
func (d *directory) tell(snap *session.Snapshot, now time.Time, referring bool) {
	users, ok := d.users.known(now)
	d.strangers.Store(!ok)
	if !ok {
		return
	}
	// By the API's clock, each time: a lock that was on when the users were listed may
	// be over.
	snap.LockedUsers = users.lockedAt(snap.Taken)
	providers, listed := d.providers.known(now)
	references, referenced := d.references.known(now)
	if !referring || !users.refers() {
		return
	}
	stores := users.stores(providers, references)
	if named := slices.ContainsFunc(stores, func(s store) bool { return s.name != "" }); !named && !(listed && referenced) {
		return // no provider has a name, for want of a list
	}
	d.strangers.Store(fillStores(snap.Sessions, users, stores))
	snap.Resolved[session.DimensionIdentityStore] = session.Resolution{Listed: true}
}

// fillStores tells each session its user's identity store. It reports whether there are
// users that are not known.
func fillStores(sessions []session.Session, users *userList, stores []store) (strangers bool) {
	for i := range sessions {
		s := &sessions[i]
		if s.StoreUnknown {
			continue // it refers to no user
		}
		at, ok := users.users[s.User]
		if !ok {
			s.StoreUnknown, strangers = true, true
			continue
		}
		s.IdentityStore, s.StoreUnknown = stores[at].name, !stores[at].known
	}
	return strangers
}
