package oam

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"iam_session_exporter/internal/session"
)

// twoStores is a listing of two sessions whose user and store differ in the last
// letter only.
func twoStores(a, b string) (asJSON, asXML string) {
	asJSON = fmt.Sprintf(`{"totalRecords":2,"sessions":[{"sessionId":"1","userId":"u%s","idStoreName":"s%[1]s"},{"sessionId":"2","userId":"u%s","idStoreName":"s%[2]s"}]}`, a, b)
	asXML = fmt.Sprintf(`<SessionResults><totalRecords>2</totalRecords><sessions><sessionData><sessionId>1</sessionId><userId>u%s</userId><idStoreName>s%[1]s</idStoreName></sessionData>`+
		`<sessionData><sessionId>2</sessionId><userId>u%s</userId><idStoreName>s%[2]s</idStoreName></sessionData></sessions></SessionResults>`, a, b)
	return asJSON, asXML
}

func windows1252(s string) string {
	out, err := charmap.Windows1252.NewEncoder().String(s)
	if err != nil {
		panic(err)
	}
	return out
}

func utf16be(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return string(b)
}

// Names are read by the charset that the answer declares, and two that differ in
// one character only stay two.
func TestCharsets(t *testing.T) {
	asJSON, asXML := twoStores("ü", "ä")
	euros, _ := twoStores("€", "ä")
	odd, oddXML := twoStores("\xFC", "\xE4")
	decl := func(name string) string { return `<?xml version="1.0" encoding="` + name + `"?>` }
	for _, c := range []struct {
		name, kind, body string
		want             []string
	}{
		{"JSON", "application/json", asJSON, []string{"sü", "sä"}},
		{"JSON in UTF-8, with a byte order mark", "application/json", "\xEF\xBB\xBF" + asJSON, []string{"sü", "sä"}},
		{"JSON in ISO-8859-1", "application/json; charset=ISO-8859-1", windows1252(asJSON), []string{"sü", "sä"}},
		{"JSON in windows-1252", `application/json;charset="windows-1252"`, windows1252(euros), []string{"s€", "sä"}},
		{"JSON in UTF-16", "application/json; charset=UTF-16", "\xFE\xFF" + utf16be(asJSON), []string{"sü", "sä"}},
		{"JSON in UTF-16, little, with a mark", "application/json", string(utf16le(asJSON)), []string{"sü", "sä"}},
		{"JSON in UTF-16, not declared", "application/json", utf16be(asJSON), []string{"sü", "sä"}},
		{"JSON that can't be the UTF-16 it is declared to be", "application/json; charset=utf-16", asJSON, []string{"sü", "sä"}},
		{"JSON in an unknown charset", "application/json; charset=klingon", asJSON, []string{"sü", "sä"}},
		{"JSON that is not UTF-8", "application/json", odd, []string{"s\uFFFDFC", "s\uFFFDE4"}},
		{"XML", "application/xml", asXML, []string{"sü", "sä"}},
		{"XML in ISO-8859-1 by its type", "application/xml; charset=iso-8859-1", windows1252(asXML), []string{"sü", "sä"}},
		{"XML in ISO-8859-1 by its declaration", "application/xml", decl("ISO-8859-1") + windows1252(asXML), []string{"sü", "sä"}},
		{"XML with two charsets", "text/xml; charset=utf-8", decl("ISO-8859-1") + asXML, []string{"sü", "sä"}},
		{"XML in UTF-16", "application/xml", "\xFE\xFF" + utf16be(decl("UTF-16")+asXML), []string{"sü", "sä"}},
		{"XML that can't be the UTF-16 it is declared to be", "", decl("UTF-16") + asXML, []string{"sü", "sä"}},
		{"XML in an unknown charset", "", decl("klingon") + asXML, []string{"sü", "sä"}},
		{"XML that is not UTF-8", "", oddXML, []string{"s\uFFFDFC", "s\uFFFDE4"}},
		{"XML 1.1", "", `<?xml version='1.1' encoding='latin1' standalone='yes'?>` + windows1252(asXML), []string{"sü", "sä"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, _ := server(t, func(w http.ResponseWriter) {
				w.Header()["Content-Type"] = []string{c.kind}
				w.Write([]byte(c.body))
			})
			got, err := source(t, srv.URL, nil).Snapshot(t.Context(), session.Want{})
			if err != nil {
				t.Fatal(err)
			}
			var stores []string
			users := map[session.Key]bool{}
			for _, s := range got.Sessions {
				stores = append(stores, s.IdentityStore)
				users[s.User] = true
			}
			if !slices.Equal(stores, c.want) || len(users) != 2 {
				t.Errorf("got stores %q, %d users, want %q, 2", stores, len(users), c.want)
			}
		})
	}
}

func TestXMLCharset(t *testing.T) {
	for body, want := range map[string]string{
		`<?xml version="1.0" encoding="x-1"?>`:                               "x-1",
		"\n<?xml version='1.0' encoding = 'x' standalone='yes' ?><a/>":       "x",
		`<?xml version="1.0"?><a encoding="x"/>`:                             "",
		`<?xml version="1.0" encoding=x?>`:                                   "",
		`<?xml encoding`:                                                     "",
		`<a encoding="x"/>`:                                                  "",
		`<?xml ` + strings.Repeat(" ", 300) + `version="1.0" encoding="x"?>`: "",
		"": "",
	} {
		if got := xmlCharset([]byte(body)); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
