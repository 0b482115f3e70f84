package oam

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
)

// A text that is not what the server has is never asked for, nor is a part of it:
// such a search finds nothing, whatever filters mean. Here they find all values
// that begin so, and the first sessions listed have stores that can't be asked for.
func TestInexactTextsProveNothing(t *testing.T) {
	for name, odd := range map[string]string{
		"lost bytes": "\"o\xFF\"", "control characters": "\"o\x01\"", "half a pair": `"o\ud800"`, "several": `["oud","o"]`, "long": `"` + strings.Repeat("o", maxText+1) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var q struct{ UserID, ClientIP, IDStoreName string }
				if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
					t.Error(err)
				}
				if strings.Contains(q.UserID+q.ClientIP+q.IDStoreName, "\uFFFD") {
					t.Errorf("got a search for %+v, want one without U+FFFD", q)
				}
				var rows []string
				for i := range 300 {
					store, ip := fmt.Sprintf(`"oud%d"`, i%20), fmt.Sprintf("192.0.2.%d", i%100)
					if i < 40 {
						store = odd
					}
					if strings.HasPrefix(strings.Trim(store, `"`), q.IDStoreName) && strings.HasPrefix(ip, q.ClientIP) {
						rows = append(rows, fmt.Sprintf(`{"sessionId":"%d","userId":"u%[1]d","clientIp":"%s","idStoreName":%s,"createTime":1500000000}`, i, ip, store))
					}
				}
				fmt.Fprintf(w, `{"totalRecords":%d,"sessions":[%s]}`, len(rows), strings.Join(rows[:min(len(rows), window)], ","))
			}))
			t.Cleanup(srv.Close)
			s := source(t, srv.URL, func(c *Config) { c.MaxQueries = 100 })
			got, err := s.Snapshot(t.Context(), session.Want{ClientIPs: 100})
			if err != nil {
				t.Fatal(err)
			}
			if got.Total != 300 || got.Complete {
				t.Errorf("got total %d, complete %v, want 300, false", got.Total, got.Complete)
			}
			for d, r := range got.Resolved {
				if len(r.Counted) > 0 {
					t.Errorf("%s: got %v counted, want none as filters are loose", d, r.Counted)
				}
			}
		})
	}
}
