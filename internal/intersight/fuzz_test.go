package intersight

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

func FuzzDecodeSessions(f *testing.F) {
	for _, s := range []string{
		list(2, true, rows(2)), list(0, false, nil), `{"Count":0,"Results":null}`, `{"Count":"1","Results":[{"Moid":"\u0061\ud800"}]}`,
		`{"ObjectType":"mo.DocumentCount","Count":1}`, `{"Results":[{"Moid":"a","User":{"Moid":[{}]},"CreateTime":"2026-08-20T07:58:11.204+02:00"}]}`,
		" { \"Results\" : [ { \"Moid\" : \"a\" , \"\\\"\" : \"\\\\\" } , 1 ] } ", `<html>`, `[[[[`, `{"Results":[{"Moid":"a","FailedLogins":-1e400,"Role":"é"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decodePage("", body, httpclient.MaxBody, "iam.Session.List")
		if err != nil {
			if len(err.Error()) > 200 {
				t.Errorf("an error of %d bytes; want at most 200", len(err.Error()))
			}
			return
		}
		// encoding/json is the judge of where rows begin and end, but of other
		// charsets, names and control characters it has a mind of its own.
		plain := json.Valid(body) && bytes.IndexFunc(body, func(r rune) bool { return r == '\\' || r > '~' }) < 0
		var envelope struct{ Results json.RawMessage }
		var want []json.RawMessage
		if plain {
			if err := json.Unmarshal(body, &envelope); err != nil {
				t.Fatalf("accepted what is not an object: %v", err)
			}
			if err := json.Unmarshal(envelope.Results, &want); err != nil && len(envelope.Results) > 0 {
				t.Fatalf("accepted Results that are no array: %v", err)
			}
		}
		l := &listing{steady: true}
		d := newRowDecoder(session.NewHasher())
		n := 0
		for row := range p.rows.items {
			if plain && (n >= len(want) || string(row) != string(want[n])) {
				t.Fatalf("row %d: %q, want it among %q", n, row, want)
			}
			n++
		}
		if plain && n != len(want) {
			t.Fatalf("%d rows, want %d", n, len(want))
		}
		if err := l.add(&fetched{page: p, date: noon}, d); err != nil {
			return
		}
		if l.rows != n || l.end != n || len(l.sessions) > n || p.count < 0 || l.complete() && len(l.sessions) != p.count {
			t.Fatalf("%d rows, %d listed, count %d; want %d, at most %d, at least 0; l.end = %v, want %v", l.rows, len(l.sessions), p.count, n, n, l.end, n)
		}
		for _, s := range l.sessions {
			if s.ID == 0 || s.Login == 0 || s.FailedLogins < -1 || int(s.Status) >= len(session.Statuses()) || s.Impersonating || s.IdentityStore != "" {
				t.Fatalf(`%+v; want ID more than 0, Login more than 0, FailedLogins at least %v, IdentityStore ""`, s, -1)
			}
			if !utf8.ValidString(s.Role) || !utf8.ValidString(s.ClientIP) || len(s.Role) > maxText || len(s.ClientIP) > maxText {
				t.Fatalf("%+v; want len Role at most %v, len ClientIP at most %v", s, maxText, maxText)
			}
			if !s.Created.IsZero() && s.Created.Year() <= 1 {
				t.Fatalf("created %s", s.Created)
			}
		}
	})
}

func FuzzDecodeLimits(f *testing.F) {
	for _, s := range []string{accountLimitsJSON, `{"Results":[{"MaximumLimit":"5","IdleTimeOut":3.0}]}`, `{"Results":[{"Permission":{"Moid":"x"}}]}`,
		`{"Results":[5,null,{"PerUserLimit":-1,"SessionTimeOut":1e300}]}`, `{}`, `<html>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decodePage("", body, httpclient.MaxBody, "iam.SessionLimits.List")
		if err != nil {
			return
		}
		l, rows, err := accountLimits(&fetched{page: p, properties: limitProperties()})
		if rows < 0 || err != nil && l != (session.Limits{}) {
			t.Fatalf("%d rows, %v, %s; want at least 0", rows, err, show(l))
		}
		for _, n := range []*int{l.Sessions, l.UserSessions} {
			if n != nil && *n <= 0 {
				t.Fatal(show(l))
			}
		}
		if l.IdleTimeout != nil && *l.IdleTimeout <= 0 || l.Lifetime != nil && *l.Lifetime <= 0 {
			t.Fatal(show(l))
		}
	})
}

