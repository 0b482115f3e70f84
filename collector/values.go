package collector

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"iam_session_exporter/internal/session"
)

// The reserved label values. They don't count towards a limit, and data that
// spells one of them merges into it.
const (
	valueNone    = "none"    // the API told no value
	valueInvalid = "invalid" // not an address
	valueOther   = "other"   // beyond the limit, or not resolved
	valueUnknown = "unknown" // not resolved (client_network only)
)

func reserved(v string) bool {
	return v == valueNone || v == valueInvalid || v == valueOther || v == valueUnknown
}

const maxValueBytes = 128

// text makes a label value of what an API spells: valid UTF-8, no control
// characters, at most 128 bytes, "none" where nothing is left.
func text(raw string) string {
	v := strings.ToValidUTF8(raw, string(utf8.RuneError))
	v = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, v)
	if len(v) > maxValueBytes {
		cut := maxValueBytes
		for !utf8.RuneStart(v[cut]) {
			cut--
		}
		v = v[:cut]
	}
	if v == "" {
		return valueNone
	}
	return v
}

// address reads a client address in any of the forms that proxies and products
// leave: with port, brackets, zone, or an IPv4 address wrapped in IPv6.
func address(raw string) (netip.Addr, bool) {
	s := strings.TrimSpace(raw)
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

// clientIP makes a value of the label client_ip.
func clientIP(raw string, opt ClientIPLabel) string {
	a, ok := address(raw)
	if !ok {
		return noAddress(raw)
	}
	bits := opt.IPv6Prefix
	if a.Is4() {
		bits = opt.IPv4Prefix
	}
	if bits >= a.BitLen() {
		return a.String()
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return valueInvalid
	}
	return p.String()
}

// noAddress is the value of what is no address: "none" where there is nothing, a
// reserved word as it stands, else "invalid".
func noAddress(raw string) string {
	switch {
	case raw == "":
		return valueNone
	case reserved(raw):
		return raw
	}
	return valueInvalid
}

// valuer returns the function that makes label values of a dimension.
func valuer(d session.Dimension, ip ClientIPLabel) func(raw string) string {
	if d == session.DimensionClientIP {
		return func(raw string) string { return clientIP(raw, ip) }
	}
	return text
}
