package collector

import "net/netip"

// Network is a named prefix. Several may share a name.
type Network struct {
	Name   string
	Prefix netip.Prefix
}

// networkOf returns the value of the label client_network: the name of the
// longest prefix that holds the address.
func networkOf(networks []Network, raw string) string {
	a, ok := address(raw)
	if !ok {
		return noAddress(raw)
	}
	name, bits := valueOther, -1
	for _, n := range networks {
		if n.Prefix.Bits() > bits && n.Prefix.Contains(a) {
			name, bits = n.Name, n.Prefix.Bits()
		}
	}
	return name
}
