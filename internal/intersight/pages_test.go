package intersight

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// roundTrips is an API in which the requests of each wave are answered when all of
// them are there. So the waves are the round trips that a refresh takes.
type roundTrips struct {
	t     *testing.T
	next  http.Handler
	waves map[string]*wave // by page of sessions, as "0", and "limits"
	depth atomic.Int32     // of the latest wave that was answered
}

type wave struct {
	number  int32
	missing atomic.Int32
	there   chan struct{}
}

func newRoundTrips(t *testing.T, next http.Handler, waves ...string) *roundTrips {
	r := &roundTrips{t: t, next: next, waves: map[string]*wave{}}
	for i, keys := range waves {
		w := &wave{number: int32(i + 1), there: make(chan struct{})}
		for _, k := range strings.Fields(keys) {
			w.missing.Add(1)
			r.waves[k] = w
		}
	}
	return r
}

func (r *roundTrips) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	key := req.URL.Query().Get("$skip")
	if req.URL.Path == limitsPath {
		key = "limits"
	}
	w := r.waves[key]
	if w == nil {
		r.t.Errorf("asked for %s", key)
		return
	}
	if d := r.depth.Load(); d >= w.number {
		r.t.Errorf("asked for %s after round trip %d", key, d)
	}
	if w.missing.Add(-1) == 0 {
		close(w.there)
	}
	select {
	case <-w.there:
	case <-time.After(20 * time.Second):
		r.t.Errorf("%s waited in vain for the others of its round trip", key)
	}
	r.depth.Store(max(r.depth.Load(), w.number))
	r.next.ServeHTTP(rw, req)
}

// A refresh of 5,000 sessions takes three round trips, with the limits.
func TestRoundTrips(t *testing.T) {
	f := newFakeAPI(t, rows(5000)...)
	var trips atomic.Pointer[roundTrips]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { trips.Load().ServeHTTP(w, r) }))
	defer srv.Close()
	b := newBench(t, srv.URL)
	b.besideWait = time.Minute
	for i, waves := range [][]string{
		{"0", "limits 999 1998 2997 3996", "4995"}, // the limits wait until the API has answered at all
		{"0 limits", "999 1998 2997 3996", "4995"},
	} {
		trips.Store(newRoundTrips(t, f, waves...))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		snap, err := b.Snapshot(ctx, session.Want{})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if len(snap.Sessions) != 5000 || !snap.Complete || snap.Limits.Sessions == nil {
			t.Errorf("refresh %d: %d sessions, complete %t; want 5000", i, len(snap.Sessions), snap.Complete)
		}
		if n := len(f.requests(sessionsPath)); n != 6 {
			t.Errorf("refresh %d: %d requests; want 6", i, n)
		}
		for i, s := range snap.Sessions {
			if s.ID != b.cfg.Hasher.Key(moid(i)) {
				t.Fatalf("session %d is another one: the pages were not taken in in their order", i)
			}
		}
		f.forget()
	}
}

// What follows the last row is asked for, whatever the API listed at once in earlier
// refreshes.
func TestWhatFollowsIsAsked(t *testing.T) {
	f := newFakeAPI(t, rows(60)...)
	b := newBench(t, f.url)
	for i, step := range []struct {
		rows  int
		skips string
	}{{60, "0 59"}, {60, "0 59"}, {59, "0 58"}, {61, "0 60"}, {60, "0 59"}, {1200, "0 999"}, {1000, "0 999"}, {1, "0 1"}, {0, "0"}} {
		f.shift(func([]string) []string { return rows(step.rows) })
		f.forget()
		if snap := b.snapshot(t); len(snap.Sessions) != step.rows || !snap.Complete {
			t.Errorf("step %d: %d sessions, complete %t; want %d", i, len(snap.Sessions), snap.Complete, step.rows)
		}
		if got := strings.Join(queries(t, f), " "); got != step.skips {
			t.Errorf("step %d: pages at %s, want %s", i, got, step.skips)
		}
	}
}

