package oam

import (
	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// users makes criteria of the users who are wanted by name. It opens their names, as
// the API from which they came can be asked for them in no other way; they go into
// the bodies of requests, and nowhere else.
func users(wanted []session.User) []plan.User {
	all := make([]plan.User, len(wanted))
	for i, u := range wanted {
		all[i] = plan.User{Name: u.Name.Open(), Store: u.Store, Urgent: u.Urgent}
	}
	return all
}
