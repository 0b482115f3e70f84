package intersight

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

type sessionList struct {
	ObjectType string
	Count      *int
	Results    []map[string]any
}

func list(t *testing.T, h http.Handler, query string) sessionList {
	t.Helper()
	w := testkit.Get(h, PathSessions+query)
	var l sessionList
	if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != 200 {
		t.Fatalf("%s: %d, %v: %s; want 200", query, w.Code, err, w.Body)
	}
	return l
}

const selectAll = "$select=Moid,CreateTime,Status,Role,UserIdOrEmail,ClientIpAddress,Expiration,IdleTimeExpiration,EndTime,FailedLogins,LastLoginTime,LoginType,User"

// read turns a row back into a Session, the way a tolerant client would.
func read(row map[string]any) world.Session {
	text := func(name string) string { s, _ := row[name].(string); return s }
	instant := func(name string) time.Time {
		at, err := time.Parse(time.RFC3339, text(name))
		if err != nil || at.Year() <= 1 {
			return time.Time{}
		}
		return at
	}
	s := world.Session{
		API: session.Intersight, ID: text("Moid"), State: text("Status"), User: text("UserIdOrEmail"),
		Role: text("Role"), ClientIP: text("ClientIpAddress"), Created: instant("CreateTime"),
		Expires: instant("Expiration"), IdlesAt: instant("IdleTimeExpiration"), Ended: instant("EndTime"),
		LastLogin: instant("LastLoginTime"), LoginType: text("LoginType"), FailedLogins: -1,
	}
	if n, ok := row["FailedLogins"].(float64); ok {
		s.FailedLogins = int64(n)
	}
	if user, ok := row["User"].(map[string]any); ok {
		s.UserMoid, _ = user["Moid"].(string)
	}
	return s
}

// told is what the API tells of the truth.
func told(s world.Session) world.Session {
	s.Status, s.Updated, s.LastAccess, s.LastLoginClient = 0, time.Time{}, time.Time{}, ""
	s.Store, s.StoreUnknown = "", false // another list's matter
	return s
}

func TestListingIsTheTruth(t *testing.T) {
	c := lively()
	c.Intersight.Linger = 5 * time.Minute
	w := world.New(c)
	for _, query := range []string{"?$orderby=Moid", "?%24orderby=-Moid", "?$orderby=Moid+desc", "?$orderby=CreateTime%20asc"} {
		api := New(w, Options{})
		got := make(map[string]world.Session)
		var order []string
		for skip := 0; ; skip += 7 {
			l := list(t, api, fmt.Sprintf("%s&%s&$inlinecount=allpages&$top=7&$skip=%d", query, selectAll, skip))
			if l.ObjectType != "iam.Session.List" || *l.Count != w.Len(session.Intersight) {
				t.Fatalf(`%s, Count %d; want "iam.Session.List"`, l.ObjectType, *l.Count)
			}
			if l.Results == nil {
				break
			}
			for _, row := range l.Results {
				s := read(row)
				got[s.ID] = s
				order = append(order, s.ID)
			}
		}
		truth := w.Truth(session.Intersight)
		if strings.Contains(query, "CreateTime") {
			truth = nil
			for _, s := range w.Truth(session.Intersight) {
				if got[s.ID].ID == "" {
					continue // ties come in a new order on each page, so some may be missed
				}
				truth = append(truth, s)
			}
			if len(truth) < 50 {
				t.Errorf("%s: only %d; want at least 50", query, len(truth))
			}
		}
		withUser := 0
		for _, s := range truth {
			want, have := told(s), got[s.ID]
			if have.User == "" {
				have.User = want.User // UserIdOrEmail is not always told
			} else {
				withUser++
			}
			if have != want {
				t.Errorf("listed %+v\n want %+v", have, want)
			}
		}
		if withUser < len(truth)*8/10 {
			t.Errorf("only %d of %d tell UserIdOrEmail; want at least %d", withUser, len(truth), len(truth)*8/10)
		}
		switch {
		case strings.Contains(query, "CreateTime"):
		case strings.Contains(query, "esc"), strings.Contains(query, "-"):
			slices.Reverse(order)
			fallthrough
		default:
			if !slices.IsSorted(order) || len(order) != len(truth) {
				t.Errorf("%s: %d rows, sorted %t; want %d", query, len(order), slices.IsSorted(order), len(truth))
			}
		}
		if api.Leaks() != 0 {
			t.Errorf("a leak without SessionId; api.Leaks() = %v, want 0", api.Leaks())
		}
	}
}

