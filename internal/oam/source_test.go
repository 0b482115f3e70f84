package oam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// server answers searches; it fails the test on any other request.
func server(t *testing.T, answer func(http.ResponseWriter)) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/oam/services/rest/access/api/v1/sessions" || r.URL.RawQuery != "" || string(body) != "{}" {
			t.Errorf("got %s %s with %q, want a POST to the sessions' path with {}", r.Method, r.URL, body)
		}
		if c, a := r.Header.Get("Content-Type"), r.Header.Get("Accept"); c != "application/json" || a != "application/json" {
			t.Errorf("got content type %q, accepting %q, want application/json for both", c, a)
		}
		if u, p, ok := r.BasicAuth(); !ok || u != "monitor" || p != canary+"-password" {
			t.Errorf("got basic auth %v, want the user and password of the configuration", ok)
		}
		answer(w)
	}))
	t.Cleanup(s.Close)
	return s, &asked
}

var serverNow = began.Add(2 * time.Hour)

func reply(body []byte) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Date", serverNow.Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	}
}

func source(t *testing.T, url string, change func(*Config)) *Source {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(canary+"-password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Name: "sso", URL: url, Options: Options{IdleTimeout: 15 * time.Minute, SessionLifetime: 24 * time.Hour},
		HTTP:   promconfig.HTTPClientConfig{BasicAuth: &promconfig.BasicAuth{Username: "monitor", PasswordFile: password}},
		Hasher: session.NewHasher(), UserAgent: "test",
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestWhatAListingProves(t *testing.T) {
	for _, c := range []struct {
		name          string
		total, listed int
		complete      bool
	}{
		{"none", 0, 0, true},
		{"one", 1, 1, true},
		{"most that one answer can prove", 27, 27, true},
		{"a full window", 28, 28, false},
		{"behind the window", 40, 28, false},
		{"far behind the window", 100_000, 28, false},
		{"a row missing", 5, 4, false},
		{"no rows", 5, 0, false},
		{"a window with no rows", 40, 0, false},
		{"a listing beyond the window", 29, 29, false},
		{"a long listing", 100, 100, false},
	} {
		for _, role := range []string{"", roleAttribute} {
			t.Run(c.name, func(t *testing.T) {
				rows := testRows(c.listed)
				srv, asked := server(t, reply(forms()[0].write(c.total, rows)))
				s := source(t, srv.URL, func(cfg *Config) { cfg.RoleAttribute = role })
				got, err := s.Snapshot(t.Context(), session.Want{})
				if err != nil {
					t.Fatal(err)
				}
				if n := asked.Load(); n != 1 {
					t.Errorf("got %d requests, want 1", n)
				}
				if !got.Taken.Equal(serverNow) {
					t.Errorf("got taken at %s, want the server's clock, %s", got.Taken, serverNow)
				}
				if got.Complete != c.complete || got.Total != c.total || got.Reported != c.total || len(got.Sessions) != c.listed {
					t.Errorf("got complete %v, %d of %d, reported %d, want %v, %d of %d, as many", got.Complete, len(got.Sessions), got.Total, got.Reported, c.complete, c.listed, c.total)
				}
				if got.Drift == nil || *got.Drift != 0 {
					t.Errorf("got a drift other than 0 after one look, want 0")
				}
				if (got.Impersonating != nil) != c.complete {
					t.Errorf("got a number of impersonating sessions: %v, want %v, as all are listed or not", got.Impersonating != nil, c.complete)
				} else if c.complete && *got.Impersonating != (c.listed+2)/4 {
					t.Errorf("got %d impersonating, want %d", *got.Impersonating, (c.listed+2)/4)
				}
				dimensions := []session.Dimension{session.DimensionClientIP, session.DimensionIdentityStore}
				if role != "" {
					dimensions = append(dimensions, session.DimensionRole)
				}
				if len(got.Resolved) != len(dimensions) {
					t.Errorf("got resolved %v, want %v", got.Resolved, dimensions)
				}
				for _, d := range dimensions {
					if r, ok := got.Resolved[d]; !ok || r.Listed != c.complete || len(r.Counted) != 0 {
						t.Errorf("%s: got %v %+v, want it listed: %v, and nothing counted", d, ok, r, c.complete)
					}
				}
				for i, x := range got.Sessions {
					wantRole := ""
					if role != "" {
						wantRole = rows[i].role
					}
					if x.ClientIP != rows[i].clientIP || x.IdentityStore != rows[i].idStore || x.Role != wantRole ||
						x.Impersonating != rows[i].impersonating || !x.Created.Equal(rows[i].created) {
						t.Errorf("session %d: got %+v, want %+v with role %q", i, x, rows[i], wantRole)
					}
				}
			})
		}
	}
}

func TestDuplicatesCountOnce(t *testing.T) {
	rows := testRows(5)
	rows = append(rows, rows[2], rows[4])
	srv, _ := server(t, reply(forms()[0].write(5, rows)))
	got, err := source(t, srv.URL, nil).Snapshot(t.Context(), session.Want{})
	if err != nil || !got.Complete || len(got.Sessions) != 5 {
		t.Fatalf("got %v %+v, want 5 sessions, complete", err, got)
	}
}

func TestLimitsAreThoseOfTheConfig(t *testing.T) {
	srv, _ := server(t, reply(forms()[0].write(0, nil)))
	got, err := source(t, srv.URL, func(c *Config) { c.MaxSessionsPerUser = 8 }).Snapshot(t.Context(), session.Want{})
	if err != nil {
		t.Fatal(err)
	}
	l := got.Limits
	if l.Sessions != nil || *l.UserSessions != 8 || *l.IdleTimeout != 15*time.Minute || *l.Lifetime != 24*time.Hour {
		t.Errorf("got %+v, want 8 sessions of a user, 15m idle, 24h of life", l)
	}
	got, err = source(t, srv.URL, func(c *Config) { c.IdleTimeout, c.SessionLifetime = 0, 0 }).Snapshot(t.Context(), session.Want{})
	if err != nil {
		t.Fatal(err)
	}
	if l := got.Limits; l.UserSessions != nil || *l.IdleTimeout != 0 || *l.Lifetime != 0 {
		t.Errorf("got %+v, want no limit of a user's sessions, and 0 for the times", l)
	}
}

func TestOurClockWhereThereIsNoOther(t *testing.T) {
	now := began.Add(5 * time.Hour)
	body := forms()[0].write(3, testRows(3))
	srv, _ := server(t, func(w http.ResponseWriter) { w.Header()["Date"] = nil; w.Write(body) })
	got, err := source(t, srv.URL, func(c *Config) { c.Now = func() time.Time { return now } }).Snapshot(t.Context(), session.Want{})
	if err != nil || !got.Taken.Equal(now) {
		t.Fatalf("got %v %+v, want it taken at %s", err, got, now)
	}
}

func TestStatusesByTheServersClock(t *testing.T) {
	body := forms()[0].write(1, []row{{sessionID: "1", userID: "a", accessed: serverNow.Add(-15 * time.Minute), created: serverNow.Add(-time.Hour)}})
	srv, _ := server(t, reply(body))
	got, err := source(t, srv.URL, func(c *Config) { c.Now = func() time.Time { return began } }).Snapshot(t.Context(), session.Want{})
	if err != nil || got.Sessions[0].Status != session.Idle {
		t.Fatalf("got %v %+v, want an idle session", err, got)
	}
}

func TestFailures(t *testing.T) {
	good := forms()[0].write(3, testRows(3))
	status := func(code int, kind, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter)
		reason session.Reason
		text   string
	}{
		{"more rows than the total", reply(forms()[0].write(2, testRows(3))), session.ReasonUntrusted, "lists 3 sessions, but says that there are 2"},
		{"rows, but a total of none", reply(forms()[0].write(0, testRows(1))), session.ReasonUntrusted, "lists 1 sessions, but says that there are 0"},
		{"login page", status(200, "text/html", "<html>"+canary), session.ReasonDecode, "sent as text/html"},
		{"empty", status(200, "", ""), session.ReasonDecode, "is empty"},
		{"no total", reply([]byte("{}")), session.ReasonDecode, "no totalRecords"},
		{"truncated", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			w.Write(good[:len(good)/2])
		}, session.ReasonDecode, "ends in the middle"},
		{"no content", status(204, "", ""), session.ReasonHTTP, "HTTP 204"},
		{"not found", status(404, "application/json", `{"message":"Requested Data Not found `+canary+`"}`), session.ReasonHTTP, "HTTP 404 Not Found (application/json)"},
		{"redirect to a login", func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://127.0.0.1:1/oam/server/obrareq.cgi?"+canary)
			w.WriteHeader(302)
		}, session.ReasonHTTP, "HTTP 302"},
		{"unauthorized", status(401, "text/html; charset=utf-8", canary), session.ReasonAuth, "HTTP 401 Unauthorized (text/html)"},
		{"forbidden", status(403, "", canary), session.ReasonForbidden, "HTTP 403"},
		{"too many", status(429, "", canary), session.ReasonRateLimited, "HTTP 429"},
		{"server error", status(500, "text/"+canary+";<script>", canary), session.ReasonHTTP, "HTTP 500"},
		{"a name for a kind", status(500, "application/"+canary, canary), session.ReasonHTTP, "HTTP 500 Internal Server Error"},
		{"a name for a kind of no listing", status(200, canary+"/"+canary, "<html>"), session.ReasonDecode, "not a SessionResults"},
		{"hostile kind", status(400, "text/html evil "+canary, canary), session.ReasonHTTP, "HTTP 400 Bad Request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, _ := server(t, c.answer)
			s := source(t, srv.URL, nil)
			var decided []string
			ctx := session.WithTrace(t.Context(), &session.Trace{Decision: func(s string) { decided = append(decided, s) }})
			got, err := s.Snapshot(ctx, session.Want{})
			if got != nil || err == nil {
				t.Fatalf("got snapshot %v, error %v, want only an error", got, err)
			}
			if r, ok := session.ReasonOf(err); !ok || r != c.reason {
				t.Errorf("got reason %q %v, want %q", r, ok, c.reason)
			}
			if _, ok := errors.AsType[*session.Error](err); !ok {
				t.Errorf("got %T, want a *session.Error", err)
			}
			text := err.Error()
			if !strings.Contains(text, c.text) || strings.Contains(text, canary) || strings.ContainsAny(text, "<>") {
				t.Errorf("error %q, want one with %q", text, c.text)
			}
			if c.reason == session.ReasonDecode && c.name != "truncated" || c.reason == session.ReasonUntrusted {
				if len(decided) != 1 || !strings.HasPrefix(decided[0], "answer refused") {
					t.Errorf("got decided %q, want one that the answer is refused", decided)
				}
			}
		})
	}
}

