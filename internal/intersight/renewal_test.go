package intersight

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// An API that fails where it is asked anew for what it did not know is asked as
// before, and not anew at each refresh.
func TestRenewalFails(t *testing.T) {
	known := lacking("Status")
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, c := range map[string]struct {
		full  http.HandlerFunc
		want  session.Reason // "": it is asked as before
		again bool
	}{
		"server error":  {status(500), "", false},
		"not found":     {status(404), "", false},
		"unprocessable": {status(422), "", false},
		"too long":      {status(414), "", false},
		"HTML":          {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, "", false},
		"closes":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", false},
		"hangs":         {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", false},
		"refused":       {status(401), session.ReasonAuth, true},
		"forbidden":     {status(403), session.ReasonForbidden, true},
		"rate limited":  {status(429), session.ReasonRateLimited, true},
		"unavailable":   {status(503), session.ReasonHTTP, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeAPI(t, rows(3)...)
			renewing := false
			f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Query().Get("$select"), "Status") {
					return false
				}
				if renewing {
					c.full(w, r)
				} else {
					w.WriteHeader(http.StatusBadRequest)
					fmt.Fprint(w, `{"message":"no 'Status'"}`)
				}
				return true
			}
			b := newBench(t, f.url)
			b.snapshot(t)
			renewing = true
			b.clock.Advance(tryFullAfter)
			if c.want != "" {
				f.forget()
				b.failure(t, c.want)
				if got := f.selects(sessionsPath); slices.Contains(got, known) {
					t.Errorf("asked %v, want no %v", got, known)
				}
			} else if snap, err := b.Snapshot(unhurried{t.Context(), time.Now().Add(4 * time.Second)}, session.Want{}); err != nil || !snap.Complete {
				t.Fatalf("%+v, %v; want it complete", snap, err)
			}
			if ask, _ := b.sessions.selection.properties(b.clock.Now()); (len(ask) == len(sessionProperties())) != c.again {
				t.Errorf("then asks for %v, want all properties: %v", ask, c.again)
			}
		})
	}
}