func TestOrderAndPages(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 2500})
	ids := func(l sessionList) (out []string) {
		for _, r := range l.Results {
			out = append(out, r["Moid"].(string))
		}
		return out
	}
	api := New(w, Options{})
	if slices.Equal(ids(list(t, api, "?$select=Moid")), ids(list(t, api, "?$select=Moid"))) {
		t.Error("two listings without $orderby have one order")
	}
	for query, want := range map[string]int{"": 100, "&$top=7": 7, "&$top=1000": 1000, "&$top=5000": 1000, "&$top=1000&$skip=2000": 500, "&$skip=2500": 0, "&$top=0": 0} {
		l := list(t, api, "?$select=Moid"+query)
		if len(l.Results) != want || l.Count != nil {
			t.Errorf("%s: %d rows, Count %v; want %d", query, len(l.Results), l.Count, want)
		}
	}
	api.Set(func(o *Options) { o.Ordered, o.RefuseTop = true, true })
	if l := ids(list(t, api, "?$select=Moid")); !slices.IsSorted(l) {
		t.Error("Ordered is not")
	}
	if code := testkit.Get(api, PathSessions+"?$top=1001").Code; code != 400 {
		t.Errorf("RefuseTop: %d; want 400", code)
	}
	var counted struct {
		ObjectType string
		Count      int
	}
	json.Unmarshal(testkit.Get(api, PathSessions+"?$count=true").Body.Bytes(), &counted)
	if counted.ObjectType != "mo.DocumentCount" || counted.Count != 2500 {
		t.Errorf(`%+v; want ObjectType "mo.DocumentCount", Count 2500`, counted)
	}
}

// Order by Moid must stay right while the world moves between pages.
func TestPagesOfAMovingWorld(t *testing.T) {
	for _, random := range []bool{false, true} {
		c := lively()
		c.Intersight.RandomMoids = random
		w := world.New(c)
		api := New(w, Options{OnRequest: func(n int, _ *http.Request) {
			w.Step(time.Minute)
			w.Churn(session.Intersight, 3)
			if n%5 == 0 {
				id := w.Truth(session.Intersight)[2].ID
				w.Modify(session.Intersight, id, func(s *world.Session) { s.ID = "0" + s.ID[1:] })
			}
		}})
		for range 30 {
			l := list(t, api, "?$select=Moid&$orderby=Moid&$top=1000")
			truth := w.Truth(session.Intersight)
			if len(l.Results) != len(truth) {
				t.Fatalf("%d rows, want %d", len(l.Results), len(truth))
			}
			for n, r := range l.Results {
				if r["Moid"] != truth[n].ID {
					t.Fatalf("row %d is %s, want %s", n, r["Moid"], truth[n].ID)
				}
			}
		}
	}
}

