package oam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// failing is a simulated OAM, some of whose searches fail.
type failing struct {
	*Source
	world *world.World
	log   *bytes.Buffer

	mu    sync.Mutex
	fail  func(n int, filter map[string]any) int // the status to answer with, n from 1 in each refresh; 0: none, -1: break the connection
	asked []string
}

func newFailing(t *testing.T, n int, change func(*Config), o simoam.Options) *failing {
	f := &failing{log: &bytes.Buffer{}}
	f.world = world.NewStatic(world.Static{API: session.OAM, Seed: 6, Sessions: n, Addresses: 40, Users: n * 2 / 5, Stores: 3})
	api := simoam.New(f.world, o)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		filter := map[string]any{}
		json.Unmarshal(body, &filter)
		f.mu.Lock()
		f.asked = append(f.asked, string(body))
		status := 0
		if f.fail != nil {
			status = f.fail(len(f.asked), filter)
		}
		f.mu.Unlock()
		switch status {
		case 0:
			api.ServeHTTP(w, r)
		case -1:
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(status)
			io.WriteString(w, canary)
		}
	}))
	t.Cleanup(srv.Close)
	f.Source = source(t, srv.URL, func(c *Config) {
		c.MaxQueries, c.MaxConcurrentQueries = 200, 2
		c.Now, c.Logger = f.world.Now, log.NewLogfmtLogger(f.log)
		if change != nil {
			change(c)
		}
	})
	return f
}

func (f *failing) refresh(t *testing.T) (*session.Snapshot, error) {
	t.Helper()
	f.mu.Lock()
	f.asked = nil
	f.mu.Unlock()
	snap, err := f.Snapshot(t.Context(), session.Want{ClientIPs: 100})
	if strings.Contains(f.log.String(), canary) {
		t.Errorf("got the canary in the log, want it not:\n%s", f.log)
	}
	return snap, err
}

