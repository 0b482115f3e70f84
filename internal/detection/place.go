package detection

import "net/netip"

// The parts of an address that are taken for a network that has no name.
const (
	prefixIPv4 = 24
	prefixIPv6 = 48
)

// NewPlace returns the place of a canonical address. network is the name of the
// configured network that it is in, "" if there is none.
func NewPlace(a netip.Addr, network string) Place {
	p := Place{Address: a.String(), Network: network, IPv6: a.Is6()}
	bits := prefixIPv4
	if p.IPv6 {
		bits = prefixIPv6
	}
	if prefix, err := a.Prefix(bits); err == nil && network == "" {
		p.Prefix = prefix.String()
	}
	return p
}