func TestSelect(t *testing.T) {
	w := world.New(lively())
	api := New(w, Options{})
	for _, row := range list(t, api, "?$select=Role,CreateTime").Results {
		for name := range row {
			if !slices.Contains([]string{"Moid", "ClassId", "ObjectType", "Role", "CreateTime"}, name) {
				t.Errorf("%s was not selected", name)
			}
		}
	}
	if api.Leaks() != 0 {
		t.Errorf("leaks without SessionId; api.Leaks() = %v, want 0", api.Leaks())
	}
	row := list(t, api, "").Results[0]
	for _, noise := range []string{"Owners", "Tags", "AccountPermissions", "SharedScope", "Parent"} {
		if _, ok := row[noise]; !ok {
			t.Errorf("no %s without $select", noise)
		}
	}
	if !strings.HasPrefix(row["SessionId"].(string), SessionTokenMark) || api.Leaks() != 1 {
		t.Errorf("%v, %d leaks; want (string) %q before it, 1", row["SessionId"], api.Leaks(), SessionTokenMark)
	}
	list(t, api, "?$select=SessionId")
	if api.Leaks() != 2 {
		t.Errorf("%d leaks; want 2", api.Leaks())
	}
	for _, query := range []string{"?$filter=Status", "?$apply=x", "?$expand=User", "?$select=Moid,%20Role",
		"?$select=moid", "?$top=x", "?$skip=-1", "?$orderby=Nothing", "?$orderby=Moid+down", "?$inlinecount=true"} {
		a := testkit.Get(api, PathSessions+query)
		var e struct{ Code, Message, TraceID string }
		if json.Unmarshal(a.Body.Bytes(), &e) != nil || a.Code != 400 || e.Code != "InvalidRequest" || e.TraceID == "" ||
			a.Header().Get("x-starship-traceid") != e.TraceID {
			t.Errorf(`%s: %d %s; want 400; e.Code = %v, want "InvalidRequest"; e.TraceID = %v, want other than ""; a.Header().Get("x-starship-traceid") = %v, want %v`, query, a.Code, a.Body, e.Code, e.TraceID, a.Header().Get("x-starship-traceid"), e.TraceID)
		}
	}
}

func TestOldAppliance(t *testing.T) {
	w := world.New(lively())
	api := New(w, Options{OldAppliance: true, Missing: []string{"User"}})
	row := list(t, api, "").Results[0]
	for _, name := range append([]string{"User"}, missingOnOld...) {
		if _, ok := row[name]; ok {
			t.Errorf("an old appliance has %s", name)
		}
		a := testkit.Get(api, PathSessions+"?$select=Moid,"+name)
		if a.Code != 400 || !strings.Contains(a.Body.String(), `"messageParams":{"1":"`+name+`"}`) {
			t.Errorf("%s: %d %s; want 400, %q in it", name, a.Code, a.Body, `"messageParams":{"1":"`+name+`"}`)
		}
	}
	if api.Leaks() != 0 {
		t.Errorf("an old appliance leaks; api.Leaks() = %v, want 0", api.Leaks())
	}
	api.Set(func(o *Options) { o.Refusal = RefuseMute })
	if a := testkit.Get(api, PathSessions+"?$select=Role"); a.Code != 400 || strings.Contains(a.Body.String(), "Role") {
		t.Errorf("mute: %d %s; want 400", a.Code, a.Body)
	}
	api.Set(func(o *Options) { o.Refusal = RefuseNot })
	if l := list(t, api, "?$select=Role,Expiration"); l.Results[0]["Expiration"] == nil || l.Results[0]["Role"] != nil {
		t.Errorf("%v, want an Expiration and no Role", l.Results[0])
	}
}

// Every way in which a value may be missing must occur.
func TestWaysToSayNothing(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 300})
	for _, s := range w.Truth(session.Intersight) {
		w.Modify(session.Intersight, s.ID, func(s *world.Session) { s.Role, s.FailedLogins = "", -1 })
	}
	ways := func(api *Handler, name string) map[string]bool {
		out := make(map[string]bool)
		for _, row := range list(t, api, "?$top=1000&$select="+name).Results {
			if v, ok := row[name]; ok {
				out[fmt.Sprint(v)] = true
			} else {
				out["absent"] = true
			}
		}
		return out
	}
	api := New(w, Options{})
	for name, want := range map[string]map[string]bool{
		"Role":         {"absent": true, "<nil>": true, "": true},
		"EndTime":      {"absent": true, "<nil>": true, zeroTime: true},
		"FailedLogins": {"absent": true, "<nil>": true},
	} {
		if got := ways(api, name); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for unset, want := range map[Unset]string{UnsetAbsent: "absent", UnsetNull: "<nil>", UnsetZero: zeroTime} {
		api.Set(func(o *Options) { o.Unset = unset })
		if got := ways(api, "EndTime"); !maps.Equal(got, map[string]bool{want: true}) {
			t.Errorf("%d: %v; want %v", unset, got, map[string]bool{want: true})
		}
	}
	with, without := false, false
	for at := range ways(api, "CreateTime") {
		with = with || strings.Contains(at, ".")
		without = without || !strings.Contains(at, ".")
	}
	if !with || !without {
		t.Error("times must come with and without fractions")
	}
}