// An account of few sessions takes two round trips, with the limits.
func TestRoundTripsOfFewSessions(t *testing.T) {
	f := newFakeAPI(t, rows(128)...)
	var trips atomic.Pointer[roundTrips]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { trips.Load().ServeHTTP(w, r) }))
	defer srv.Close()
	b := newBench(t, srv.URL)
	b.besideWait = time.Minute
	for _, waves := range [][]string{{"0", "limits 127"}, {"0 limits", "127"}} {
		trips.Store(newRoundTrips(t, f, waves...))
		if snap := b.snapshot(t); len(snap.Sessions) != 128 || !snap.Complete || snap.Limits.Sessions == nil {
			t.Errorf("%d sessions, complete %t; want 128", len(snap.Sessions), snap.Complete)
		}
	}
}

// An API that begins to list fewer rows at once, and counts those, does not pass for
// complete.
func TestPagesBecomeShorter(t *testing.T) {
	f := newFakeAPI(t, rows(100)...)
	b := newBench(t, f.url)
	b.snapshot(t)
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
		page := rows(100)[min(skip, 100):min(skip+60, 100)]
		fmt.Fprint(w, list(60, true, page))
		return true
	}
	if snap := b.snapshot(t); len(snap.Sessions) != 100 || snap.Complete {
		t.Errorf("%d sessions, complete %t; want 100", len(snap.Sessions), snap.Complete)
	}
}

// An API whose Count is of one page only does not pass for complete.
func TestCountOfOnePage(t *testing.T) {
	for _, n := range []int{1, 2, 9, 10, 11, 19, 20, 28, 29, 250} {
		for _, most := range []int{1, 2, 10, 100} {
			f := newFakeAPI(t, rows(n)...)
			f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
				page := f.rows[min(skip, n):min(skip+most, n)]
				fmt.Fprint(w, list(len(page), true, page))
				return true
			}
			snap := newBench(t, f.url).snapshot(t)
			if len(snap.Sessions) != n || snap.Complete && n > most {
				t.Errorf("%d sessions by %d: %d listed, complete %t; want all listed, complete %t", n, most, len(snap.Sessions), snap.Complete, n <= most)
			}
		}
	}
}

// Pages shorter than the first, in any number, leave no gap.
func TestPagesOfAllSizes(t *testing.T) {
	const n = 300
	for seed := range 20 {
		f := newFakeAPI(t, rows(n)...)
		f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
			size := 2 + (skip*31+seed*17)%23
			f.mu.Lock()
			defer f.mu.Unlock()
			fmt.Fprint(w, list(n, true, f.rows[min(skip, n):min(skip+size, n)]))
			return true
		}
		if snap := newBench(t, f.url).snapshot(t); len(snap.Sessions) != n || !snap.Complete {
			t.Errorf("seed %d: %d sessions, complete %t; want %d", seed, len(snap.Sessions), snap.Complete, n)
		}
	}
}

// A page that fails ends the others, and the refresh.
func TestConcurrentPageFails(t *testing.T) {
	f := newFakeAPI(t, rows(5000)...)
	var fixed atomic.Bool
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		switch skip := r.URL.Query().Get("$skip"); {
		case skip == "0", fixed.Load():
			return false
		case skip == "999":
			w.WriteHeader(http.StatusBadRequest) // of no property: the first page was accepted
			io.WriteString(w, `{"message":"no 'Role'"}`)
			return true
		}
		<-r.Context().Done()
		return true
	}
	b := newBench(t, f.url)
	b.failure(t, session.ReasonHTTP)
	fixed.Store(true)
	f.forget()
	b.snapshot(t)
	if got := f.selects(sessionsPath); slices.ContainsFunc(got, func(s string) bool { return s != fullSelect }) {
		t.Errorf("then asked %v, want only %v", got, fullSelect)
	}
}

// BenchmarkLatency is a refresh of 5,000 sessions from afar.
func BenchmarkLatency(b *testing.B) {
	for _, latency := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		b.Run(latency.String(), func(b *testing.B) {
			f := newFakeAPI(b, rows(benchSessions)...)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(latency)
				f.ServeHTTP(w, r)
			}))
			b.Cleanup(srv.Close)
			s := newBench(b, srv.URL)
			for b.Loop() {
				if snap, err := s.Snapshot(context.Background(), session.Want{}); err != nil || !snap.Complete {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(latency), "latencies")
		})
	}
}
