package intersight

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// Sources of good, refusing, hanging and broken APIs, asked in parallel.
func TestParallel(t *testing.T) {
	key := writeFile(t, "key.pem", v3())
	good := newFakeAPI(t, rows(250)...)
	good.pageCap = 100
	refusing := newFakeAPI(t, rows(3)...)
	old := refusing.limits
	refusing.sessions = func(page int, w http.ResponseWriter, _ *http.Request) bool {
		if page%2 == 1 {
			w.WriteHeader(http.StatusBadRequest)
		}
		return page%2 == 1
	}
	refusing.limits = func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Query().Get("$select")) > 50 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"message":"no Account"}`)
			return
		}
		old(w, r)
	}
	hanging := newFakeAPI(t)
	hanging.sessions = func(_ int, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
	broken := newFakeAPI(t)
	broken.sessions = answers("<html>")

	var wg sync.WaitGroup
	for _, f := range []*fakeAPI{good, refusing, hanging, broken} {
		b := newBench(t, f.url, withKey(key))
		for range 4 {
			wg.Go(func() {
				for range 3 {
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
					if f == hanging {
						ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
					}
					snap, err := b.Snapshot(ctx, session.Want{})
					cancel()
					switch f {
					case good:
						if err != nil || len(snap.Sessions) != 250 || !snap.Complete || snap.Limits.Sessions == nil {
							t.Errorf("good API: %v", err)
						}
					case hanging, broken:
						if err == nil {
							t.Error("bad API: no error")
						}
					}
				}
			})
		}
	}
	wg.Wait()
}
