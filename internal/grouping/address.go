package grouping

import (
	"net/netip"
	"strings"
	"unicode"
)

// Address reads a client address in any of the forms that proxies and products
// leave: with port, brackets, zone, or an IPv4 address wrapped in IPv6. Of a list,
// as in X-Forwarded-For, it is the first address. It reports false if there is
// none.
func Address(raw string) (netip.Addr, bool) {
	s := strings.TrimSpace(raw)
	if a, ok := oneAddress(s); ok {
		return a, true
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		if a, ok := oneAddress(part); ok {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func oneAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		// Brackets are IPv6's, with a port or without.
		ap, err := netip.ParseAddrPort(s)
		if err != nil && strings.HasSuffix(s, "]") {
			ap, err = netip.ParseAddrPort(s + ":0")
		}
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.WithZone("").Unmap(), true
}

// NetworkOf returns the name of the network that an address is in: that of the
// longest prefix that holds it. It reports false if there is none.
func NetworkOf(networks []Network, a netip.Addr) (name string, ok bool) {
	bits := -1
	for _, n := range networks {
		if n.Prefix.Bits() > bits && n.Prefix.Contains(a) {
			name, bits = n.Name, n.Prefix.Bits()
		}
	}
	return name, bits >= 0
}
