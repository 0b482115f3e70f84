package config

import (
	"fmt"
	"net/netip"
	"strings"

	"iam_session_exporter/internal/grouping"
)

func networksSchema() schema {
	return anyMapping(fmt.Sprintf(`^[^\x00-\x1f\x7f-\x9f]{1,%d}$`, grouping.MaxBytes), fullList(textOnly(cidrPattern).says("a CIDR such as 10.0.0.0/8 or 2001:db8::/32")), words(grouping.ReservedValues()))
}

func (o *object) networks() []grouping.Network {
	o = o.object("networks")
	type use struct {
		name string
		line int
	}
	var all []grouping.Network
	seen := make(map[netip.Prefix]use)
	for _, name := range o.keys() {
		if v := o.fields[name]; shownKey(name) != name { // "head office" is a good name, and no secret
			v.path = join(o.path, quote(name))
			o.fields[name] = v
		}
		if problem := networkName(name); problem != "" {
			o.fail(name, "%s", problem)
		}
		vs, ok := o.values(name, "[10.0.0.0/8, 2001:db8::/32]")
		if ok && len(vs) == 0 {
			o.fail(name, "is empty; list its CIDRs, as in [10.0.0.0/8, 2001:db8::/32]")
		}
		for _, v := range vs {
			s, ok := o.d.text(v, "a CIDR such as 10.0.0.0/8")
			if !ok {
				continue
			}
			p, problem := parsePrefix(s)
			if problem != "" {
				o.d.failAt(v, "%s", problem)
				continue
			}
			if first, ok := seen[p]; ok {
				o.d.failAt(v, "%s is already in %s (line %d); an address can be in one network only", p, quote(first.name), first.line)
				continue
			}
			seen[p] = use{name, v.line}
			all = append(all, grouping.Network{Name: name, Prefix: p})
		}
	}
	return all
}

// networkName says why a name can't be a value of the label client_network.
func networkName(s string) (problem string) {
	switch {
	case s == "":
		return "a network's name is empty; give it one"
	case grouping.Reserved(s):
		return "this name has a meaning of its own in the metrics; choose another one than other, unknown, none and invalid"
	case len(s) > grouping.MaxBytes:
		return "a network's name has at most 128 bytes; shorten it"
	case hasControl(s):
		return "a network's name holds no control characters; remove them"
	}
	return ""
}

// parsePrefix reads a CIDR, or an address as the CIDR that holds only it.
func parsePrefix(s string) (p netip.Prefix, problem string) {
	const write = "; write a CIDR such as 10.0.0.0/8 or 2001:db8::/32"
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return p, quote(s) + " is not an address" + write
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, quote(s) + " is not a CIDR" + write
	case p.Addr().Is4In6() && p.Bits() < 96:
		return p, quote(s) + " holds IPv4 addresses and others" + write
	case p.Addr().Is4In6():
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return p, quote(s) + " has bits set beyond its length; write " + p.Masked().String()
	}
	return p, ""
}
