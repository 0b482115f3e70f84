package collector

import "iam_session_exporter/internal/grouping"

// networkOf returns the value of the label client_network: the name of the
// longest prefix that holds the address.
func networkOf(networks []grouping.Network, raw string) string {
	a, ok := address(raw)
	if !ok {
		return noAddress(raw)
	}
	name, bits := grouping.Other, -1
	for _, n := range networks {
		if n.Prefix.Bits() > bits && n.Prefix.Contains(a) {
			name, bits = n.Name, n.Prefix.Bits()
		}
	}
	return name
}
