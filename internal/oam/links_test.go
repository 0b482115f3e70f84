package oam

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/session"
)

// OAM has no paging. A link to a page of results would be news: it is logged once,
// never followed and never shown.
func TestLinksAreLogged(t *testing.T) {
	const link = "https://oam.example.com/" + canary + "?page=2"
	for name, c := range map[string]struct {
		body string
		warn bool
	}{
		"none":          {`{"totalRecords":0,"sessions":[]}`, false},
		"null":          {`{"totalRecords":0,"sessions":[],"firstLink":null,"nextLink":null,"previousLink":null}`, false},
		"empty":         {`{"totalRecords":0,"sessions":[],"firstLink":"","nextLink":" "}`, false},
		"next":          {`{"totalRecords":0,"sessions":[],"nextLink":"` + link + `"}`, true},
		"first":         {`{"firstLink":"` + link + `","totalRecords":0,"sessions":[]}`, true},
		"previous":      {`{"SessionResults":{"totalRecords":0,"previousLink":{"$":"` + link + `"}}}`, true},
		"XML":           {`<SessionResults><nextLink>` + link + `</nextLink><totalRecords>0</totalRecords></SessionResults>`, true},
		"XML, empty":    {`<SessionResults><nextLink/><totalRecords>0</totalRecords></SessionResults>`, false},
		"of no results": {`{"nextLink":"` + link + `","SessionResults":{"totalRecords":0}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			body := c.body
			srv, asked := server(t, func(w http.ResponseWriter) { reply([]byte(body))(w) })
			s := source(t, srv.URL, func(cfg *Config) { cfg.Logger = log.NewLogfmtLogger(&out) })
			refresh := func() {
				t.Helper()
				if _, err := s.Snapshot(t.Context(), session.Want{}); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				refresh()
			}
			want := 0
			if c.warn {
				want = 1
			}
			if got := strings.Count(out.String(), "level=warn"); got != want {
				t.Errorf("got %d warnings, want %d:\n%s", got, want, &out)
			}
			body = `{"totalRecords":0,"sessions":[]}`
			for range calm {
				refresh()
			}
			if got := strings.Count(out.String(), "level=info"); got != want {
				t.Errorf("got %d lines that it is over, want %d:\n%s", got, want, &out)
			}
			if strings.Contains(out.String(), canary) || strings.Contains(out.String(), "example.com") {
				t.Errorf("got the link in the log, want it not:\n%s", &out)
			}
			if got := asked.Load(); got != 3+calm {
				t.Errorf("got %d requests, want %d", got, 3+calm)
			}
		})
	}
}
