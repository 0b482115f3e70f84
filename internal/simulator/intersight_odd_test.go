package simulator

import (
	"encoding/json"
	"fmt"
	"testing"

	"iam_session_exporter/internal/session"
)

func TestCountsThatMislead(t *testing.T) {
	w := NewStatic(Static{API: session.Intersight, Sessions: 150})
	for _, c := range []struct {
		o    IntersightOptions
		skip int
		want int
	}{
		{IntersightOptions{CountIsRows: true}, 0, 100}, {IntersightOptions{CountIsRows: true}, 99, 51},
		{IntersightOptions{CountCap: 100}, 0, 100}, {IntersightOptions{CountCap: 100}, 99, 100}, {IntersightOptions{CountCap: 200}, 0, 150},
	} {
		var answer struct {
			Count   int
			Results []any
		}
		rec := get(NewIntersight(w, c.o), PathSessions+fmt.Sprintf("?$inlinecount=allpages&$orderby=Moid&$top=100&$skip=%d", c.skip))
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || answer.Count != c.want || len(answer.Results) != min(150-c.skip, 100) {
			t.Errorf("%+v: %d rows, a Count of %d, want %d (%v)", c, len(answer.Results), answer.Count, c.want, err)
		}
	}
}

func TestOddExpiries(t *testing.T) {
	for text, want := range map[string]string{"": "600", "-": "<absent>", "1e10": "1e10", `"600"`: `"600"`, "null": "null", "-5": "-5"} {
		api := NewIntersight(NewStatic(Static{API: session.Intersight, Sessions: 1}), IntersightOptions{Clients: map[string]string{"c": "s"}, ExpiresInText: text})
		rec := post(api, PathToken, "grant_type=client_credentials&client_id=c&client_secret=s", "Content-Type", "application/x-www-form-urlencoded")
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
			t.Errorf("%q: %s, %v", text, rec.Body, err)
		}
	}
}

func TestCookiesOfIntersight(t *testing.T) {
	api := NewIntersight(NewStatic(Static{API: session.Intersight, Sessions: 1}), IntersightOptions{Cookie: true})
	rec := get(api, PathSessions+"?$select=Moid")
	if rec.Header().Get("Set-Cookie") == "" || api.Stats().CookiesBack != 0 {
		t.Error(rec.Header(), api.Stats())
	}
	get(api, PathSessions+"?$select=Moid", "Cookie", "X-Starship-Token=1")
	if api.Stats().CookiesBack != 1 {
		t.Error(api.Stats())
	}
}
