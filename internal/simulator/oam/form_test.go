package oam

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

func TestJSONForms(t *testing.T) {
	const row = `{"sessionId":"id|h","createTime":"2017-05-31T13:56:19.000-07:00","updateTime":"2017-05-31T13:56:19.000-07:00",` +
		`"lastAccessTime":"2017-05-31T13:56:19.000-07:00","expiryTime":"2017-06-01T13:56:19.000-07:00","userId":"u","clientIp":"192.0.2.1",` +
		`"idStoreName":"s","isImpersonating":false}`
	at := time.Date(2017, 5, 31, 20, 56, 19, 0, time.UTC)
	one := world.Session{ID: "id|h", Created: at, Updated: at, LastAccess: at, Expires: at.Add(24 * time.Hour), User: "u", ClientIP: "192.0.2.1", Store: "s", Role: "r"}
	change := func(old, new string) string { return strings.ReplaceAll(row, old, new) }
	with := func(more string) string { return strings.TrimSuffix(row, "}") + "," + more + "}" }
	times := func(form string) string {
		return strings.ReplaceAll(change("2017-05-31T13:56:19.000-07:00", form), "2017-06-01T13:56:19.000-07:00", strings.ReplaceAll(form, "05-31", "06-01"))
	}
	pairs := `[{"attrName":"mail","attrValue":"someone@example.com"},{"attrName":"role","attrValue":"r"}]`
	for _, c := range []struct {
		name string
		form Form
		rows int
		want string
	}{
		{"plain", Form{}, 2, `{"totalRecords":2,"sessions":{"sessionData":[` + row + `,` + row + `]}}`},
		{"one", Form{}, 1, `{"totalRecords":1,"sessions":{"sessionData":[` + row + `]}}`},
		{"one collapsed", Form{CollapseOne: true}, 1, `{"totalRecords":1,"sessions":{"sessionData":` + row + `}}`},
		{"two don't collapse", Form{CollapseOne: true}, 2, `{"totalRecords":2,"sessions":{"sessionData":[` + row + `,` + row + `]}}`},
		{"array", Form{Array: true}, 2, `{"totalRecords":2,"sessions":[` + row + `,` + row + `]}`},
		{"array of one collapsed", Form{Array: true, CollapseOne: true}, 1, `{"totalRecords":1,"sessions":` + row + `}`},
		{"none", Form{}, 0, `{"totalRecords":0,"sessions":{"sessionData":[]}}`},
		{"none, array", Form{Array: true}, 0, `{"totalRecords":0,"sessions":[]}`},
		{"none, object", Form{None: NoneEmptyObject}, 0, `{"totalRecords":0,"sessions":{}}`},
		{"none, null", Form{None: NoneNull}, 0, `{"totalRecords":0,"sessions":null}`},
		{"none, text", Form{None: NoneEmptyText}, 0, `{"totalRecords":0,"sessions":""}`},
		{"none, absent", Form{None: NoneAbsent, TotalText: true}, 0, `{"totalRecords":"0"}`},
		{"wrapped", Form{Wrapped: true}, 1, `{"SessionResults":{"totalRecords":1,"sessions":{"sessionData":[` + row + `]}}}`},
		{"texts", Form{Array: true, TotalText: true, BoolText: true}, 1, `{"totalRecords":"1","sessions":[` + change(":false", `:"false"`) + `]}`},
		{"no expiry", Form{Array: true, NoExpiryTime: true}, 1, `{"totalRecords":1,"sessions":[` + change(`"expiryTime":"2017-06-01T13:56:19.000-07:00",`, "") + `]}`},
		{"zulu", Form{Array: true, Times: FormZulu}, 1, `{"totalRecords":1,"sessions":[` + times("2017-05-31T20:56:19.000Z") + `]}`},
		{"compact", Form{Array: true, Times: FormCompact, Zone: time.UTC}, 1, `{"totalRecords":1,"sessions":[` + times("2017-05-31T20:56:19.000+0000") + `]}`},
		{"seconds", Form{Array: true, Times: FormSeconds}, 1, `{"totalRecords":1,"sessions":[` + times("2017-05-31T13:56:19-07:00") + `]}`},
		{"attributes", Form{Array: true, RoleAttribute: "role"}, 1, `{"totalRecords":1,"sessions":[` + with(`"userAttributes":{"nameValueAttribute":`+pairs+`}`) + `]}`},
		{"attributes, list", Form{Array: true, RoleAttribute: "role", Attributes: AttributesList}, 1, `{"totalRecords":1,"sessions":[` + with(`"userAttributes":`+pairs) + `]}`},
		{"attributes, named", Form{Array: true, RoleAttribute: "role", Attributes: AttributesNamed}, 1, `{"totalRecords":1,"sessions":[` +
			with(`"userAttributes":{"mail":{"attrName":"mail","attrValue":"someone@example.com"},"role":{"attrName":"role","attrValue":"r"}}`) + `]}`},
		{"attributes, plain", Form{Array: true, RoleAttribute: "role", Attributes: AttributesPlain}, 1, `{"totalRecords":1,"sessions":[` +
			with(`"userAttributes":{"mail":"someone@example.com","role":"r"}`) + `]}`},
		{"attributes, one", Form{Array: true, RoleAttribute: "role", Attributes: AttributesOne}, 1, `{"totalRecords":1,"sessions":[` +
			with(`"userAttributes":{"nameValueAttribute":{"attrName":"role","attrValue":"r"}}`) + `]}`},
	} {
		rows := make([]world.Session, c.rows)
		for n := range rows {
			rows[n] = one
		}
		got, contentType := c.form.encode(rows, c.rows, "application/json")
		if string(got) != c.want || contentType != "application/json" || !json.Valid(got) {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, contentType, got, c.want)
		}
	}
	epoch := Form{Times: FormEpoch}
	if got, _ := epoch.encode([]world.Session{one}, 1, "json"); !strings.Contains(string(got), `"createTime":1496264179000,`) {
		t.Errorf(`%v; want "\"createTime\":1496264179000," in it`, string(got))
	}
	epoch.TimesText = true
	if got, _ := epoch.encode([]world.Session{one}, 1, "json"); !strings.Contains(string(got), `"createTime":"1496264179000",`) {
		t.Errorf(`%v; want "\"createTime\":\"1496264179000\"," in it`, string(got))
	}
	fine := one
	fine.Created = at.Add(123 * time.Millisecond)
	if got := (&Form{}).timeText(fine.Created); got != "2017-05-31T13:56:19.000-07:00" {
		t.Errorf(`%v; want "2017-05-31T13:56:19.000-07:00"`, got)
	}
	if got := (&Form{Millis: true}).timeText(fine.Created); got != "2017-05-31T13:56:19.123-07:00" {
		t.Errorf(`%v; want "2017-05-31T13:56:19.123-07:00"`, got)
	}
	// Every form at once, with hostile text, is still JSON.
	one.User, one.ClientIP, one.Role = "\"\\\n<&>", "not an address\x00", "é\u2028"
	wild := Form{Wrapped: true, Extra: true, TotalText: true, BoolText: true, RoleAttribute: `ro"le`, Attributes: AttributesNamed}
	if got, _ := wild.encode([]world.Session{one, {}}, 2, "json"); !json.Valid(got) {
		t.Errorf("%s; want valid JSON", got)
	}
}

