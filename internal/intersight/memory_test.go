//go:build !race

package intersight

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/session"
)

// What an API answers, however much and whatever it is, takes a bounded amount of
// memory: that of one answer, and of 100,000 sessions. It takes long to send so much;
// with -short, the two kinds that take most must do.
func TestHostileMemory(t *testing.T) {
	const most = 100 << 20
	// fill writes a body of just less than a limit, of rows.
	fill := func(w io.Writer, limit, count int, row func(i int) string) {
		b := bufio.NewWriter(w)
		n, _ := fmt.Fprintf(b, `{"Count":%d,"Results":[`, count)
		for i := 0; ; i++ {
			r := row(i)
			if n += len(r) + 1; n > limit-16 {
				break
			}
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(r)
		}
		b.WriteString("]}")
		b.Flush()
	}
	text := strings.Repeat("x", maxText-16)
	escapes := strings.Repeat(`\"`, maxText/2)
	for name, c := range map[string]struct {
		page   func(w http.ResponseWriter, skip int)
		listed func(n int) bool
	}{
		"tiny rows": {func(w http.ResponseWriter, skip int) {
			fill(w, httpclient.MaxBody, 1<<30, func(i int) string { return `{"Moid":"` + strconv.Itoa(skip+i) + `"}` })
		}, func(n int) bool { return n == maxSessions }},
		"tiny rows, twice": {func(w http.ResponseWriter, skip int) {
			fill(w, httpclient.MaxBody/8, 94_000, func(i int) string { return `{"Moid":"` + strconv.Itoa(skip+min(i, 94_999-skip)) + `"}` })
		}, func(n int) bool { return n == 95_000 }},
		"rows of nothing": {func(w http.ResponseWriter, skip int) {
			fill(w, httpclient.MaxBody, 1<<30, func(int) string { return `{"Moid":"1"}` })
		}, func(n int) bool { return n == 1 }},
		"long texts": {func(w http.ResponseWriter, skip int) {
			fill(w, httpclient.MaxBody/8, 1<<30, func(i int) string {
				return fmt.Sprintf(`{"Moid":"%d","Role":"%[1]d%s","ClientIpAddress":"%[1]d %[2]s"}`, skip+i, text)
			})
		}, func(n int) bool { return n > 1000 && n < 10_000 }},
		"escapes": {func(w http.ResponseWriter, skip int) {
			fill(w, httpclient.MaxBody/8, 1<<30, func(i int) string { return fmt.Sprintf(`{"Moid":"%d","Role":"%[1]d%s"}`, skip+i, escapes) })
		}, func(n int) bool { return n > 1000 }},
		"keys": {func(w http.ResponseWriter, skip int) {
			keys := func(int) string { return `{"Moid":"1","` + strings.Repeat(`k":1,"`, 1_000_000) + `k":1}` }
			fill(w, httpclient.MaxBody, 2, keys)
		}, func(n int) bool { return n == 1 }},
		"numbers": {func(w http.ResponseWriter, skip int) {
			digits := strings.Repeat("9", 1<<20)
			fill(w, httpclient.MaxBody, 1<<30, func(i int) string { return fmt.Sprintf(`{"Moid":"%d","FailedLogins":%s}`, i, digits) })
		}, func(n int) bool { return n == 15 }},
		"depth": {func(w http.ResponseWriter, skip int) {
			deep := strings.Repeat(`[`, maxDepth-3) + strings.Repeat(`]`, maxDepth-3)
			fill(w, httpclient.MaxBody, 1<<30, func(i int) string { return fmt.Sprintf(`{"Moid":"%d","User":%s}`, i, deep) })
		}, func(n int) bool { return n > 500 }},
		"control characters": {func(w http.ResponseWriter, skip int) {
			controls := strings.Repeat("\x01", 1<<10)
			fill(w, httpclient.MaxBody/32, 10_000, func(i int) string { return fmt.Sprintf(`{"Moid":"%d%s"}`, skip+i, controls) })
		}, func(n int) bool { return n > 1000 }},
	} {
		if testing.Short() && !strings.HasPrefix(name, "tiny rows") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == sessionsPath:
				case r.URL.Path != limitsPath: // users and identity providers
					skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
					fill(w, maxBesideBody, 1<<30, func(i int) string { return fmt.Sprintf(`{"Moid":"%d","Name":"%[1]d%s"}`, skip+i, text[:i%2*100]) })
					return
				case name != "tiny rows":
					io.WriteString(w, accountLimitsJSON)
					return
				default:
					fill(w, maxBesideBody, 1<<30, func(int) string { return `{"MaximumLimit":5,"Permission":{"Moid":"p"}}` })
					return
				}
				skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
				c.page(w, skip)
			}))
			defer srv.Close()
			b := newBench(t, srv.URL, withProviders)
			live := func() int {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			var mu sync.Mutex // requests are under way together
			before, peak, requests := live(), 0, 0
			look := func() { peak = max(peak, live()-before) }
			ctx, cancel := context.WithTimeout(session.WithTrace(context.Background(), &session.Trace{
				// After an answer was read, and after all were taken in.
				Request: func(session.Request) {
					mu.Lock()
					defer mu.Unlock()
					if requests++; requests < 10 {
						look()
					}
				},
				Decision: func(string) {
					mu.Lock()
					defer mu.Unlock()
					look()
				},
			}), time.Minute)
			defer cancel()
			snap, err := b.Snapshot(ctx, session.Want{})
			if err != nil {
				t.Fatal(err)
			}
			look()
			if n := len(snap.Sessions); !c.listed(n) {
				t.Errorf("%d sessions, want another number", n)
			}
			t.Logf("%d sessions, %d requests, %d MiB", len(snap.Sessions), requests, peak>>20)
			if peak > most {
				t.Errorf("%d MiB; want at most %d", peak>>20, most>>20)
			}
			runtime.KeepAlive(snap)
		})
	}
}
