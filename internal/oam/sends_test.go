package oam

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// A server that refuses filters with a 500 is never asked more at once than allowed.
func TestNoMoreAtOnceThanAllowed(t *testing.T) {
	for _, width := range []int32{1, 2} {
		w := world.NewStatic(world.Static{API: session.OAM, Seed: 6, Sessions: 500, Addresses: 40, Users: 200, Stores: 3})
		api := simoam.New(w, simoam.Options{})
		var now, most atomic.Int32
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for n := now.Add(1); ; {
				if was := most.Load(); n <= was || most.CompareAndSwap(was, n) {
					break
				}
			}
			defer now.Add(-1)
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), "expiryTime") || strings.Contains(string(body), "isImpersonating") {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			api.ServeHTTP(w, r)
		}))
		s := source(t, srv.URL, func(c *Config) {
			c.MaxQueries, c.MaxConcurrentQueries, c.Now = 200, int(width), w.Now
		})
		if _, err := s.Snapshot(t.Context(), session.Want{}); err != nil {
			t.Error(err)
		}
		srv.Close()
		if n := most.Load(); n > width {
			t.Errorf("got %d at once, want at most %d", n, width)
		}
	}
}

// A first answer that is cut off or empty is asked for once more.
func TestTheFirstAnswerIsCutOff(t *testing.T) {
	for _, body := range []string{"", `{"totalRecords":`} {
		for bad, complete := range map[int32]bool{1: true, 9: false} {
			w := world.NewStatic(world.Static{API: session.OAM, Seed: 6, Sessions: 20, Addresses: 5, Users: 9, Stores: 3})
			api := simoam.New(w, simoam.Options{})
			var sent atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if sent.Add(1) > bad {
					api.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				if body != "" {
					w.Header().Set("Content-Length", "5000")
				}
				io.WriteString(w, body)
			}))
			s := source(t, srv.URL, func(c *Config) { c.MaxQueries, c.Now = 200, w.Now })
			snap, err := s.Snapshot(t.Context(), session.Want{})
			srv.Close()
			if (err == nil && snap.Complete) != complete || sent.Load() != 2 {
				t.Errorf("%q, %d times: got %v, %d sent, want complete %v, 2 sent", body, bad, err, sent.Load(), complete)
			}
		}
	}
}

// A kind of filter that is refused time and again is not asked for any more, and
// everything else is.
func TestAKindOfFilterThatIsRefused(t *testing.T) {
	f := newFailing(t, 500, nil, simoam.Options{})
	refused := 0
	f.set(func(_ int, filter map[string]any) int {
		if _, is := filter["clientIp"]; is && len(filter) == 1 {
			refused++
			return http.StatusBadRequest
		}
		return 0
	})
	for range 3 {
		refused = 0
		snap, err := f.refresh(t)
		if err != nil || !snap.Complete || refused > maxRejected+2 {
			t.Errorf("got error %v, %d refused, complete %v, want none, at most %d, true", err, refused, err == nil && snap.Complete, maxRejected+2)
		}
	}
}
