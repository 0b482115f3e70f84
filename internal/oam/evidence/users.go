package evidence

import (
	"maps"
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// That a user has no session is shown by a search for the user that lists all it
// counts, and none of the user's store. As such a search may not look into all
// stores, it counts for those whose users were lately found in this way.

// maxUsersOf is how many stores count as such.
const maxUsersOf = 1000

// storesOf are the stores of users, by their names.
func storesOf(users []filter.Query) map[string][]string {
	of := make(map[string][]string, len(users))
	for _, q := range users {
		of[q.User] = append(of[q.User], q.Store)
	}
	return of
}

// claimUsers adds the users that were asked about and have no session.
func (l *Log) claimUsers(claims map[filter.Query]claim) {
	if !l.AsksUsers() {
		return
	}
	for user, stores := range l.users {
		q := filter.Query{User: user}
		a, full := l.listings.full[q]
		if !full || len(a.rows) == filter.Window && !l.past.Beyond || l.doubtful(q) {
			continue
		}
		for _, store := range stores {
			set := filter.Query{User: user, Store: store}
			if _, listed := claims[set]; !listed && l.findsUsersOf(store) {
				claims[set] = claim{filter.OfUser, filter.OfUser, a}
			}
		}
	}
}

// findsUsersOf reports whether a search for a user has lately found one of a store.
func (l *Log) findsUsersOf(store string) bool {
	at, ok := l.past.UsersOf[store]
	return l.listings.usersOf[store] || ok && l.t0-at < foundFor
}

// AsksUsers reports whether a search for a user can prove anything.
func (l *Log) AsksUsers() bool {
	return l.shows(filter.OfUser) && (!l.filtered || l.past.Can.Combine == filter.Yes)
}

// UserListed reports whether all sessions of a user were listed, or nothing is to be
// known of the user.
func (l *Log) UserListed(user string) bool {
	if _, full := l.listings.full[filter.Query{User: user}]; full {
		return true
	}
	return !slices.ContainsFunc(l.users[user], func(store string) bool {
		_, full := l.listings.full[filter.Query{Store: store}]
		return !full || !l.shows(filter.OfStore)
	})
}

// UserUnconfirmed reports whether a user seems to have no session, and too few
// answers without a total say so: asking again may prove it.
func (l *Log) UserUnconfirmed(user string) bool {
	return l.doubtful(filter.Query{User: user}) && slices.ContainsFunc(l.users[user], l.findsUsersOf)
}

// UserUnfound returns a listed user of a store of which no search for a user was seen
// to find any: only if one finds that user, another proves that some user of the
// store has no session.
func (l *Log) UserUnfound(user string) (other string, ok bool) {
	if a, full := l.listings.full[filter.Query{User: user}]; !full || len(a.rows) > 0 {
		return "", false
	}
	for _, store := range l.users[user] {
		if l.findsUsersOf(store) {
			continue
		}
		for i := range l.rows {
			if r := &l.rows[i]; r.Store == store && r.User != user && filter.Askable(r.User) {
				return r.User, true
			}
		}
	}
	return "", false
}

// rememberUsersOf adds to what is remembered the stores whose users were found.
func (l *Log) rememberUsersOf(p *Past) {
	for store := range l.listings.usersOf {
		p.UsersOf[store] = l.t0
	}
	maps.DeleteFunc(p.UsersOf, func(_ string, at int64) bool { return l.t0-at >= foundFor })
	if len(p.UsersOf) > maxUsersOf {
		clear(p.UsersOf)
	}
}