func FuzzDecodeUsers(f *testing.F) {
	for _, s := range []string{
		`{"Count":2,"Results":[{"Moid":"a","Idp":{"Moid":"i"},"LockedUntil":"2027-01-01T00:00:00Z"},{"Moid":"b","Idpreference":null}]}`,
		`{"Results":[{"Moid":"a","Idp":{"Name":"x","Moid":"i"}},{"Moid":"a"},{},5,null,{"Moid":"c","Idp":5}]}`, `{}`, `<html>`,
	} {
		f.Add([]byte(s))
	}
	h := session.NewHasher()
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decodePage("", body, httpclient.MaxBody, "iam.User.List")
		if err != nil {
			return
		}
		r := newUserReader(h)
		rows, _ := r.page(&fetched{page: p, date: noon, properties: []string{"Moid", "Idp", "Idpreference", "LockedUntil"}})
		l := r.list
		if len(l.users) > rows || len(l.providers) > len(l.users)+1 || len(l.locks) > len(l.users) {
			t.Fatalf("got %d users with %d providers and %d locks in %d rows", len(l.users), len(l.providers), len(l.locks), rows)
		}
		stores := l.stores(providerNames{h.Key("i"): "named"}, nil)
		for _, at := range l.users {
			if s := stores[at]; len(s.name) > maxText || !utf8.ValidString(s.name) || !s.known && s.name != "" {
				t.Fatalf("got the identity store %+v", s)
			}
		}
		if n := l.lockedAt(noon); n != nil {
			t.Fatalf("got %d locked users of a list that is not known to be complete, want nil", *n)
		}
	})
}

// Error answers are read by the same walker, and are no less hostile.
func FuzzRefusal(f *testing.F) {
	for _, s := range []string{`{"code":"X","message":"no 'Role'","messageParams":{"1":"Role"}}`, `{"messageParams":["a",{}]}`, `no Role`, `{"message":"Moid,Status"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		properties := except(sessionProperties(), "Moid")
		if found := named(nil, body, properties); len(found) >= len(properties) || len(except(found, properties...)) > 0 {
			t.Fatalf("names %v; want len less than %v", found, len(properties))
		}
		for _, r := range explain(nil, body) {
			if r < ' ' || r > '~' {
				t.Fatalf("%q; r = %v, want at least %v; r = %v, want at most %v", explain(nil, body), r, ' ', r, '~')
			}
		}
	})
}

// A Count that lies, or an answer deep and wide, costs no memory.
func TestBoundedMemory(t *testing.T) {
	for name, body := range map[string]string{
		"count":   `{"Count":2147483647,"Results":[{"Moid":"a"}]}`,
		"deep":    `{"Count":1,"Results":[{"Moid":"a","X":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}]}`,
		"escapes": `{"Count":1,"Results":[{"Moid":"a","X":"` + strings.Repeat(`\"\\`, 1<<20) + `"}]}`,
		"long":    `{"Count":1,"Results":[{"Moid":"a","Role":"` + strings.Repeat("x", 1<<20) + `"}]}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := decodePage("", []byte(body), httpclient.MaxBody, "iam.Session.List")
		if err != nil {
			t.Fatal(name, err)
		}
		if err := (&listing{}).add(&fetched{page: p}, newRowDecoder(session.NewHasher())); err != nil {
			t.Fatal(name, err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 6<<20 {
			t.Errorf("%s: %d bytes; want at most %d", name, got, 6<<20)
		}
	}
}
