package oam

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"iam_session_exporter/internal/session"
)

func TestRoom(t *testing.T) {
	var r room
	rows := make([]row, 10_000)
	r.empty(1)
	if n := len(r.fit(rows)); n != minRoom/eachRow {
		t.Errorf("got room for %d rows, want %d", n, minRoom/eachRow)
	}
	if n := len(r.fit(rows)); n != 0 {
		t.Errorf("got room for %d more rows, want 0", n)
	}
	r.empty(1000) // each of a window of rows of a usual size
	for i := range 1000 {
		rows := testRows(28)
		if n := len(r.fit(rows)); n != 28 {
			t.Fatalf("answer %d: got room for %d rows, want 28", i, n)
		}
	}
	for i := range rows {
		rows[i].sessionID = strings.Repeat("x", maxText)
	}
	r.empty(1)
	if n := len(r.fit(rows)); n >= minRoom/eachRow {
		t.Errorf("got room for %d long rows, want fewer than %d", n, minRoom/eachRow)
	}
}

// A server that lists other sessions in every answer, as many and with texts as
// long as it can, costs a bounded amount of memory.
func TestMemoryOfHostileRefreshes(t *testing.T) {
	var answers atomic.Int64
	pad := strings.Repeat("x", 450)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			UserID, ClientIP, IDStoreName, ExpiryTime, LastAccessTime string
			IsImpersonating                                           bool
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		n := answers.Add(1)
		known := func(v string) bool { return v == "" || strings.HasSuffix(v, pad) }
		if !known(q.UserID) || !known(q.ClientIP) || !known(q.IDStoreName) || strings.HasPrefix(q.ExpiryTime+q.LastAccessTime, "2000") || q.IsImpersonating {
			io.WriteString(w, `{"totalRecords":0}`)
			return
		}
		var b bytes.Buffer
		total := 900_000_000
		if q.IDStoreName != "" {
			total /= 3
		}
		if q.UserID+q.ClientIP != "" {
			total = 1000
		}
		fmt.Fprintf(&b, `{"totalRecords":%d,"sessions":[`, total)
		for i := range 1000 {
			fmt.Fprintf(&b, `{"sessionId":"%d-%d%s","userId":"%s","clientIp":"%s","idStoreName":"%s","createTime":1500000000},`, n, i, pad,
				cmp.Or(q.UserID, fmt.Sprint("u", n, "-", i, pad)), cmp.Or(q.ClientIP, fmt.Sprint("a", n, "-", i, pad)), cmp.Or(q.IDStoreName, fmt.Sprint("s", i%3, pad)))
		}
		b.Truncate(b.Len() - 1)
		b.WriteString("]}")
		w.Write(b.Bytes())
	}))
	t.Cleanup(srv.Close)
	queries := 200
	if raceEnabled {
		queries = 20 // the detector makes it slow; make test runs it without, too
	}
	s := source(t, srv.URL, func(c *Config) { c.MaxQueries, c.MaxConcurrentQueries = queries, 2 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := s.Snapshot(t.Context(), session.Want{ClientIPs: 100}); err != nil {
		t.Fatal(err)
	}
	if n := answers.Load(); n < int64(queries)/2 {
		t.Errorf("got %d answers, want at least %d", n, queries/2)
	}
	runtime.ReadMemStats(&after)
	if n := int64(after.HeapSys) - int64(before.HeapSys); n > 150<<20 {
		t.Errorf("got a heap grown by %d MiB, want at most 150", n>>20)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > 30<<20 {
		t.Errorf("got %d MiB kept, want at most 30", after.HeapAlloc>>20)
	}
}