func TestEmptyList(t *testing.T) {
	api := New(world.New(world.Config{}), Options{})
	if body := testkit.Get(api, PathSessions+"?$inlinecount=allpages").Body.String(); body != `{"ObjectType":"iam.Session.List","Count":0,"Results":null}` {
		t.Errorf(`%v; want "{\"ObjectType\":\"iam.Session.List\",\"Count\":0,\"Results\":null}"`, body)
	}
	if api.Leaks() != 0 {
		t.Errorf("nothing leaked; api.Leaks() = %v, want 0", api.Leaks())
	}
}

func TestSessionLimits(t *testing.T) {
	w := world.New(lively())
	api := New(w, Options{})
	read := func() (accounts, overrides []map[string]any) {
		var l sessionList
		a := testkit.Get(api, PathSessionLimits+"?$select=IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Permission")
		if err := json.Unmarshal(a.Body.Bytes(), &l); err != nil || l.ObjectType != "iam.SessionLimits.List" {
			t.Fatalf(`%v: %s; want l.ObjectType "iam.SessionLimits.List"`, err, a.Body)
		}
		for _, row := range l.Results {
			if row["Permission"] == nil {
				accounts = append(accounts, row)
			} else {
				overrides = append(overrides, row)
			}
		}
		return accounts, overrides
	}
	accounts, overrides := read()
	if len(accounts) != 1 || len(overrides) != 2 {
		t.Fatalf("%v, %v; want len 1, len 2", accounts, overrides)
	}
	for name, want := range map[string]float64{"IdleTimeOut": 300, "SessionTimeOut": 2400, "MaximumLimit": 128, "PerUserLimit": 32} {
		if accounts[0][name] != want {
			t.Errorf("%s is %v, want %v", name, accounts[0][name], want)
		}
		for _, o := range overrides {
			if o[name] == want {
				t.Errorf("an override has the account's %s; want o[name] other than %v", name, want)
			}
		}
	}
	api.Set(func(o *Options) { o.LimitsAbsent = true })
	if accounts, overrides = read(); accounts != nil || overrides != nil {
		t.Error("LimitsAbsent has limits")
	}
	for _, status := range []int{403, 404, 500} {
		api.Set(func(o *Options) { o.LimitsStatus = status })
		if code := testkit.Get(api, PathSessionLimits).Code; code != status {
			t.Errorf("%d, want %d", code, status)
		}
	}
}

func TestDateGzipAndOtherPaths(t *testing.T) {
	w := world.New(lively())
	api := New(w, Options{Gzip: true, Skew: 90 * time.Second})
	a := testkit.Get(api, PathSessions, "Accept-Encoding", "gzip")
	if a.Header().Get("Date") != "Mon, 02 Mar 2026 09:01:30 GMT" {
		t.Errorf(`%v; want "Mon, 02 Mar 2026 09:01:30 GMT"`, a.Header().Get("Date"))
	}
	z, err := gzip.NewReader(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || !json.Valid(b) {
		t.Error(err)
	}
	if a := testkit.Get(api, PathSessions); a.Header().Get("Content-Encoding") != "" {
		t.Errorf(`compressed unasked; a.Header().Get("Content-Encoding") = %v, want ""`, a.Header().Get("Content-Encoding"))
	}
	api.Set(func(o *Options) { o.NoDate = true })
	if d := testkit.Get(api, PathSessions).Header()["Date"]; len(d) != 0 {
		t.Errorf("%v; want len 0", d)
	}
	if code := testkit.Get(api, "/api/v1/iam/sessions").Code; code != 404 {
		t.Errorf("%v; want 404", code)
	}
	r := httptest.NewRequest(http.MethodDelete, PathSessions+"/"+w.Truth(session.Intersight)[0].ID, nil)
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, r)
	if rec.Code != 403 || api.Stats().Writes != 1 {
		t.Errorf("%d, %+v; want 403, Writes 1", rec.Code, api.Stats())
	}
}

