package intersight

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// mostRequests bounds what a refresh with a 400 sends for its first page.
var mostRequests = 3*len(sessionProperties()) + 9

// A gateway that answers 400 now and then costs refreshes, and never a property.
func TestFlappingGateway(t *testing.T) {
	for _, percent := range []int{5, 20, 50, 80, 97} {
		t.Run(fmt.Sprint(percent), func(t *testing.T) {
			f := newFakeAPI(t, rows(3)...)
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(uint64(percent), 7))
			f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if random.IntN(100) >= percent {
					return false
				}
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `<html><body>HTTP Status 400 – Bad Request</body></html>`)
				return true
			}
			b := newBench(t, f.url)
			for range 60 {
				f.forget()
				snap, err := b.Snapshot(t.Context(), session.Want{})
				if err != nil {
					if reason, _ := session.ReasonOf(err); reason != session.ReasonHTTP || !strings.Contains(err.Error(), "400") {
						t.Fatal(err)
					}
				} else if snap.Lacks != (session.Lacks{}) || len(snap.Resolved) != 3 || snap.Sessions[0].Role == "" {
					t.Fatalf(`%+v; want Lacks %v, len Resolved 3, Sessions[0].Role other than ""`, snap, session.Lacks{})
				}
				if ask, known := b.sessions.selection.properties(b.clock.Now()); known != nil || len(ask) != len(sessionProperties()) {
					t.Fatalf("then asks for %v, want all %v", ask, sessionProperties())
				}
				if n := len(f.requests(sessionsPath)); n > mostRequests {
					t.Errorf("%d requests; want at most %d", n, mostRequests)
				}
			}
		})
	}
}

// A single 400 costs no property, whatever it was an answer to.
func TestOneRefusal(t *testing.T) {
	f := newFakeAPI(t, rows(3)...)
	var at int
	f.sessions = func(page int, w http.ResponseWriter, _ *http.Request) bool {
		if page == at {
			w.WriteHeader(http.StatusBadRequest)
		}
		return page == at
	}
	b := newBench(t, f.url)
	at = 1
	if snap := b.snapshot(t); snap.Lacks != (session.Lacks{}) || snap.Sessions[0].Role == "" {
		t.Errorf(`%+v; want Lacks %v, Sessions[0].Role other than ""`, snap, session.Lacks{})
	}
	if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect, "Moid", fullSelect, fullSelect}) {
		t.Errorf("asked %v; want %v", got, []string{fullSelect, "Moid", fullSelect, fullSelect})
	}
	// Nor does one to any of the requests by which an API proves what it lacks.
	for at = 2; at < 25; at++ {
		f := newFakeAPI(t, rows(3)...)
		f.sessions = func(page int, w http.ResponseWriter, r *http.Request) bool {
			if page == at {
				w.WriteHeader(http.StatusBadRequest)
				return true
			}
			return refusing([]string{"Status"}, func([]string) string { return "" })(w, r)
		}
		b := newBench(t, f.url)
		snap, err := b.Snapshot(t.Context(), session.Want{})
		if err == nil && (snap.Sessions[0].Role == "" || snap.Lacks != (session.Lacks{}) || len(snap.Resolved) != 3) {
			t.Errorf("a 400 to request %d: %+v", at, snap)
		}
		if _, known := b.sessions.selection.properties(b.clock.Now()); known != nil && !slices.Equal(known, except(sessionProperties(), "Status")) {
			t.Errorf("a 400 to request %d: then asks for %v, want %v", at, known, except(sessionProperties(), "Status"))
		}
	}
}

