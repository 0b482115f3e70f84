package intersight

import (
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

func TestDecodePage(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		err   string // part of it; "" for none
		count int    // -1: not told
		rows  int
	}{
		"rows":                     {`{"ObjectType":"iam.Session.List","Count":2,"Results":[{"Moid":"a"},{"Moid":"b"}]}`, "", 2, 2},
		"blanks everywhere":        {" {\t\"Count\" : 2 ,\r\n \"Results\" : [ { } , { \"a\" : [ ] } ] } ", "", 2, 2},
		"no ObjectType":            {`{"Count":1,"Results":[{"Moid":"a"}]}`, "", 1, 1},
		"null ObjectType":          {`{"ObjectType":null,"Count":1,"Results":[{"Moid":"a"}]}`, "", 1, 1},
		"unknown fields":           {`{"New":{"Results":[1,2,"]}"]},"Count":1,"Results":[{}],"Z":"\\\"}"}`, "", 1, 1},
		"zero, null":               {`{"ObjectType":"iam.Session.List","Count":0,"Results":null}`, "", 0, 0},
		"zero, empty":              {`{"Count":0,"Results":[]}`, "", 0, 0},
		"zero, absent":             {`{"Count":0}`, "", 0, 0},
		"no Count":                 {`{"Results":[{"Moid":"a"}]}`, "", -1, 1},
		"null Count":               {`{"Count":null,"Results":[]}`, "", -1, 0},
		"Count as float":           {`{"Count":3.0,"Results":[]}`, "", 3, 0},
		"Count as string":          {`{"Count":"3","Results":[]}`, "", 3, 0},
		"counts without rows":      {`{"Count":3,"Results":null}`, "", 3, 0},
		"nothing":                  {`{}`, "neither Count nor Results", 0, 0},
		"only a type":              {`{"ObjectType":"iam.Session.List"}`, "neither Count nor Results", 0, 0},
		"all null":                 {`{"Count":null,"Results":null}`, "neither Count nor Results", 0, 0},
		"$count":                   {`{"ObjectType":"mo.DocumentCount","Count":5}`, "ObjectType", 0, 0},
		"$apply":                   {`{"ObjectType":"mo.AggregateTransform","Results":[{"Total":3}]}`, "ObjectType", 0, 0},
		"array":                    {`[{"Moid":"a"}]`, "not a JSON object", 0, 0},
		"string":                   {`"ok"`, "not a JSON object", 0, 0},
		"null":                     {`null`, "not a JSON object", 0, 0},
		"empty":                    {``, "not JSON", 0, 0},
		"HTML":                     {" \n<!DOCTYPE html><html>login</html>", "HTML", 0, 0},
		"truncated":                {`{"Count":1,"Results":[{"Moid":"a"`, "not JSON", 0, 0},
		"two documents":            {`{"Count":0}{"Count":0}`, "not JSON", 0, 0},
		"negative Count":           {`{"Count":-1,"Results":[]}`, "Count", 0, 0},
		"half a Count":             {`{"Count":1.5,"Results":[]}`, "Count", 0, 0},
		"huge Count":               {`{"Count":99999999999,"Results":[]}`, "Count", 0, 0},
		"Count as object":          {`{"Count":{},"Results":[]}`, "Count", 0, 0},
		"Count as bool":            {`{"Count":true,"Results":[]}`, "Count", 0, 0},
		"Results as object":        {`{"Count":1,"Results":{"Moid":"a"}}`, "not an array", 0, 0},
		"Results as string":        {`{"Count":1,"Results":"a"}`, "not an array", 0, 0},
		"an error served as a 200": {`{"code":"InternalServerError","message":"x"}`, "neither", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decodePage("", []byte(c.body), httpclient.MaxBody, "iam.Session.List")
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one about %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for range p.rows.items {
				n++
			}
			if p.counted != (c.count >= 0) || p.counted && p.count != c.count || n != c.rows {
				t.Errorf("count %d (told %t), %d rows; want %v, %d", p.count, p.counted, n, c.count >= 0, c.rows)
			}
		})
	}
}

