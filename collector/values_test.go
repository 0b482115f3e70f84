package collector

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"iam_session_exporter/internal/grouping"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "none",
		"Account Administrator":         "Account Administrator",
		"a\x00b\nc\u0085d":              "abcd",
		"\x01\x02":                      "none",
		"bad\xffutf":                    "bad\uFFFDutf",
		strings.Repeat("x", 200):        strings.Repeat("x", 128),
		strings.Repeat("é", 100):        strings.Repeat("é", 64),
		"x" + strings.Repeat("é", 100):  "x" + strings.Repeat("é", 63),
		"other":                         "other",
		`quote " and \ back`:            `quote " and \ back`,
		strings.Repeat("\xff", 200):     strings.Repeat("\uFFFD", 1), // a run of bad bytes is one
		"a\xff\xfeb\xffc":               "a\uFFFDb\uFFFDc",
		"\uFFFD\uFFFD":                  "\uFFFD\uFFFD",
		"x\u202Edoor":                   "xdoor",  // right-to-left override
		"Ad\u200Bm\u2060in\uFEFF":       "Admin",  // zero width
		"one\u2028two\u2029":            "onetwo", // line and paragraph separators
		"a\u2066b\u2069c\u200Fd\u061Ce": "abcde",  // isolates and marks
		"a\u00ADb\u3164c\u115Fd\uFE0Fe": "abcde",  // soft hyphen, fillers, variation selector
		"a\U000E0041b\U000E0100c":       "abc",    // tags
		"\u200B\u200D":                  "none",
		"Ärzte 日本 \u05D0 ñ":             "Ärzte 日本 \u05D0 ñ",
		strings.Repeat("\u200B", 1000) + strings.Repeat("y", 200): strings.Repeat("y", 128),
	} {
		if got := text(in); got != want {
			t.Errorf("text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClientIP(t *testing.T) {
	full := grouping.ClientIP{IPv4Prefix: 32, IPv6Prefix: 128}
	short := grouping.ClientIP{IPv4Prefix: 24, IPv6Prefix: 64}
	for _, c := range []struct{ in, full, short string }{
		{"10.1.2.3", "10.1.2.3", "10.1.2.0/24"},
		{" 10.1.2.3 ", "10.1.2.3", "10.1.2.0/24"},
		{"10.1.2.3:8443", "10.1.2.3", "10.1.2.0/24"},
		{"::ffff:10.1.2.3", "10.1.2.3", "10.1.2.0/24"},
		{"[::ffff:10.1.2.3]:1", "10.1.2.3", "10.1.2.0/24"},
		{"2001:DB8:0:0::1", "2001:db8::1", "2001:db8::/64"},
		{"[2001:db8::1]", "2001:db8::1", "2001:db8::/64"},
		{"[2001:db8::1]:443", "2001:db8::1", "2001:db8::/64"},
		{"fe80::1%eth0", "fe80::1", "fe80::/64"},
		{"[fe80::1%eth0]:1", "fe80::1", "fe80::/64"},
		{"", "none", "none"},
		{"  ", "invalid", "invalid"},
		{"none", "none", "none"},
		{"other", "other", "other"},
		{"unknown", "unknown", "unknown"},
		{"invalid", "invalid", "invalid"},
		{"10.1.2", "invalid", "invalid"},
		{"010.1.2.3", "invalid", "invalid"},
		{"10.1.2.3, 10.1.2.4", "10.1.2.3", "10.1.2.0/24"},
		{"10.1.2.3,10.1.2.4,10.1.2.5", "10.1.2.3", "10.1.2.0/24"},
		{"10.1.2.3 10.1.2.4", "10.1.2.3", "10.1.2.0/24"},
		{"10.1.2.3;10.1.2.4", "10.1.2.3", "10.1.2.0/24"},
		{"10.1.2.3:5060, 10.1.2.4", "10.1.2.3", "10.1.2.0/24"},
		{" , [::ffff:10.1.2.3]:80 ,host", "10.1.2.3", "10.1.2.0/24"},
		{"[2001:db8::1%2]:443, 10.1.2.4", "2001:db8::1", "2001:db8::/64"},
		{"fe80::1%eth0, 10.1.2.4", "fe80::1", "fe80::/64"},
		{"unknown, 10.1.2.3", "10.1.2.3", "10.1.2.0/24"},
		{",", "invalid", "invalid"},
		{"host, other", "invalid", "invalid"},
		{"host.example.com", "invalid", "invalid"},
		{"\x00", "invalid", "invalid"},
		{"[::1", "invalid", "invalid"},
		{"::1]", "invalid", "invalid"},
		{"[10.1.2.3]", "invalid", "invalid"},
		{"[]", "invalid", "invalid"},
		{"[::1]:x", "invalid", "invalid"},
	} {
		if got := clientIP(c.in, full); got != c.full {
			t.Errorf("clientIP(%q) = %q, want %q", c.in, got, c.full)
		}
		if got := clientIP(c.in, short); got != c.short {
			t.Errorf("clientIP(%q, short) = %q, want %q", c.in, got, c.short)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	nets := []grouping.Network{
		{Name: "hq", Prefix: netip.MustParsePrefix("10.0.0.0/8")},
		{Name: "lab", Prefix: netip.MustParsePrefix("10.9.0.0/16")},
		{Name: "vpn", Prefix: netip.MustParsePrefix("2001:db8::/32")},
	}
	for in, want := range map[string]string{
		"10.1.1.1": "hq", "10.9.1.1": "lab", "::ffff:10.9.1.1": "lab", "2001:db8::9": "vpn",
		"192.0.2.1": "other", "": "none", "nonsense": "invalid", "unknown": "unknown",
	} {
		if got := networkOf(nets, in); got != want {
			t.Errorf("networkOf(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"", "10.0.0.1", "[::1]:80", "\xff\xfe", "fe80::1%\n", "1.2.3.4/24", strings.Repeat("é", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range []string{text(s), clientIP(s, grouping.ClientIP{IPv4Prefix: 24, IPv6Prefix: 48}), clientIP(s, grouping.ClientIP{IPv4Prefix: 32, IPv6Prefix: 128})} {
			if v == "" || len(v) > 128 || !utf8.ValidString(v) || strings.ContainsFunc(v, invisible) {
				t.Errorf(`%q became %q; want other than "", len at most 128`, s, v)
			}
		}
	})
}