// set says which searches fail from now on. What it is given runs one at a time.
func (f *failing) set(fail func(n int, filter map[string]any) int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// all returns the filters of the refresh.
func (f *failing) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func count(asked []string, filter string) (n int) {
	for _, q := range asked {
		if q == filter {
			n++
		}
	}
	return n
}

func TestWhatFailsIsSentOnceMore(t *testing.T) {
	for _, c := range []struct {
		status, sent int
	}{{-1, 2}, {408, 2}, {500, 2}, {501, 2}, {502, 2}, {504, 2}, {599, 2}, {405, 1}, {302, 1}, {204, 1}, {404, 1}} {
		f := newFailing(t, 500, nil, simoam.Options{})
		first := ""
		f.set(func(n int, _ map[string]any) int {
			if n == 10 {
				first = f.asked[9]
			}
			if n >= 10 && count(f.asked, first) <= c.sent && f.asked[n-1] == first {
				return c.status
			}
			return 0
		})
		snap, err := f.refresh(t)
		if err != nil || !snap.Complete {
			t.Errorf("%d: got %v, want a complete snapshot\n%s", c.status, err, f.log)
			continue
		}
		// Put off, it is asked again when its turn comes: once more in all.
		if n := count(f.all(), first); n < c.sent || n > c.sent+2 {
			t.Errorf("%d: got %d sent, want %d to %d", c.status, n, c.sent, c.sent+2)
		}
	}
}

// Retries are queries, too.
func TestRetriesKeepMaxQueries(t *testing.T) {
	for _, most := range []int{1, 2, 3, 5, 14, 40} {
		for from := 2; from < 20; from += 5 {
			f := newFailing(t, 500, func(c *Config) { c.MaxQueries = most }, simoam.Options{})
			f.set(func(n int, _ map[string]any) int {
				if n >= from && n%3 > 0 {
					return []int{-1, 500, 502}[n%3]
				}
				return 0
			})
			if snap, err := f.refresh(t); err != nil || snap.Total != 500 || len(f.all()) > most {
				t.Errorf("failing from %d: got %d sent, %v, want at most %d, and 500 sessions", from, len(f.all()), err, most)
			}
		}
	}
}

// A 500 is what some servers answer to a value that they find malformed. It is
// taken for that where the same filter gets it twice, and another search does not.
func TestA500(t *testing.T) {
	f := newFailing(t, 500, nil, simoam.Options{Filter: simoam.Filter{ExpiryTime: simoam.TimeRejected500, LastAccessTime: simoam.TimeRejected500}})
	if _, err := f.refresh(t); err != nil {
		t.Fatal(err)
	}
	if i := f.info; i.expiryTime != "rejected" || i.lastAccessTime != "rejected" || i.match != "exact" {
		t.Errorf("got %+v, want both times rejected, and exact matches", i)
	}

	f = newFailing(t, 500, nil, simoam.Options{})
	broken := false
	f.set(func(n int, filter map[string]any) int {
		if broken = broken || filter["expiryTime"] != nil; broken && n < 60 {
			return 500
		}
		return 0
	})
	if snap, err := f.refresh(t); err != nil || snap.Complete || len(f.all()) > 40 {
		t.Errorf("got %v, %d sent, want an incomplete snapshot by at most 40", err, len(f.all()))
	}
	if i := f.info; i.expiryTime != "unknown" {
		t.Errorf("a server out of order: got %+v, want expiry times unknown", i)
	}
	f.set(nil)
	snap, err := f.refresh(t)
	if i := f.info; err != nil || !snap.Complete || i.expiryTime != "before" {
		t.Errorf("afterwards: got %v, %+v, want a complete snapshot, and expiry times before", err, i)
	}
}

// Where OAM asks for fewer searches, or is out of order, no more are sent, and what
// is proven is published.
func TestBusyDuringARefresh(t *testing.T) {
	for _, status := range []int{429, 503} {
		f := newFailing(t, 500, nil, simoam.Options{})
		f.set(func(n int, _ map[string]any) int {
			if n >= 20 {
				return status
			}
			return 0
		})
		snap, err := f.refresh(t)
		if err != nil || snap.Complete || len(f.all()) > 21 {
			t.Errorf("%d: got %v, %d sent, want an incomplete snapshot by at most 21", status, err, len(f.all()))
		}
		f.set(nil)
		if _, err := f.refresh(t); err == nil || len(f.all()) > 0 {
			t.Errorf("%d: got %d sent, want an error and none sent", status, len(f.all()))
		}
	}
}

// Who hangs up during a refresh gets no snapshot of a part of it.
func TestTheCallerGivesUpDuringARefresh(t *testing.T) {
	f := newFailing(t, 500, nil, simoam.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	f.set(func(n int, _ map[string]any) int {
		if n == 20 {
			cancel()
		}
		return 0
	})
	snap, err := f.Snapshot(ctx, session.Want{})
	if _, failed := session.ReasonOf(err); snap != nil || failed || !errors.Is(err, context.Canceled) || len(f.all()) > 22 {
		t.Errorf("got %v, %d sent, want the cancellation, at most 22", err, len(f.all()))
	}
}

func TestTheFirstSearchWithoutAnAnswer(t *testing.T) {
	f := newFailing(t, 500, nil, simoam.Options{})
	f.set(func(n int, _ map[string]any) int { return 502 * min(max(3-n, 0), 1) })
	if snap, err := f.refresh(t); err != nil || !snap.Complete {
		t.Error(err)
	}
	for _, status := range []int{-1, 204, 404, 500} {
		f.set(func(int, map[string]any) int { return status })
		if snap, err := f.refresh(t); err == nil {
			t.Errorf("%d: got total %d, want an error", status, snap.Total)
		}
	}
}

func TestKinds(t *testing.T) {
	a, b := kind(filter.Query{IP: "10.0.0.1", Store: "oud", Expires: 7}), kind(filter.Query{IP: "10.0.0", Store: "ad", Expires: 9})
	if a != b {
		t.Errorf("got kinds %v and %v, want the same", a, b)
	}
	for _, q := range []filter.Query{{IP: "x"}, {IP: "1*", Store: "x", Expires: 1}, {IP: "x", Store: "x", Used: 1}} {
		if kind(q) == a {
			t.Errorf("%+v: got kind %v, want another", q, a)
		}
	}
}
