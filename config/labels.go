package config

import (
	"strconv"

	"iam_session_exporter/internal/grouping"
)

const maxLimit = 10_000

// labelsKeys are the keys of labels, each of which is a mapping.
func labelsKeys(l *grouping.Labels) []Option {
	return []Option{
		label(&l.Role, "role", 50, "the roles of users"),
		label(&l.LoginType, "login_type", 10, "how users logged in"),
		below("client_ip", "{limit: 100}", "the addresses of clients", clientIPKeys(&l.ClientIP)),
		label(&l.IdentityStore, "identity_store", 50, "identity stores, of Intersight identity providers"),
	}
}

func label(l *grouping.Label, key string, limit int, doc string) Option {
	return below(key, "{limit: 100}", doc, []Option{limitKey(&l.Limit, limit)})
}

func limitKey(v *int, limit int) Option {
	return Integer(v, "limit", limit, 1, maxLimit, strconv.Itoa(limit), "values that are published by name, 1 to 10000. Default "+strconv.Itoa(limit))
}

func clientIPKeys(l *grouping.ClientIP) []Option {
	return []Option{
		limitKey(&l.Limit, 100),
		Integer(&l.IPv4Prefix, "ipv4_prefix", 32, 1, 32, "32", "bits of an IPv4 address to keep, 1 to 32. Default 32: all"),
		Integer(&l.IPv6Prefix, "ipv6_prefix", 128, 1, 128, "128", "bits of an IPv6 address to keep, 1 to 128. Default 128: all"),
		Boolean(&l.Disabled, "disabled", false, "true: sessions by client IP are not published. Default false"),
	}
}
