package search

import (
	"slices"

	"iam_session_exporter/internal/oam/filter"
)

// maxForUsers is how many queries of a refresh may go to users who are wanted by name.
const maxForUsers = 20

// forUsers is how many queries the users who are wanted need.
func (s *Search) forUsers() int { return min(len(s.Want.Users), maxForUsers) }

// Users asks for the users who are wanted by name, but for those whose sessions are
// all listed. One who seems to have no session is asked for until that is proven.
func (s *Search) Users() Queries {
	return func(yield func([]filter.Query) bool) {
		left := maxForUsers
		ask := func(users ...string) bool {
			if users = users[:min(len(users), left, s.spare())]; len(users) == 0 {
				return false
			}
			qs := make([]filter.Query, len(users))
			for i, u := range users {
				qs[i] = filter.Query{User: u}
			}
			left -= len(users)
			return yield(qs)
		}
		users := s.Want.Users
		s.Want.Users = nil // nothing is kept for them any more
		users = slices.DeleteFunc(slices.Clone(users), s.log.UserListed)
		for len(users) > 0 && left > 0 && s.spare() > 0 && s.log.AsksUsers() {
			n := min(s.width(), len(users), left, s.spare())
			s.UsersAsked = append(s.UsersAsked, users[:n]...)
			if !ask(users[:n]...) {
				return
			}
			for _, u := range users[:n] {
				if !s.settle(u, ask) {
					return
				}
			}
			users = users[n:]
		}
	}
}

// settle asks what proves that a user has no session, if it seems so.
func (s *Search) settle(user string, ask func(...string) bool) bool {
	if other, ok := s.log.UserUnfound(user); ok && !slices.Contains(s.controls, other) {
		s.controls = append(s.controls, other)
		if !ask(other) {
			return false
		}
	}
	for s.log.UserUnconfirmed(user) {
		if before := s.log.Asked(); !ask(user) || s.log.Asked() == before {
			return false
		}
	}
	return true
}
