package collector

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

// text makes a label value of what an API spells: valid UTF-8, nothing that
// can't be seen, at most 128 bytes, "none" where nothing is left.
func text(raw string) string {
	if plain(raw) {
		return raw
	}
	// It stops where the value is full, and shares no memory with raw, which may
	// be megabytes long.
	var b strings.Builder
	bad := false
	for rest := raw; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		again := bad // a run of invalid bytes is one character
		bad = r == utf8.RuneError && size == 1
		if bad && again || invisible(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > grouping.MaxBytes {
			break
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return grouping.None
	}
	return b.String()
}

// plain reports whether a text is a label value as it stands, as nearly all are.
func plain(raw string) bool {
	for i := range len(raw) {
		if raw[i] < ' ' || raw[i] > '~' {
			return false
		}
	}
	return raw != "" && len(raw) <= grouping.MaxBytes
}

// invisible reports whether a character is not seen, or changes how others are
// shown: with such ones a value could be made to look like another.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// clientIP makes a value of the label client_ip.
func clientIP(raw string, opt grouping.ClientIP) string {
	a, ok := grouping.Address(raw)
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
		return grouping.Invalid
	}
	return p.String()
}

// noAddress is the value of what is no address: "none" where there is nothing, a
// reserved word as it stands, else "invalid".
func noAddress(raw string) string {
	switch {
	case raw == "":
		return grouping.None
	case grouping.Reserved(raw):
		return raw
	}
	return grouping.Invalid
}

// valuer returns the function that makes label values of a dimension.
func valuer(d session.Dimension, ip grouping.ClientIP) func(raw string) string {
	if d == session.DimensionClientIP {
		return func(raw string) string { return clientIP(raw, ip) }
	}
	return text
}
