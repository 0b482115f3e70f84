package oam

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

func condition(key, value string) session.Condition {
	return session.Condition{Key: key, Values: []string{value}}
}

// The server reads the values that were configured, whatever they are.
func FuzzFilterValues(f *testing.F) {
	for _, v := range []string{"alice", `"`, `\`, `a","userId":"b`, "' or '1'='1", "{}", "[]", "*", "a*", "</userId>", "&amp;", "ß\u2028\U0001F600", " ", "true", "null", "\u202e", "%22", "\ufffd"} {
		f.Add(v, "UserIdentityStore1", "192.0.2.1")
		f.Add("u", v, v)
	}
	f.Fuzz(func(t *testing.T, user, store, ip string) {
		for _, v := range []string{user, store, ip} {
			if v == "" || !utf8.ValidString(v) {
				return // the configuration refuses it
			}
		}
		base, err := within(session.Filter{condition("user_id", user), condition("id_store_name", store), condition("client_ip", ip), condition("is_impersonating", "false")})
		if err != nil {
			t.Fatal(err)
		}
		q, ok := filter.Query{Expires: 1}.Within(base)
		if !ok {
			t.Fatalf("got no query within %+v, want one", base)
		}
		var got map[string]any
		body := new(timeForm).filter(q)
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("got %s: %v, want valid JSON", body, err)
		}
		for key, want := range map[string]any{"userId": user, "idStoreName": store, "clientIp": ip, "isImpersonating": false} {
			if got[key] != want {
				t.Errorf("%s: got %q, want %q", key, got[key], want)
			}
		}
		if len(got) != 5 {
			t.Errorf("got %d fields, want 5: %s", len(got), body)
		}
	})
}

func TestFilterConditions(t *testing.T) {
	for _, c := range []struct {
		f    session.Filter
		want string
	}{
		{nil, ""},
		{session.Filter{{Key: "role", Values: []string{"hunter2"}}}, "filter: has keys other than id_store_name, user_id, client_ip, is_impersonating"},
		{session.Filter{{Key: "user_id", Values: []string{"a", "hunter2"}}}, "filter.user_id: must be one value"},
		{session.Filter{condition("user_id", "a"), condition("user_id", "b")}, "filter.user_id: is there twice"},
		{session.Filter{condition("is_impersonating", "hunter2")}, "filter.is_impersonating: must be true or false"},
	} {
		_, err := New(Config{URL: "https://login.example.com", Options: Options{Filter: c.f}})
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// A filtered source over HTTP: all requests carry the filter, what is published is
// of the subset, and no value of the filter is in Info.
func TestFilteredSource(t *testing.T) {
	for _, n := range []int{20, 300} {
		w := world.NewStatic(world.Static{API: session.OAM, Seed: 7, Sessions: n, Addresses: 12, Users: 80, Stores: 3})
		store := w.Truth(session.OAM)[0].Store
		total, impersonating := 0, 0
		for _, s := range w.Truth(session.OAM) {
			if s.Store == store {
				total++
				if s.Impersonating {
					impersonating++
				}
			}
		}
		api := simoam.New(w, simoam.Options{})
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			var criterion map[string]any
			if err := json.Unmarshal(body, &criterion); err != nil || criterion["idStoreName"] != store {
				t.Errorf("sent %s, want idStoreName %q in it", body, store)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			api.ServeHTTP(w, r)
		}))
		defer srv.Close()
		s := source(t, srv.URL, func(c *Config) {
			c.Filter, c.MaxQueries, c.Now = session.Filter{condition("id_store_name", store)}, 200, w.Now
		})
		for _, want := range []session.Want{{ClientIPs: 100}, {ClientIPs: 100, Identities: true}} {
			snap, err := s.Snapshot(t.Context(), want)
			if err != nil {
				t.Fatal(err)
			}
			if snap.Total != total || snap.Impersonating == nil || *snap.Impersonating != impersonating {
				t.Errorf("%d sessions: got a total of %d, impersonating %v; want %d, %d", n, snap.Total, snap.Impersonating, total, impersonating)
			}
			if r := snap.Resolved[session.DimensionIdentityStore]; !r.Listed && r.Counted[store] != total {
				t.Errorf("got stores %v, want %d in %s", r.Counted, total, store)
			}
			for i, x := range snap.Sessions {
				if x.IdentityStore != store {
					t.Errorf("got a session of %s, want %s only", x.IdentityStore, store)
				}
				who := snap.Who(i)
				id := who.User
				if (id != nil) != want.Identities {
					t.Errorf("identity: got %v, want %v", id != nil, want.Identities)
				}
				if id != nil && (s.convert.user(id.Store, id.Name.Open()) != x.User || id.Store != store || !who.Moid.IsZero()) {
					t.Errorf("got the identity of somebody else of store %s, want the user's of store %s", id.Store, store)
				}
			}
			if (snap.Identities != nil) != want.Identities {
				t.Errorf("got identities %v, want %v", snap.Identities != nil, want.Identities)
			}
		}
		if got, want := s.Info().Filtered, []string{"id_store_name"}; !slices.Equal(got, want) {
			t.Errorf("filtered by: got %v, want %v", got, want)
		}
		if got := fmt.Sprintf("%+v", s.Info()); strings.Contains(got, store) {
			t.Errorf("got the filter's value in %s, want it not", got)
		}
	}
}

// A first answer without a total may say that nothing matches the filter, or come
// from something else: it is never taken for 0 sessions.
func TestNothingMatchesTheFilter(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"404":           func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"204":           func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"null":          func(w http.ResponseWriter) { io.WriteString(w, "null") },
		"null sessions": func(w http.ResponseWriter) { io.WriteString(w, `{"sessions":null}`) },
	} {
		var nothing atomic.Bool
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if nothing.Load() {
				answer(w)
				return
			}
			io.WriteString(w, `{"totalRecords":0,"sessions":{}}`)
		}))
		s := source(t, srv.URL, func(c *Config) { c.Filter = session.Filter{condition("user_id", canary)} })
		snap, err := s.Snapshot(t.Context(), session.Want{})
		if err != nil || snap.Total != 0 || !snap.Complete {
			t.Errorf("%s: a total of 0: got %v, %v, want a complete snapshot without sessions", name, snap, err)
		}
		nothing.Store(true)
		_, err = s.Snapshot(t.Context(), session.Want{})
		if err == nil || !strings.Contains(err.Error(), "no session matches the filter") || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v, want an error that names the filter, and not its value", name, err)
		}
		srv.Close()
	}
}

// Rows outside the filter are not published, and the failure shows no value.
func TestRowsOutsideTheFilter(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(forms()[0].write(3, testRows(3)))(w) }))
	defer srv.Close()
	s := source(t, srv.URL, func(c *Config) { c.Filter = session.Filter{condition("user_id", canary)} })
	_, err := s.Snapshot(t.Context(), session.Want{})
	if reason, _ := session.ReasonOf(err); reason != session.ReasonUntrusted || strings.Contains(fmt.Sprint(err), canary) {
		t.Errorf("got %v, want it untrusted, without the filter's value", err)
	}
}
