package grouping

import (
	"net/netip"
	"testing"
)

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"10.1.2.3":                            "10.1.2.3",
		" 10.1.2.3 ":                          "10.1.2.3",
		"10.1.2.3:8443":                       "10.1.2.3",
		"::ffff:10.1.2.3":                     "10.1.2.3",
		"[::ffff:10.1.2.3]:1":                 "10.1.2.3",
		"2001:DB8:0:0::1":                     "2001:db8::1",
		"[2001:db8::1]":                       "2001:db8::1",
		"[2001:db8::1]:443":                   "2001:db8::1",
		"fe80::1%eth0":                        "fe80::1",
		"10.1.2.3, 10.1.2.4":                  "10.1.2.3",
		" , [::ffff:10.1.2.3]:80 ,host":       "10.1.2.3",
		"[2001:db8::1%2]:443, 10.1.2.4":       "2001:db8::1",
		"unknown, 10.1.2.3":                   "10.1.2.3",
		"":                                    "",
		"  ":                                  "",
		",":                                   "",
		"010.1.2.3":                           "",
		"10.1.2":                              "",
		"[10.1.2.3]":                          "",
		"[::1":                                "",
		"host.example.com":                    "",
		"\x00":                                "",
		"10.1.2.3.example.com, a.example.com": "",
	} {
		a, ok := Address(in)
		got := ""
		if ok {
			got = a.String()
		}
		if got != want {
			t.Errorf("Address(%q): got %q, want %q", in, got, want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	networks := []Network{
		{"hq", netip.MustParsePrefix("10.0.0.0/8")},
		{"vpn", netip.MustParsePrefix("2001:db8::/32")},
		{"lab", netip.MustParsePrefix("10.9.0.0/16")},
		{"vpn", netip.MustParsePrefix("100.64.0.0/10")},
	}
	for in, want := range map[string]string{
		"10.1.2.3": "hq", "10.9.0.1": "lab", "100.64.1.1": "vpn", "2001:db8:1::1": "vpn", "192.0.2.1": "", "::1": "",
	} {
		got, ok := NetworkOf(networks, netip.MustParseAddr(in))
		if got != want || ok != (want != "") {
			t.Errorf("NetworkOf(%s): got %q, %v; want %q", in, got, ok, want)
		}
	}
	all := []Network{{"all", netip.MustParsePrefix("0.0.0.0/0")}}
	if got, ok := NetworkOf(all, netip.MustParseAddr("192.0.2.1")); got != "all" || !ok {
		t.Errorf("a prefix of no bits: got %q, %v; want all", got, ok)
	}
}
