package config

import "iam_session_exporter/internal/grouping"

const maxLimit = 10_000

func (d *decoder) labels(root *object) grouping.Labels {
	o := root.object("labels")
	l := grouping.Labels{
		Role:          o.label("role", 50),
		LoginType:     o.label("login_type", 10),
		IdentityStore: o.label("identity_store", 50),
	}
	ip := o.object("client_ip")
	l.ClientIP = grouping.ClientIP{
		Limit:      ip.integer("limit", 100, 1, maxLimit),
		IPv4Prefix: ip.integer("ipv4_prefix", 32, 1, 32),
		IPv6Prefix: ip.integer("ipv6_prefix", 128, 1, 128),
		Disabled:   ip.boolean("disabled", false),
	}
	ip.close()
	o.close()
	return l
}

func (o *object) label(key string, limit int) grouping.Label {
	l := o.object(key)
	defer l.close()
	return grouping.Label{Limit: l.integer("limit", limit, 1, maxLimit)}
}
