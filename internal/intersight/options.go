package intersight

import "iam_session_exporter/internal/session"

// Options are what a source of Intersight has to be told, and others don't.
type Options struct {
	Filter            session.Filter // only sessions that fit all of it; keys of FilterKeys
	Exclude           session.Filter // none of those that fit one of its conditions; the same keys
	IdentityProviders bool           // ask iam/Users for the users' identity providers and locks
}