func TestXMLAndContentTypes(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 3})
	w.Add(session.OAM, func(s *world.Session) { s.User, s.ClientIP = "<&>\x01\xff", "" })
	type results struct {
		XMLName xml.Name `xml:"SessionResults"`
		Total   int      `xml:"totalRecords"`
		Rows    []struct {
			User   string `xml:"userId"`
			Create string `xml:"createTime"`
			Attrs  []struct {
				Name  string `xml:"attrName"`
				Value string `xml:"attrValue"`
			} `xml:"userAttributes>nameValueAttribute"`
		} `xml:"sessions>sessionData"`
	}
	api := New(w, Options{Form: Form{RoleAttribute: "role", Extra: true}})
	for accept, wantXML := range map[string]bool{"": true, "*/*": true, "text/html": true, "application/json": false, "application/xml;q=0.1, Application/JSON": false} {
		rec := testkit.Post(api, PathSearch, "{}", "Accept", accept)
		isXML := rec.Header().Get("Content-Type") == "application/xml"
		if isXML != wantXML || isXML == json.Valid(rec.Body.Bytes()) {
			t.Errorf("Accept %q: %s; isXML = %v, want %v", accept, rec.Header().Get("Content-Type"), isXML, wantXML)
		}
		if !isXML {
			continue
		}
		var r results
		if err := xml.Unmarshal(rec.Body.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		users := make(map[string]bool)
		for _, row := range r.Rows {
			users[row.User] = true
			if len(row.Attrs) != 2 || row.Attrs[1].Name != "role" || row.Attrs[1].Value == "" || row.Create == "" {
				t.Errorf(`%+v; want len Attrs 2, Attrs[1].Name "role", Attrs[1].Value other than "", Create other than ""`, row)
			}
		}
		if r.Total != 4 || len(r.Rows) != 4 || !users["<&>\uFFFD\uFFFD"] {
			t.Errorf("%+v; want Total 4, len Rows 4", r)
		}
	}
	api.Set(func(o *Options) { o.Form.XMLAlways = true })
	if rec := testkit.Post(api, PathSearch, "{}"); rec.Header().Get("Content-Type") != "application/xml" {
		t.Errorf(`XMLAlways is not always; rec.Header().Get("Content-Type") = %v, want "application/xml"`, rec.Header().Get("Content-Type"))
	}
	api.Set(func(o *Options) { o.Form.ContentType = "application/json" })
	if rec := testkit.Post(api, PathSearch, "{}"); rec.Header().Get("Content-Type") != "application/json" || json.Valid(rec.Body.Bytes()) {
		t.Errorf(`XML must come as JSON; rec.Header().Get("Content-Type") = %v, want "application/json"`, rec.Header().Get("Content-Type"))
	}
	w.Clear(session.OAM)
	for none, want := range map[NoneForm]bool{NoneEmptyList: true, NoneAbsent: false} {
		api.Set(func(o *Options) { o.Form.None = none })
		if rec := testkit.Post(api, PathSearch, "{}"); strings.Contains(rec.Body.String(), "<sessions/>") != want {
			t.Errorf("%s; want an empty element: %v", rec.Body, want)
		}
	}
}