func TestTheCallerGivesUp(t *testing.T) {
	hang := make(chan struct{})
	srv, _ := server(t, func(http.ResponseWriter) { <-hang })
	t.Cleanup(func() { close(hang) })
	s := source(t, srv.URL, nil)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Snapshot(ctx, session.Want{})
	if r, ok := session.ReasonOf(err); !ok || r != session.ReasonTimeout {
		t.Errorf("got %q %v: %v, want %q", r, ok, err, session.ReasonTimeout)
	}

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = s.Snapshot(ctx, session.Want{})
	if r, ok := session.ReasonOf(err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q %v: %v, want no reason, but the cancellation", r, ok, err)
	}
}

// Nothing of a row may reach logs, errors, traces or the debug page.
func TestIdentitiesStayInside(t *testing.T) {
	mark := func(r *row) {
		r.sessionID, r.userID, r.sessionIndex = canary+r.sessionID, canary+r.userID, canary+r.sessionIndex
		r.clientIP, r.idStore, r.role = canary, canary, canary
	}
	rows := testRows(28)
	for i := range rows {
		mark(&rows[i])
	}
	odd := plain()
	odd.time = func(time.Time) any { return canary }
	oddRows := odd.rows(rows[:3])
	good := forms()[0].write(40, rows)
	for name, body := range map[string][]byte{
		"behind the window": good,
		"contradictory":     forms()[0].write(3, rows),
		"short":             forms()[0].write(27, rows[:3]),
		"odd times":         encode(whole(3, oddRows)),
		"cut":               good[:len(good)-9],
		"broken":            bytes.Replace(good, []byte(`"userId":`), []byte(`"userId"`), 1),
		"broken text":       bytes.Replace(good, []byte(canary), []byte(canary+"\x01"), 1),
		"broken number":     bytes.Replace(good, []byte(`"userId":"`), []byte(`"userId":0x`), 1),
		"cut XML":           xmlStyle{}.write(28, rows)[:2000],
		"broken XML":        bytes.Replace(xmlStyle{}.write(28, rows), []byte("</userId>"), []byte("</"+canary+">"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			srv, _ := server(t, reply(body))
			var out bytes.Buffer
			s := source(t, srv.URL, func(c *Config) { c.Logger = log.NewLogfmtLogger(&out); c.RoleAttribute = roleAttribute })
			ctx := session.WithTrace(t.Context(), &session.Trace{
				Request:  func(r session.Request) { fmt.Fprintln(&out, r) },
				Decision: func(d string) { fmt.Fprintln(&out, d) },
			})
			for range 2 {
				_, err := s.Snapshot(ctx, session.Want{})
				fmt.Fprintln(&out, err, s.Info())
			}
			if strings.Contains(out.String(), canary) {
				t.Errorf("got the canary in %s, want it not", &out)
			}
		})
	}
}

