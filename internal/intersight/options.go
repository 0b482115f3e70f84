package intersight

import "iam_session_exporter/internal/session"

// Options are what a source of Intersight has to be told, and others don't.
type Options struct {
	Filter            session.Filter // only sessions that fit all of it; keys of FilterKeys
	Exclude           session.Filter // none of those that fit one of its conditions; the same keys
	IdentityProviders bool           // ask iam/Users for the users' identity providers and locks
}

// FilterKeys are the properties by which sessions can be filtered, by the names
// that the configuration has for them.
func FilterKeys() []string {
	return []string{"role", "user_id_or_email", "client_ip_address", "status", "account_moid", "login_type"}
}
