package intersight

import (
	"encoding/json"
	"fmt"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

func TestCountsThatMislead(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 150})
	for _, c := range []struct {
		o    Options
		skip int
		want int
	}{
		{Options{CountIsRows: true}, 0, 100}, {Options{CountIsRows: true}, 99, 51},
		{Options{CountCap: 100}, 0, 100}, {Options{CountCap: 100}, 99, 100}, {Options{CountCap: 200}, 0, 150},
	} {
		var answer struct {
			Count   int
			Results []any
		}
		rec := testkit.Get(New(w, c.o), PathSessions+fmt.Sprintf("?$inlinecount=allpages&$orderby=Moid&$top=100&$skip=%d", c.skip))
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || answer.Count != c.want || len(answer.Results) != min(150-c.skip, 100) {
			t.Errorf("%+v: %d rows, a Count of %d, want %d (%v)", c, len(answer.Results), answer.Count, c.want, err)
		}
	}
}

func TestOddExpiries(t *testing.T) {
	for text, want := range map[string]string{"": "600", "-": "<absent>", "1e10": "1e10", `"600"`: `"600"`, "null": "null", "-5": "-5"} {
		api := New(world.NewStatic(world.Static{API: session.Intersight, Sessions: 1}), Options{Clients: map[string]string{"c": "s"}, ExpiresInText: text})
		rec := testkit.Post(api, PathToken, "grant_type=client_credentials&client_id=c&client_secret=s", "Content-Type", "application/x-www-form-urlencoded")
		var answer struct {
			Token   string          `json:"access_token"`
			Expires json.RawMessage `json:"expires_in"`
		}
		err := json.Unmarshal(rec.Body.Bytes(), &answer)
		got := string(answer.Expires)
		if got == "" {
			got = "<absent>"
		}
		if err != nil || answer.Token == "" || got != want {
			t.Errorf(`%q: %s, %v; want answer.Token other than ""; got = %v, want %v`, text, rec.Body, err, got, want)
		}
	}
}

func TestCookiesOfIntersight(t *testing.T) {
	api := New(world.NewStatic(world.Static{API: session.Intersight, Sessions: 1}), Options{Cookie: true})
	rec := testkit.Get(api, PathSessions+"?$select=Moid")
	if rec.Header().Get("Set-Cookie") == "" || api.Stats().CookiesBack != 0 {
		t.Errorf(`%v, %v; want Set-Cookie other than "", CookiesBack 0`, rec.Header(), api.Stats())
	}
	testkit.Get(api, PathSessions+"?$select=Moid", "Cookie", "X-Starship-Token=1")
	if api.Stats().CookiesBack != 1 {
		t.Errorf("%v; want CookiesBack 1", api.Stats())
	}
}

func TestRotatingMoids(t *testing.T) {
	inter := New(world.NewStatic(world.Static{API: session.Intersight, Sessions: 20}), Options{RotateIDs: true})
	seen := map[string]bool{}
	for turn := range 3 {
		last := ""
		for _, query := range []string{"?$orderby=Moid&$top=12", "?$orderby=Moid&$top=12&$skip=12"} {
			for _, row := range list(t, inter, query).Results {
				id := row["Moid"].(string)
				if seen[id] || id <= last || len(id) != 24 {
					t.Errorf("turn %d: %s after %s; want len 24", turn, id, last)
				}
				seen[id], last = true, id
			}
		}
	}
	if len(seen) != 60 {
		t.Errorf("%v; want 60", len(seen))
	}
}
