package endtoend

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"iam_session_exporter/internal/testkit"
)

// Connections that are kept cost none; those that the server closes are opened
// again and counted.
func TestConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	var closes atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if closes.Load() {
			w.Header().Set("Connection", "close")
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, threeSessions)
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	write(t, dir, "password", "x")
	p := run(t, "http", "--config.file="+write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", s.URL, "")))
	const opened = `iam_source_connections_total{api="oam",source="sso"}`
	for i, want := range []string{"1", "1", "1"} {
		if _, page := p.get("/metrics"); testkit.Value(page, opened) != want {
			t.Errorf("kept, scrape %d: %s connections, want %s", i+1, testkit.Value(page, opened), want)
		}
	}
	closes.Store(true)
	for i, want := range []string{"1", "2", "3"} {
		if _, page := p.get("/metrics"); testkit.Value(page, opened) != want {
			t.Errorf("closed, scrape %d: %s connections, want %s", i+1, testkit.Value(page, opened), want)
		}
	}
}