func TestHostileText(t *testing.T) {
	hostile := "a\"b\\c\n\x00\u2028é\xff<&>"
	w := world.New(world.Config{})
	w.Add(session.Intersight, func(s *world.Session) { s.Role = hostile })
	l := list(t, New(w, Options{}), "?$select=Role")
	if got, want := l.Results[0]["Role"], strings.ToValidUTF8(hostile, "\uFFFD"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTokens(t *testing.T) {
	w := world.New(lively())
	api := New(w, Options{Clients: map[string]string{"id+1": "secret/2"}})
	ask := func(form url.Values, user, password string) (string, int) {
		r := httptest.NewRequest(http.MethodPost, PathToken, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if user != "" {
			r.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(password))
		}
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		var token struct {
			Token   string `json:"access_token"`
			Expires int    `json:"expires_in"`
		}
		json.Unmarshal(rec.Body.Bytes(), &token)
		if rec.Code == 200 && token.Expires != 600 {
			t.Errorf("expires in %d, want 600", token.Expires)
		}
		return token.Token, rec.Code
	}
	grant := url.Values{"grant_type": {"client_credentials"}}
	inBody := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id+1"}, "client_secret": {"secret/2"}}
	with := func(token string) int { return testkit.Get(api, PathSessions, "Authorization", "Bearer "+token).Code }

	token, code := ask(inBody, "", "")
	if code != 200 || with(token) != 200 || strings.Count(token, ".") != 2 {
		t.Errorf(`body: %d %q; want 200; strings.Count(token, ".") = %v, want 2`, code, token, strings.Count(token, "."))
	}
	if token, code := ask(grant, "id+1", "secret/2"); code != 200 || with(token) != 200 {
		t.Errorf("Basic: %d; want 200", code)
	}
	if _, code := ask(grant, "id+1", "secret"); code != 401 {
		t.Errorf("wrong secret: %d; want 401", code)
	}
	if _, code := ask(url.Values{"grant_type": {"password"}}, "id+1", "secret/2"); code != 400 {
		t.Errorf("wrong grant: %d; want 400", code)
	}
	api.Set(func(o *Options) { o.TokenStyle = TokenBasic })
	if _, code := ask(inBody, "", ""); code != 401 {
		t.Errorf("body where Basic is wanted: %d", code)
	}
	api.Set(func(o *Options) { o.TokenStyle = TokenBody })
	if _, code := ask(grant, "id+1", "secret/2"); code != 401 {
		t.Errorf("Basic where the body is wanted: %d", code)
	}
	if with("x") != 401 {
		t.Errorf("any token: %d, want 401", with("x"))
	}
	w.Step(10*time.Minute - time.Second)
	if with(token) != 200 {
		t.Errorf("a second before its end: %d, want 200", with(token))
	}
	w.Step(time.Second)
	if with(token) != 401 {
		t.Errorf("at its end: %d, want 401", with(token))
	}
	token, _ = ask(inBody, "", "")
	api.RevokeTokens()
	if with(token) != 401 {
		t.Errorf("when revoked: %d, want 401", with(token))
	}
}

func BenchmarkPageOf100k(b *testing.B) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 100_000})
	api := New(w, Options{})
	for b.Loop() {
		testkit.Get(api, PathSessions+"?"+selectAll+"&$orderby=Moid&$top=1000&$skip=50000&$inlinecount=allpages")
	}
}

// lively is a world in which much happens in little time.
func lively() world.Config {
	c := world.DefaultConfig()
	c.Users, c.Addresses = 80, 30
	c.Rhythm = world.Steady
	c.Warmup = 2 * time.Hour
	for _, p := range []*world.Population{&c.Intersight, &c.OAM} {
		p.Sessions, p.IdleTimeout, p.Lifetime, p.Stay = 60, 5*time.Minute, 40*time.Minute, 12*time.Minute
	}
	c.Intersight.BruteForce = 30 * time.Minute
	c.Intersight.OddStatus = 0.05
	c.Intersight.TokenShare, c.Intersight.OddLogin = 0.1, 0.1
	return c
}
