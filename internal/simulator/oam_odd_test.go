package simulator

import (
	"net/http/httptest"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
)

func TestNoMatchForms(t *testing.T) {
	w := NewStatic(Static{API: session.OAM, Sessions: 3})
	for form, want := range map[NoMatchForm]string{
		NoMatchNothing: "", NoMatch204: "", NoMatchNull: "null", NoMatchObject: "{}", NoMatchNullSessions: `{"sessions":null}`,
		NoMatchEmptyList: `{"sessions":{"sessionData":[]}}`, NoMatchTotal: `{"totalRecords":0,"sessions":{"sessionData":[]}}`,
	} {
		api := NewOAM(w, OAMOptions{NoMatch: form})
		rec := post(api, PathSearch, `{"clientIp":"192.0.2.250"}`)
		status := 200
		if form == NoMatch204 {
			status = 204
		}
		if rec.Code != status || strings.TrimSpace(rec.Body.String()) != want {
			t.Errorf("%d: %d %q", form, rec.Code, rec.Body)
		}
		if r := ask(t, api, "{}"); len(r.Sessions.SessionData) != 3 {
			t.Errorf("%d: %d rows of a match", form, len(r.Sessions.SessionData))
		}
		api.Set(func(o *OAMOptions) { o.NoMatch404 = true })
		if rec := post(api, PathSearch, `{"clientIp":"192.0.2.250"}`); rec.Code != 404 {
			t.Errorf("%d: %d", form, rec.Code)
		}
	}
}

func TestHTTPSessions(t *testing.T) {
	w := NewStatic(Static{API: session.OAM, Sessions: 3})
	api := NewOAM(w, OAMOptions{Cookie: true, MaxHTTPSessions: 3, Users: map[string]string{"monitor": "secret"}})
	const right, wrong = "Basic bW9uaXRvcjpzZWNyZXQ=", "Basic b3RoZXI6"
	cookie := func(rec *httptest.ResponseRecorder) string {
		c, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
		return c
	}
	first := cookie(post(api, PathSearch, "{}", "Authorization", right))
	if !strings.HasPrefix(first, "JSESSIONID="+CookieMark) {
		t.Fatal(first)
	}
	for range 5 {
		if rec := post(api, PathSearch, "{}", "Authorization", right, "Cookie", "other=1; "+first); rec.Code != 200 || cookie(rec) != "" {
			t.Errorf("%d %v", rec.Code, rec.Header())
		}
	}
	if rec := post(api, PathSearch, "{}", "Authorization", wrong); rec.Code != 401 || cookie(rec) == "" {
		t.Errorf("%d %v: a refused request makes a session, too", rec.Code, rec.Header())
	}
	if rec := post(api, PathSearch, "{}", "Authorization", right, "Cookie", "JSESSIONID=1"); cookie(rec) == "" {
		t.Error("a cookie that nobody knows")
	}
	if rec := post(api, PathSearch, "{}", "Authorization", right); rec.Code != 500 || api.Stats().Cookies != 3 {
		t.Errorf("%d, %d sessions: too many", rec.Code, api.Stats().Cookies)
	}
	api.ForgetCookies()
	if rec := post(api, PathSearch, "{}", "Authorization", right, "Cookie", first); rec.Code != 200 || cookie(rec) == "" || cookie(rec) == first {
		t.Errorf("%d %v after a restart", rec.Code, rec.Header())
	}
}

func TestRotatingSessionIDs(t *testing.T) {
	w := NewStatic(Static{API: session.OAM, Sessions: 20})
	api := NewOAM(w, OAMOptions{RotateIDs: true})
	ids := func(body string) map[string]bool {
		out := map[string]bool{}
		for _, row := range ask(t, api, body).Sessions.SessionData {
			out[row.SessionID] = true
		}
		return out
	}
	one := ids("{}")
	if again := ids(`{"isImpersonating":false}`); len(again) < 15 {
		t.Error(len(again))
	} else {
		for id := range again {
			if !one[id] {
				t.Errorf("%s is another one in the same turn", id)
			}
		}
	}
	two := ids("{}")
	if len(one) != 20 || len(two) != 20 {
		t.Fatal(len(one), len(two))
	}
	for id := range two {
		if one[id] {
			t.Errorf("%s has not changed", id)
		}
	}
	for id := range one {
		if found := ids(body(map[string]string{"sessionId": id})); len(found) != 1 {
			t.Errorf("%d found by id", len(found))
		}
		break
	}

	inter := NewIntersight(NewStatic(Static{API: session.Intersight, Sessions: 20}), IntersightOptions{RotateIDs: true})
	seen := map[string]bool{}
	for turn := range 3 {
		last := ""
		for _, query := range []string{"?$orderby=Moid&$top=12", "?$orderby=Moid&$top=12&$skip=12"} {
			for _, row := range list(t, inter, query).Results {
				id := row["Moid"].(string)
				if seen[id] || id <= last || len(id) != 24 {
					t.Errorf("turn %d: %s after %s", turn, id, last)
				}
				seen[id], last = true, id
			}
		}
	}
	if len(seen) != 60 {
		t.Error(len(seen))
	}
}

func TestStrangeAddresses(t *testing.T) {
	c := DefaultConfig()
	c.OAM.Strange, c.Intersight.Sessions = 1, 0
	zones, lists, names := 0, 0, 0
	for _, s := range New(c).Truth(session.OAM) {
		switch {
		case strings.Contains(s.ClientIP, "%"):
			zones++
		case strings.Contains(s.ClientIP, ","):
			lists++
		case strings.Contains(s.ClientIP, "workstation"):
			names++
		}
	}
	if zones < 20 || lists < 20 || names < 20 {
		t.Errorf("%d zones, %d lists, %d names of hosts", zones, lists, names)
	}
}
