package config

import (
	"net/url"
	"slices"
	"time"

	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
)

func oamAPI() API {
	return API{
		Name:        session.OAM,
		Title:       "OAM",
		MinInterval: 30 * time.Second, // one refresh may cost max_queries
		Options:     func() Options { return new(OAMOptions) },
		NoOption:    map[string]string{"exclude": "OAM can't exclude"},
		Ways:        []string{"basic_auth", "authorization", "oauth2", "a client certificate in tls_config"},
		Facts:       session.FactImpersonation,
		BasicAuth:   true,
		Certificate: true,
		doubts:      oamDoubts,
	}
}

// OAMOptions are the options of Oracle Access Manager.
type OAMOptions struct{ oam.Options }

// Keys implements Options.
func (o *OAMOptions) Keys() []Option {
	keys := FilterKeys{Names: oam.FilterKeys(), Booleans: []string{"is_impersonating"}}
	return []Option{
		Filter(&o.Filter, "filter", keys,
			"only sessions that match all of it. Default {}: all"),
		Names(&o.IdentityStores, "identity_stores", "the name of an identity store", "[UserIdentityStore1]",
			"known beforehand; others are discovered. Default none"),
		Duration(&o.IdleTimeout, "idle_timeout", 15*time.Minute, "15m",
			"a session not used for this long is idle; 0 = never. Default 15m"),
		Duration(&o.SessionLifetime, "session_lifetime", 24*time.Hour, "24h",
			"used where a session has no expiry of its own; 0 = unlimited. Default 24h"),
		Integer(&o.MaxSessionsPerUser, "max_sessions_per_user", 0, 0, 1_000_000, "0",
			"what the server enforces, if known; 0 = not published. Default 0"),
		Text(&o.RoleAttribute, "role_attribute", "the name of a userAttributes entry", `""`,
			`the userAttributes entry that holds the role. Default "": no roles`),
		Integer(&o.MaxQueries, "max_queries", 200, 1, 10_000, "200",
			"the most queries for one refresh, 1 to 10000. Default 200"),
		Integer(&o.MaxConcurrentQueries, "max_concurrent_queries", 2, 1, 16, "2",
			"how many of them at the same time, 1 to 16. Default 2"),
	}
}

func oamDoubts(o *object, s *Source) {
	const queryTime = 50 * time.Millisecond
	opt := s.Options.(*OAMOptions)
	if need := time.Duration(opt.MaxQueries) * queryTime / time.Duration(opt.MaxConcurrentQueries); need > s.Timeout {
		o.warn("max_queries", "%d queries, %d at a time, take about %s at 50 ms each, and the timeout is %s; "+
			"raise timeout or max_concurrent_queries, or lower this", opt.MaxQueries, opt.MaxConcurrentQueries, need, s.Timeout)
	}
	if len(opt.IdentityStores) > 0 && slices.Contains(opt.Filter.Keys(), "id_store_name") {
		o.warn("identity_stores", "has no effect, as filter.id_store_name is set; remove it")
	}
	if u, err := url.Parse(s.URL); err == nil && u.Port() == "7001" {
		o.warn("url", "port 7001 is usually the WebLogic AdminServer, which does not serve sessions; the OAM managed server is usually at 14100")
	}
}