// What was proven is proven anew each hour, and holds on where that fails.
func TestRenewal(t *testing.T) {
	lacksStatus := refusing([]string{"Status"}, func([]string) string { return "" })
	f := newFakeAPI(t, rows(3)...)
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool { return lacksStatus(w, r) }
	b := newBench(t, f.url)
	b.snapshot(t)
	known := lacking("Status")

	// A gateway refuses all but what is known: whatever it is about, it is no proof.
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("$select") == known {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	b.clock.Advance(tryFullAfter)
	f.forget()
	b.snapshot(t)
	if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect, "Moid", known, known}) {
		t.Errorf("asked %v; want %v", got, []string{fullSelect, "Moid", known, known})
	}
	f.forget()
	b.snapshot(t)
	if got := f.selects(sessionsPath); !slices.Equal(got, []string{known, known}) {
		t.Errorf("then asked %v; want %v", got, []string{known, known})
	}

	// One that does not answer takes half of the time at most.
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Query().Get("$select") {
		case known:
			return false
		case fullSelect:
			w.WriteHeader(http.StatusBadRequest)
		default:
			<-r.Context().Done()
		}
		return true
	}
	b.clock.Advance(tryFullAfter)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if snap, err := b.Snapshot(ctx, session.Want{}); err != nil || !snap.Complete {
		t.Errorf("%+v, %v; want it complete", snap, err)
	}

	// It lacks another one, and no longer Status.
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return refusing([]string{"Role"}, func([]string) string { return "" })(w, r)
	}
	b.clock.Advance(tryFullAfter)
	snap := b.snapshot(t)
	if _, ok := snap.Resolved[session.DimensionRole]; ok {
		t.Error("the role is said to be known")
	}
	if ask, _ := b.sessions.selection.properties(b.clock.Now()); !slices.Equal(ask, except(sessionProperties(), "Role")) {
		t.Errorf("then asks for %v, want %v", ask, except(sessionProperties(), "Role"))
	}
}

// Each fact needs properties; where they are not asked for, it says so.
func TestLackingProperties(t *testing.T) {
	role, ip, kind := session.DimensionRole, session.DimensionClientIP, session.DimensionLoginType
	for unknown, want := range map[string]struct {
		lacks session.Lacks
		dims  []session.Dimension
	}{
		"":                              {session.Lacks{}, []session.Dimension{role, ip, kind}},
		"Role":                          {session.Lacks{}, []session.Dimension{ip, kind}},
		"ClientIpAddress":               {session.Lacks{}, []session.Dimension{role, kind}},
		"User":                          {session.Lacks{}, []session.Dimension{role, ip, kind}},
		"UserIdOrEmail":                 {session.Lacks{}, []session.Dimension{role, ip, kind}},
		"User,UserIdOrEmail":            {session.Lacks{User: true}, []session.Dimension{role, ip, kind}},
		"FailedLogins":                  {session.Lacks{FailedLogins: true}, []session.Dimension{role, ip, kind}},
		"CreateTime":                    {session.Lacks{Created: true}, []session.Dimension{role, ip, kind}},
		"Status,EndTime":                {session.Lacks{}, []session.Dimension{role, ip, kind}},
		"Expiration,IdleTimeExpiration": {session.Lacks{}, []session.Dimension{role, ip, kind}},
		"LastLoginTime":                 {session.Lacks{}, []session.Dimension{role, ip, kind}},
		"Role,FailedLogins,User,UserIdOrEmail,CreateTime,ClientIpAddress": {session.Lacks{User: true, FailedLogins: true, Created: true}, []session.Dimension{kind}},
		"LoginType": {session.Lacks{}, []session.Dimension{role, ip}},
	} {
		t.Run(unknown, func(t *testing.T) {
			f := newFakeAPI(t, rows(3)...)
			f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				return refusing(strings.Split(unknown, ","), func([]string) string { return "" })(w, r)
			}
			snap := newBench(t, f.url).snapshot(t)
			if snap.Lacks != want.lacks || len(snap.Resolved) != len(want.dims) {
				t.Errorf("lacks %+v, resolved %+v; want %v, len %v", snap.Lacks, snap.Resolved, want.lacks, len(want.dims))
			}
			for _, d := range want.dims {
				if !snap.Resolved[d].Listed {
					t.Errorf("%s is not resolved", d)
				}
			}
			// What has nothing to do with failed logins does not change what they are.
			touched := slices.ContainsFunc(strings.Split(unknown, ","), func(p string) bool {
				return slices.Contains([]string{"User", "UserIdOrEmail", "LastLoginTime", "FailedLogins"}, p)
			})
			if touched == (snap.Schema == loginFields(sessionProperties())) {
				t.Errorf("fields %x", snap.Schema)
			}
		})
	}
}