func TestOdditiesAreLoggedWhenTheyBeginAndEnd(t *testing.T) {
	odd := []byte(`{"totalRecords":2,"sessions":[{"userId":"a","createTime":"soon"}]}`)
	fine := []byte(`{"totalRecords":1,"sessions":[{"userId":"a"}]}`)
	next := odd
	srv, _ := server(t, func(w http.ResponseWriter) { w.Write(next) })
	var out bytes.Buffer
	s := source(t, srv.URL, func(c *Config) { c.Logger = log.NewLogfmtLogger(&out) })
	for _, step := range []struct {
		body  []byte
		lines int
	}{{odd, 2}, {odd, 2}, {fine, 2}, {odd, 2}, {fine, 2}, {fine, 2}, {fine, 4}, {fine, 4}, {odd, 6}} {
		next = step.body
		if _, err := s.Snapshot(t.Context(), session.Want{}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != step.lines {
			t.Errorf("%d lines, want %d: %s", n, step.lines, out.String())
		}
	}
}

func TestNothingIsProvenOfTheSearch(t *testing.T) {
	srv, asked := server(t, func(http.ResponseWriter) {})
	for _, l := range source(t, srv.URL, nil).Info().Labels {
		if l.Value != "unknown" {
			t.Errorf("%s: got %q, want unknown", l.Name, l.Value)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, url := range []string{"", "login.example.com", "ftp://x", "http://", "https://monitor:" + canary + "@x", "http://x/oam", "http://x?y", "http://x/%zz" + canary} {
		s, err := New(Config{Name: "sso", URL: url})
		if err == nil {
			s.Close()
			t.Errorf("%q: got no error, want one", url)
		} else if strings.Contains(err.Error(), canary) {
			t.Error(err)
		}
	}
	s, err := New(Config{Name: "sso", URL: "https://login.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
