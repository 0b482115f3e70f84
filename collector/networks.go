package collector

import "iam_session_exporter/internal/grouping"

// networkOf returns the value of the label client_network.
func networkOf(networks []grouping.Network, raw string) string {
	a, ok := grouping.Address(raw)
	if !ok {
		return noAddress(raw)
	}
	if name, ok := grouping.NetworkOf(networks, a); ok {
		return name
	}
	return grouping.Other
}
