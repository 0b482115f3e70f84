package oam

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestFirstAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", " 192.0.2.1 ": "192.0.2.1", "192.0.2.1:4711": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "[2001:db8::1]": "2001:db8::1",
		"[2001:db8::1]:443": "2001:db8::1", "2001:DB8:0:0:0:0:0:1": "2001:db8::1", "fe80::1%eth0": "fe80::1%eth0", "[fe80::1%eth0]:1": "fe80::1%eth0",
		"192.0.2.1, 10.0.0.1": "192.0.2.1", "192.0.2.1,10.0.0.1": "192.0.2.1", "192.0.2.1 10.0.0.1": "192.0.2.1", "192.0.2.1:1; 10.0.0.1:2": "192.0.2.1",
		"unknown, 192.0.2.1": "192.0.2.1", "2001:db8::1, 192.0.2.1": "2001:db8::1",
		"": "", "unknown": "", "host.example.com": "", "192.0.2": "", "010.1.2.3": "", ",": "", "\uFFFD01": "",
	} {
		a, ok := firstAddress(text)
		if got := a.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s %v, want %q", text, got, ok, want)
		}
	}
}

func TestListsOfAddresses(t *testing.T) {
	for body, want := range map[string]string{
		`"192.0.2.1"`: "192.0.2.1", `["192.0.2.1"]`: "192.0.2.1", `["192.0.2.1","10.0.0.1"]`: "192.0.2.1, \uFFFD10.0.0.1", `[null,"","192.0.2.1",null]`: "192.0.2.1",
		`["192.0.2.1","192.0.2.1"]`: "192.0.2.1", `["192.0.2.1","10.0.0.1","10.0.0.2"]`: "192.0.2.1, \uFFFD10.0.0.1", `[[["192.0.2.1"]]]`: "192.0.2.1",
		`[{"$":"192.0.2.1"}]`: "192.0.2.1", `{"value":"192.0.2.1"}`: "", `[]`: "", `"192.0.2.1, 10.0.0.1"`: "192.0.2.1, 10.0.0.1",
	} {
		got, err := decode([]byte(`{"totalRecords":1,"sessions":[{"userId":"a","clientIp":`+body+`}]}`), "", "")
		if err != nil || got.rows[0].clientIP != want {
			t.Errorf("%s: %v %q, want %q", body, err, got.rows[0].clientIP, want)
		}
	}
	got, err := decode([]byte(`<SessionResults><totalRecords>1</totalRecords><sessions><clientIp/><clientIp>192.0.2.1</clientIp><clientIp>10.0.0.1</clientIp></sessions></SessionResults>`), "", "")
	if err != nil || got.rows[0].clientIP != "192.0.2.1, \uFFFD10.0.0.1" {
		t.Errorf("got %v %+v, want both addresses in one", err, got.rows)
	}
}

