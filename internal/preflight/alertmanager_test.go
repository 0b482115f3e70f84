package preflight

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/world"
)

// Each Alertmanager is sent one request without alerts.
func TestAlertmanagers(t *testing.T) {
	r := newRig(t, world.Static{API: session.OAM, Sessions: 3}, simulator.ServeOptions{})
	r.write("pseudonyms.key", "0123456789abcdef0123456789abcdef\n")
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	status := func(code int) string {
		return serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	type call struct{ method, path, body, user string }
	calls := make(chan call, 10)
	well := serve(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		user, _, _ := q.BasicAuth()
		calls <- call{q.Method, q.URL.Path, string(body), user}
		w.Header().Set("Date", r.world.Now().UTC().Format(http.TimeFormat))
	})
	late := serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", r.world.Now().Add(3*time.Minute).UTC().Format(http.TimeFormat))
	})
	hung := serve(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		<-q.Context().Done()
	})
	page := serve(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html><body>Sign in</body></html>")
	})
	text, ok := r.run(r.parse(`
sources: [{name: test, api: oam, url: "URL", ` + basic + `}]
alerting:
  key_file: pseudonyms.key
  alertmanagers:
    - {url: "` + well + `/prefix", basic_auth: {username: someone, password_file: password}}
    - {url: "` + late + `"}
    - {url: "` + status(http.StatusUnauthorized) + `"}
    - {url: "` + status(http.StatusNotFound) + `"}
    - {url: "` + status(http.StatusFound) + `"}
    - {url: "` + status(http.StatusBadRequest) + `"}
    - {url: "` + status(http.StatusServiceUnavailable) + `"}
    - {url: "` + hung + `", timeout: 1s}
    - {url: "http://127.0.0.1:1"}
    - {url: "` + page + `"}
    - {url: "` + well + `/token", oauth2: {client_id: a, client_secret_file: password, token_url: "` + page + `"}}
`))
	var tr transcript
	tr.add("Alertmanagers", r.faults.Requests(), text, ok)
	tr.compare(t, "alertmanagers.txt")
	if got, want := <-calls, (call{http.MethodPost, "/prefix/api/v2/alerts", "[]", "someone"}); got != want || len(calls) != 0 {
		t.Errorf("got %v and %d more, want %v alone", got, len(calls), want)
	}
}
