package endtoend

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// scrapeIntersight makes a rig that scrapes a handler for iam/Sessions.
func scrapeIntersight(t *testing.T, sessions http.HandlerFunc) *rig {
	t.Helper()
	r := newRig(t, session.Intersight, world.New(world.DefaultConfig()), simintersight.Options{}, simoam.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/iam/Sessions", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Date", r.world.Now().UTC().Format(http.TimeFormat))
		sessions(w, req)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r.start()
}

func utf16of(s string, bigEndian bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

// An answer is read by the charset that it declares. Values that differ only in
// what can't be read stay two, and cost nothing else.
func TestIntersightCharsets(t *testing.T) {
	const body = `{"Count":2,"Results":[{"Moid":"a","Role":"Jürgen","UserIdOrEmail":"ä","ClientIpAddress":"192.0.2.1"},{"Moid":"b","Role":"Jörgen","UserIdOrEmail":"ö","ClientIpAddress":"192.0.2.1"}]}`
	latin1, err := charmap.ISO8859_1.NewEncoder().String(body)
	if err != nil {
		t.Fatal(err)
	}
	control := strings.NewReplacer("ü", "\x01", "ö", "\x02", "ä", "\x03").Replace(body)
	for name, c := range map[string]struct {
		contentType, body string
		roles             []string
	}{
		"UTF-8":              {"application/json", body, []string{"Jörgen", "Jürgen"}},
		"UTF-8 with a mark":  {"application/json", "\ufeff" + body, []string{"Jörgen", "Jürgen"}},
		"ISO-8859-1":         {"application/json;charset=ISO-8859-1", latin1, []string{"Jörgen", "Jürgen"}},
		"windows-1252":       {`application/json; charset="windows-1252"`, latin1, []string{"Jörgen", "Jürgen"}},
		"UTF-16":             {"application/json; charset=utf-16", "\xFE\xFF" + utf16of(body, true), []string{"Jörgen", "Jürgen"}},
		"UTF-16LE":           {"application/json; charset=UTF-16LE", utf16of(body, false), []string{"Jörgen", "Jürgen"}},
		"not what it says":   {"application/json; charset=utf-8", latin1, []string{"J\uFFFDF6rgen", "J\uFFFDFCrgen"}},
		"says nothing":       {"", latin1, []string{"J\uFFFDF6rgen", "J\uFFFDFCrgen"}},
		"control characters": {"application/json", control, []string{"J\uFFFD01rgen", "J\uFFFD02rgen"}},
		"halves of pairs":    {"application/json", strings.NewReplacer("ü", `\ud83d`, "ö", `\ud83e`).Replace(body), []string{"J\uFFFDD83Drgen", "J\uFFFDD83Ergen"}},
		"keys in lower case": {"application/json", strings.NewReplacer(`"Moid"`, `"moid"`, `"Role"`, `"role"`, `"UserIdOrEmail"`, `"useridoremail"`, `"Results"`, `"results"`, `"Count"`, `"COUNT"`).Replace(body), []string{"Jörgen", "Jürgen"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := scrapeIntersight(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				if r.URL.Query().Get("$skip") != "0" {
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, `{"Count":2,"Results":[{"Moid":"b"}]}`)
					return
				}
				io.WriteString(w, c.body)
			}).scrape()
			var roles []string
			for _, s := range got {
				if s.family == "iam_sessions_by_role" && s.value > 0 {
					roles = append(roles, s.labels["role"])
				}
			}
			slices.Sort(roles)
			slices.Sort(c.roles)
			if !slices.Equal(roles, c.roles) || got.value("iam_users") != 2 || got.value("iam_sessions") != 2 || got.value("iam_source_complete") != 1 {
				t.Errorf("roles %q, want %q; %v users, %v sessions, complete %v", roles, c.roles, got.value("iam_users"), got.value("iam_sessions"), got.value("iam_source_complete"))
			}
		})
	}
}

// Properties that come and go lose no failed login and count none twice.
func TestFailedLoginsOfChangingBuilds(t *testing.T) {
	var rows []map[string]any
	var missing []string
	r := scrapeIntersight(t, func(w http.ResponseWriter, req *http.Request) {
		asked := strings.Split(req.URL.Query().Get("$select"), ",")
		for _, m := range missing {
			if slices.Contains(asked, m) {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		var list []map[string]any
		for _, row := range rows {
			shown := map[string]any{}
			for _, p := range append(asked, "Moid") {
				if v, ok := row[p]; ok {
					shown[p] = v
				}
			}
			list = append(list, shown)
		}
		if req.URL.Query().Get("$skip") != "0" {
			list = list[len(list)-1:]
		}
		json.NewEncoder(w).Encode(map[string]any{"Count": len(rows), "Results": list})
	})
	add := func(moid string, failed int) {
		rows = append(rows, map[string]any{"Moid": moid, "User": map[string]string{"Moid": "user-" + moid}, "UserIdOrEmail": moid + "@example.com", "Role": "Read-Only",
			"Status": "Active", "CreateTime": r.world.Now().Format(time.RFC3339), "LastLoginTime": r.world.Now().Format(time.RFC3339), "FailedLogins": failed})
	}
	add("a", 2)
	r.scrape()
	total, after := 0.0, 0.0
	for i, step := range []struct {
		missing string
		failed  int // of the login that is new
		total   float64
		after   float64
	}{
		{"", 3, 3, 1},
		{"Role", 4, 7, 2}, // it has nothing to do with them
		{"", 1, 8, 3},     // nor has its return
		{"User", 0, 8, 3}, // users get another key: nothing twice
		{"User", 5, 13, 4},
		{"", 0, 13, 4},
		{"FailedLogins", 6, 13, 4}, // not reported
		{"", 2, 13, 4},             // what appears at once may be old
		{"", 7, 20, 5},
		{"LastLoginTime ClientIpAddress", 0, 20, 5},
	} {
		missing = strings.Fields(step.missing)
		r.world.Step(61 * time.Minute)
		add(fmt.Sprint("s", i), step.failed)
		got := r.scrape()
		total, after = got.value("iam_failed_logins_total"), got.value("iam_logins_after_failures_total")
		if got.value("iam_source_complete") != 1 || total != step.total || after != step.after {
			t.Errorf("step %d: %v failed logins, %v after some, want %v and %v; complete %v\n%s", i, total, after, step.total, step.after, got.value("iam_source_complete"), r.log)
		}
		if started := got.value("iam_sessions_started_total"); started != float64(i+1) {
			t.Errorf("step %d: %v started; want %v", i, started, float64(i+1))
		}
	}
}
