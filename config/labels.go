package config

const maxLimit = 10_000

func (d *decoder) labels(root *object) Labels {
	o := root.object("labels")
	l := Labels{
		Role:          o.label("role", 50),
		IdentityStore: o.label("identity_store", 50),
	}
	ip := o.object("client_ip")
	l.ClientIP = ClientIPLabel{
		Limit:      ip.integer("limit", 100, 1, maxLimit),
		IPv4Prefix: ip.integer("ipv4_prefix", 32, 1, 32),
		IPv6Prefix: ip.integer("ipv6_prefix", 128, 1, 128),
		Disabled:   ip.boolean("disabled", false),
	}
	ip.close()
	o.close()
	return l
}

func (o *object) label(key string, limit int) Label {
	l := o.object(key)
	defer l.close()
	return Label{Limit: l.integer("limit", limit, 1, maxLimit)}
}