func TestDecodeSession(t *testing.T) {
	h := session.NewHasher()
	at := func(s string) time.Time {
		tm, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	moidOnly := session.Session{ID: h.Key("a"), Status: session.Active, FailedLogins: -1, Login: h.Key("login", "a"), StoreUnknown: true}
	with := func(change func(*session.Session)) session.Session {
		s := moidOnly
		change(&s)
		return s
	}
	status := func(st session.Status) session.Session { return with(func(s *session.Session) { s.Status = st }) }
	for name, c := range map[string]struct {
		row  string
		want session.Session
	}{
		"only a Moid": {`{"Moid":"a"}`, moidOnly},
		"all": {`{"Moid":"a","CreateTime":"2026-08-20T07:58:11.204Z","EndTime":"2026-08-20T11:00:00Z","Status":"Ended","Role":"Read-Only",
			"UserIdOrEmail":"u@example.com","User":{"Moid":"u1"},"ClientIpAddress":"203.0.113.10","Expiration":"2026-08-20T23:00:00Z",
			"IdleTimeExpiration":"2026-08-20T12:30:00Z","LastLoginTime":"2026-08-19T14:00:00.50+02:00","FailedLogins":3,"LoginType":"tokenexchange"}`,
			session.Session{ID: h.Key("a"), User: h.Key("u1"), Status: session.Ended, Role: "Read-Only", ClientIP: "203.0.113.10", LoginType: "tokenexchange",
				Created: at("2026-08-20T07:58:11.204Z"), Ended: at("2026-08-20T11:00:00Z"), Expires: at("2026-08-20T23:00:00Z"),
				IdlesAt: at("2026-08-20T12:30:00Z"), FailedLogins: 3, Login: h.Key("login", "u1", "2026-08-19T12:00:00.5Z")}},
		"all null": {`{"Moid":"a","CreateTime":null,"EndTime":null,"Status":null,"Role":null,"UserIdOrEmail":null,"User":null,
			"ClientIpAddress":null,"Expiration":null,"IdleTimeExpiration":null,"LastLoginTime":null,"FailedLogins":null,"LoginType":null}`, moidOnly},
		"all empty": {`{"Moid":"a","CreateTime":"","EndTime":"","Status":"","Role":"","UserIdOrEmail":"","User":{},
			"ClientIpAddress":"","Expiration":"","IdleTimeExpiration":"","LastLoginTime":"","FailedLogins":"","LoginType":""}`, moidOnly},
		"all of a wrong type": {`{"Moid":"a","CreateTime":5,"EndTime":{},"Status":{"a":1},"Role":[],"UserIdOrEmail":7,"User":"u1",
			"ClientIpAddress":{},"Expiration":true,"IdleTimeExpiration":[1],"LastLoginTime":{},"FailedLogins":{},"LoginType":1}`, moidOnly},
		"Go's zero times": {`{"Moid":"a","CreateTime":"0001-01-01T00:00:00Z","EndTime":"0001-01-01T00:00:00Z","Expiration":"0001-01-01T00:00:00.000Z",
			"IdleTimeExpiration":"0000-12-31T00:00:00Z","LastLoginTime":"0001-01-01T00:00:00Z"}`, moidOnly},
		"times that are none":  {`{"Moid":"a","CreateTime":"yesterday","Expiration":"2026-13-40T00:00:00Z","IdleTimeExpiration":"20260820"}`, moidOnly},
		"keys in another case": {`{"moid":"a","ROLE":"x","clientIPAddress":"y","user":{"MOID":"u1"}}`, with(func(s *session.Session) { s.Role, s.ClientIP, s.User, s.StoreUnknown = "x", "y", h.Key("u1"), false })},
		"escapes in a key":     {`{"\u004doid":"a","R\u006fle":"x","` + strings.Repeat("\u0041", 40) + `":1}`, with(func(s *session.Session) { s.Role = "x" })},
		"control characters":   {"{\"Moid\":\"a\",\"Role\":\"x\x01y\",\"Other\":\"\x02\"}", with(func(s *session.Session) { s.Role = "x\ufffd01y" })},
		"last field wins":      {`{"Moid":"b","Moid":"a"}`, moidOnly},
		"escapes":              {`{"Moid":"\u0061","Role":"A\"B\\\/é\ud800"}`, with(func(s *session.Session) { s.Role = "A\"B\\/é\ufffdD800" })},
		"invalid UTF-8":        {"{\"Moid\":\"a\",\"Role\":\"x\xffy\"}", with(func(s *session.Session) { s.Role = "x\ufffdFFy" })},
		"long text":            {`{"Moid":"a","Role":"` + strings.Repeat("é", 2000) + `"}`, with(func(s *session.Session) { s.Role = strings.Repeat("é", maxText/2) })},

		"user expanded":        {`{"Moid":"a","User":{"ObjectType":"iam.User","Email":"x@example.com","Moid":"u1","Idp":{"Moid":"i"}}}`, with(func(s *session.Session) { s.User, s.StoreUnknown = h.Key("u1"), false })},
		"user by name":         {`{"Moid":"a","User":{"Moid":""},"UserIdOrEmail":"u@example.com"}`, with(func(s *session.Session) { s.User = h.Key("u@example.com") })},
		"login by name":        {`{"Moid":"a","UserIdOrEmail":"u","LastLoginTime":"2026-08-19T12:00:00.000Z"}`, with(func(s *session.Session) { s.User, s.Login = h.Key("u"), h.Key("login", "u", "2026-08-19T12:00:00Z") })},
		"login without user":   {`{"Moid":"a","LastLoginTime":"2026-08-19T12:00:00Z"}`, moidOnly},
		"failures as float":    {`{"Moid":"a","FailedLogins":3.0}`, with(func(s *session.Session) { s.FailedLogins = 3 })},
		"failures as string":   {`{"Moid":"a","FailedLogins":"3"}`, with(func(s *session.Session) { s.FailedLogins = 3 })},
		"no failures":          {`{"Moid":"a","FailedLogins":0}`, with(func(s *session.Session) { s.FailedLogins = 0 })},
		"negative failures":    {`{"Moid":"a","FailedLogins":-4}`, moidOnly},
		"half a failure":       {`{"Moid":"a","FailedLogins":0.5}`, moidOnly},
		"unthinkable failures": {`{"Moid":"a","FailedLogins":1e300}`, moidOnly},

		"active":         {`{"Moid":"a","Status":"Active"}`, status(session.Active)},
		"ended":          {`{"Moid":"a","Status":"Ended"}`, status(session.Ended)},
		"terminated":     {`{"Moid":"a","Status":"Terminated"}`, status(session.Terminated)},
		"a newer status": {`{"Moid":"a","Status":"Paused"}`, status(session.Unknown)},
		"another case":   {`{"Moid":"a","Status":"ACTIVE"}`, status(session.Unknown)},
		"expires now":    {`{"Moid":"a","Expiration":"2026-08-20T12:00:00Z"}`, with(func(s *session.Session) { s.Status, s.Expires = session.Expired, noon })},
		"expires later":  {`{"Moid":"a","Expiration":"2026-08-20T12:00:00.001Z"}`, with(func(s *session.Session) { s.Expires = noon.Add(time.Millisecond) })},
		"idle now":       {`{"Moid":"a","Status":"Active","IdleTimeExpiration":"2026-08-20T12:00:00Z"}`, with(func(s *session.Session) { s.Status, s.IdlesAt = session.Idle, noon })},
		"expired before idle": {`{"Moid":"a","Expiration":"2026-08-20T11:59:00Z","IdleTimeExpiration":"2026-08-20T11:00:00Z"}`,
			with(func(s *session.Session) {
				s.Status, s.Expires, s.IdlesAt = session.Expired, noon.Add(-time.Minute), noon.Add(-time.Hour)
			})},
		"terminated, past its limit": {`{"Moid":"a","Status":"Terminated","Expiration":"2026-08-20T12:00:00Z"}`, with(func(s *session.Session) { s.Status, s.Expires = session.Terminated, noon })},
		"unknown, past its limit":    {`{"Moid":"a","Status":"Paused","Expiration":"2026-08-20T12:00:00Z"}`, with(func(s *session.Session) { s.Status, s.Expires = session.Unknown, noon })},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := document("", []byte(c.row), httpclient.MaxBody)
			if err != nil {
				t.Fatal(err)
			}
			got, err := newRowDecoder(h).session(doc, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	for _, bad := range []string{`{}`, `{"Moid":""}`, `{"Moid":null}`, `{"Moid":5}`, `{"Moid":{"Moid":"a"}}`, `5`, `null`, `"a"`, `["Moid","a"]`} {
		if s, err := newRowDecoder(h).session(raw(bad), noon); err == nil {
			t.Errorf("%s: %+v, want an error", bad, s)
		}
	}
}

// Neither an id nor a user stays in memory, nor does the page it came with.
func TestSessionsKeepNoIdentity(t *testing.T) {
	body := []byte(row(1))
	d := newRowDecoder(session.NewHasher())
	s, err := d.session(raw(body), noon)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if s.Role != "Account Administrator" || s.ClientIP != "203.0.113.2" {
		t.Errorf(`the session changed with its page: %+v; want Role "Account Administrator", ClientIP "203.0.113.2"`, s)
	}
	for text := range d.texts {
		if text != s.Role && text != s.ClientIP {
			t.Errorf("kept %q, want only role %q and address %q", text, s.Role, s.ClientIP)
		}
	}
}
