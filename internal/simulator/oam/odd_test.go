package oam

import (
	"net/http/httptest"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

func TestNoMatchForms(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 3})
	for form, want := range map[NoMatchForm]string{
		NoMatchNothing: "", NoMatch204: "", NoMatchNull: "null", NoMatchObject: "{}", NoMatchNullSessions: `{"sessions":null}`,
		NoMatchEmptyList: `{"sessions":{"sessionData":[]}}`, NoMatchTotal: `{"totalRecords":0,"sessions":{"sessionData":[]}}`,
	} {
		api := New(w, Options{NoMatch: form})
		rec := testkit.Post(api, PathSearch, `{"clientIp":"192.0.2.250"}`)
		status := 200
		if form == NoMatch204 {
			status = 204
		}
		if rec.Code != status || strings.TrimSpace(rec.Body.String()) != want {
			t.Errorf("%d: %d %q; want %d", form, rec.Code, rec.Body, status)
		}
		if r := ask(t, api, "{}"); len(r.Sessions.SessionData) != 3 {
			t.Errorf("%d: %d rows of a match; want 3", form, len(r.Sessions.SessionData))
		}
		api.Set(func(o *Options) { o.NoMatch404 = true })
		if rec := testkit.Post(api, PathSearch, `{"clientIp":"192.0.2.250"}`); rec.Code != 404 {
			t.Errorf("%d: %d; want 404", form, rec.Code)
		}
	}
}

func TestHTTPSessions(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 3})
	api := New(w, Options{Cookie: true, MaxHTTPSessions: 3, Users: map[string]string{"monitor": "secret"}})
	const right, wrong = "Basic bW9uaXRvcjpzZWNyZXQ=", "Basic b3RoZXI6"
	cookie := func(rec *httptest.ResponseRecorder) string {
		c, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
		return c
	}
	first := cookie(testkit.Post(api, PathSearch, "{}", "Authorization", right))
	if !strings.HasPrefix(first, "JSESSIONID="+CookieMark) {
		t.Fatalf("%v; want %q before it", first, "JSESSIONID="+CookieMark)
	}
	for range 5 {
		if rec := testkit.Post(api, PathSearch, "{}", "Authorization", right, "Cookie", "other=1; "+first); rec.Code != 200 || cookie(rec) != "" {
			t.Errorf("%d %v; want 200", rec.Code, rec.Header())
		}
	}
	if rec := testkit.Post(api, PathSearch, "{}", "Authorization", wrong); rec.Code != 401 || cookie(rec) == "" {
		t.Errorf("%d %v: a refused request makes a session, too; want 401", rec.Code, rec.Header())
	}
	if rec := testkit.Post(api, PathSearch, "{}", "Authorization", right, "Cookie", "JSESSIONID=1"); cookie(rec) == "" {
		t.Error("a cookie that nobody knows")
	}
	if rec := testkit.Post(api, PathSearch, "{}", "Authorization", right); rec.Code != 500 || api.Stats().Cookies != 3 {
		t.Errorf("%d, %d sessions: too many; want 500, 3", rec.Code, api.Stats().Cookies)
	}
	api.ForgetCookies()
	if rec := testkit.Post(api, PathSearch, "{}", "Authorization", right, "Cookie", first); rec.Code != 200 || cookie(rec) == "" || cookie(rec) == first {
		t.Errorf("%d %v after a restart; want 200", rec.Code, rec.Header())
	}
}

func TestRotatingSessionIDs(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 20})
	api := New(w, Options{RotateIDs: true})
	ids := func(body string) map[string]bool {
		out := map[string]bool{}
		for _, row := range ask(t, api, body).Sessions.SessionData {
			out[row.SessionID] = true
		}
		return out
	}
	one := ids("{}")
	if again := ids(`{"isImpersonating":false}`); len(again) < 15 {
		t.Errorf("%v; want at least 15", len(again))
	} else {
		for id := range again {
			if !one[id] {
				t.Errorf("%s is another one in the same turn", id)
			}
		}
	}
	two := ids("{}")
	if len(one) != 20 || len(two) != 20 {
		t.Fatalf("%v, %v; want 20, 20", len(one), len(two))
	}
	for id := range two {
		if one[id] {
			t.Errorf("%s has not changed", id)
		}
	}
	for id := range one {
		if found := ids(body(map[string]string{"sessionId": id})); len(found) != 1 {
			t.Errorf("%d found by id; want 1", len(found))
		}
		break
	}
}
