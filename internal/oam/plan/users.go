package plan

import (
	"cmp"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/filter"
)

// users are those wanted by name that a query can ask for, each as one of its store.
func (s *refresh) users() (users []filter.Query) {
	base := s.limits.Filter
	if base.User != "" {
		return nil // who is there is known
	}
	for _, u := range s.limits.Users[:min(len(s.limits.Users), maxUsers)] {
		q := filter.Query{User: u.Name, Store: u.Store}
		if base.Store != "" {
			if q.Store != "" && !strings.EqualFold(q.Store, base.Store) {
				continue
			}
			q.Store = "" // rows come without what the filter fixes
		}
		if filter.Askable(q.User) {
			users = append(users, q)
		}
	}
	return users
}

// order lists the names of users: urgent ones first, and of each kind those first
// whom refreshes have not asked for longest. Of all others it forgets when they were
// asked for.
func (m *Memory) order(users []filter.Query, wanted []User) []string {
	urgent, asked := map[string]bool{}, map[string]int64{}
	var names []string
	for _, q := range users {
		if _, known := asked[q.User]; !known {
			names = append(names, q.User)
			asked[q.User] = m.usersAsked[q.User]
		}
	}
	for _, u := range wanted {
		urgent[u.Name] = urgent[u.Name] || u.Urgent
	}
	m.usersAsked = asked
	slices.SortStableFunc(names, func(a, b string) int {
		if urgent[a] != urgent[b] {
			if urgent[a] {
				return -1
			}
			return 1
		}
		return cmp.Compare(asked[a], asked[b])
	})
	return names
}

// noteUsers remembers who was asked for.
func (m *Memory) noteUsers(names []string) {
	m.refreshes++
	for _, name := range names {
		m.usersAsked[name] = m.refreshes
	}
}