func TestSoleTexts(t *testing.T) {
	regular := func(format string, n int) (texts []string) {
		for i := range n {
			texts = append(texts, fmt.Sprintf(format, i+1))
		}
		return texts
	}
	plain := regular("192.0.2.%d", 20)
	long := append(regular("2001:db8:0:0:0:0:0:%x", 20), "2001:db8:1:2:3:4:5:6")
	upper := append(regular("2001:DB8::%X", 30), "2001:DB8::")
	type verdicts = map[string]bool
	for _, c := range []struct {
		name  string
		texts []string
		want  verdicts
	}{
		{"nothing seen", nil, verdicts{"192.0.2.1": true, "2001:db8::1": true, "::ffff:192.0.2.1": false, "192.0.2.1:1": false, "x": false, "": false}},
		{"one way", with(plain, long...), verdicts{"192.0.2.1": true, "192.0.2.99": true, "2001:db8:0:0:0:0:0:1": true, "2001:db8::1": false, "2001:db8:1:2:3:4:5:6": true, "::1": false}},
		{"upper case", upper, verdicts{"2001:DB8::A": true, "2001:db8::a": false, "::1": true, "2001:DB8::": true}},
		{"wrapped", regular("::ffff:192.0.2.%d", 5), verdicts{"::ffff:192.0.2.1": true, "192.0.2.1": false, "::FFFF:192.0.2.1": false, "2001:db8::1": true}},
		{"one with a port", with(plain, "192.0.2.1:4711"), verdicts{"192.0.2.1": false, "192.0.2.1:4711": false, "192.0.2.2": true, "2001:db8::1": true}},
		{"one with a zone", with(plain, "fe80::1%eth0", "fe80::1%eth1", "fe80::2%eth0"), verdicts{"fe80::1%eth0": false, "fe80::1": false, "fe80::2": false, "fe80::3": true, "192.0.2.1": true}},
		{"one in a list", with(plain, "192.0.2.1, 192.0.2.2"), verdicts{"192.0.2.1": false, "192.0.2.2": true}},
		{"no address", with(plain, "host.example.com", "unknown", ""), verdicts{"192.0.2.1": true, "host.example.com": false, "unknown": false}},
		{"one wrapped", with(plain, "::ffff:192.0.2.1"), verdicts{"192.0.2.1": false, "::ffff:192.0.2.1": false, "192.0.2.2": true}},
		{"one in another case", with(upper, "2001:db8::a"), verdicts{"2001:DB8::A": false, "2001:db8::a": false, "2001:DB8::B": true}},
		{"some with ports", with(plain, regular("192.0.2.%d:4711", 6)...), verdicts{"192.0.2.1": false, "192.0.2.6": false, "192.0.2.20": true, "2001:db8::1": true}},
		{"many with ports", with(plain, regular("192.0.2.%d:4711", 7)...), verdicts{"192.0.2.1": false, "192.0.2.20": false, "2001:db8::1": true}},
		{"as many in another way", with(regular("2001:db8::a%d", 12), long...), verdicts{"2001:db8::a1": false, "2001:db8:0:0:0:0:0:1": false, "192.0.2.1": true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f formats
			f.look(rowsAt(c.texts), began)
			for text, want := range c.want {
				if got := f.sole(text); got != want {
					t.Errorf("%q: got %v, want %v", text, got, want)
				}
			}
		})
	}
}

func rowsAt(texts []string) (rows []row) {
	for _, text := range texts {
		rows = append(rows, row{clientIP: text}, row{clientIP: text})
	}
	return rows
}

func TestOddAddressesAreForgotten(t *testing.T) {
	plain := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}
	var f formats
	f.look(rowsAt(with(plain, "192.0.2.1:1")), began)
	f.look(rowsAt(plain), began.Add(oddFor))
	if f.sole("192.0.2.1") || !f.sole("192.0.2.2") {
		t.Errorf("got the address forgotten too soon, or another one kept, want only it kept")
	}
	f.look(rowsAt(plain), began.Add(oddFor+time.Second))
	if !f.sole("192.0.2.1") {
		t.Errorf("got the address kept, want it forgotten")
	}
	f.look(rowsAt(with(plain, "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.4:1")), began.Add(2*oddFor))
	if !f.any(0) || f.any(1) || f.sole("192.0.2.5") || !f.sole("2001:db8::1") {
		t.Errorf("got IPv4 as written in one format, or IPv6 as in several, want several of IPv4 only")
	}
	f.look(rowsAt(plain), began.Add(4*oddFor))
	if f.any(0) || !f.sole("192.0.2.1") || !f.sole("192.0.2.5") {
		t.Errorf("got several formats kept, want them forgotten")
	}
}

func TestOddAddressesAreBounded(t *testing.T) {
	var f formats
	for i := range 40 {
		var texts []string
		for k := range 1000 {
			texts = append(texts, fmt.Sprintf("[2001:db8:%x::%x]:1", i+1, k))
		}
		f.look(rowsAt(texts), began)
		if len(f.odd) > maxOdd+1000 || f.sole("2001:db8::1") {
			t.Fatalf("got %d addresses kept, want at most %d, and then none alone", len(f.odd), maxOdd+1000)
		}
	}
}

// with makes a new list.
func with(texts []string, more ...string) []string { return slices.Concat(texts, more) }
