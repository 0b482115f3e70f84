package intersight

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"iam_session_exporter/internal/session"
)

// BenchmarkSnapshot128 is a refresh of 128 sessions, the most that an account has
// unless its limit was raised, beside a bare client's fetch and decoding of the same
// two answers: it should take at most twice as long.
func BenchmarkSnapshot128(b *testing.B) {
	const sessions = 128
	all := rows(sessions)
	page, last := list(sessions, true, all), all[sessions-1:]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == limitsPath {
			io.WriteString(w, accountLimitsJSON)
			return
		}
		if r.URL.Query().Get("$skip") != "0" {
			io.WriteString(w, list(sessions, true, last))
			return
		}
		io.WriteString(w, page)
	}))
	b.Cleanup(srv.Close)
	key := writeFile(b, "key.pem", v3())
	for name, change := range map[string][]func(*Config){"source": nil, "signed": {withKey(key)}} {
		b.Run(name, func(b *testing.B) {
			s := newBench(b, srv.URL, change...)
			b.ReportAllocs()
			for b.Loop() {
				snap, err := s.Snapshot(context.Background(), session.Want{})
				if err != nil || len(snap.Sessions) != sessions || !snap.Complete || snap.Limits.Sessions == nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		get := func(path, query string, v any) {
			res, err := client.Get(srv.URL + path + "?" + query)
			if err != nil {
				b.Fatal(err)
			}
			defer res.Body.Close()
			if err := json.NewDecoder(res.Body).Decode(v); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			var page struct {
				Count   int
				Results []plainSession
			}
			get(sessionsPath, query{properties: sessionProperties(), skip: 0}.encode(), &page)
			var limits struct{ Results []map[string]any }
			get(limitsPath, query{properties: limitProperties(), skip: 0}.encode(), &limits)
			if len(page.Results) != sessions {
				b.Fatalf("%v; want %v", len(page.Results), sessions)
			}
		}
	})
}
