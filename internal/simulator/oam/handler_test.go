package oam

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

type searchResult struct {
	TotalRecords int
	Sessions     struct{ SessionData []oamRow }
}

type oamRow struct {
	SessionID, CreateTime, UpdateTime, LastAccessTime, ExpiryTime string
	UserID, ClientIP, IDStoreName                                 string
	IsImpersonating                                               bool
}

func ask(t *testing.T, h http.Handler, body string) searchResult {
	t.Helper()
	w := testkit.Post(h, PathSearch, body)
	var r searchResult
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || w.Code != 200 {
		t.Fatalf("%s: %d, %v: %s; want 200", body, w.Code, err, w.Body)
	}
	return r
}

func body(fields map[string]string) string {
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// tricky is a small world of values that are easily taken for one another.
func tricky() *world.World {
	w := world.NewStatic(world.Static{API: session.OAM, Seed: 5, Sessions: 80, Addresses: 12, Users: 40, Stores: 3, Impersonating: 0.1})
	for n, s := range []world.Session{
		{ClientIP: "10.0.0.1"}, {ClientIP: "10.0.0.10"}, {ClientIP: "10.0.0.100"}, {ClientIP: ""},
		{User: "ann"}, {User: "Ann"}, {User: "joann"}, {Store: "oud"}, {Store: "OUD"}, {Store: ""},
		{User: "a*n"}, {User: "anXn"}, {Impersonating: true},
	} {
		w.Add(session.OAM, func(to *world.Session) {
			to.ClientIP, to.Impersonating = s.ClientIP, s.Impersonating
			if s.User != "" {
				to.User = s.User
			}
			if s.Store != "" || n == 9 {
				to.Store = s.Store
			}
			if n%2 == 0 {
				to.Expires = time.Time{}
			}
		})
	}
	return w
}

// reference says what a filter matches, by other means than the simulator's.
func reference(patterns map[string]*regexp.Regexp, f Filter, fields map[string]string, s world.Session) bool {
	text := func(have, want string) bool {
		if have == "" {
			return false
		}
		pattern := regexp.QuoteMeta(want)
		if f.Wildcard {
			pattern = strings.ReplaceAll(pattern, `\*`, `.*`)
		}
		switch f.Match {
		case MatchExact:
			pattern = "^" + pattern + "$"
		case MatchPrefix:
			pattern = "^" + pattern
		}
		if f.IgnoreCase {
			pattern = "(?i)" + pattern
		}
		compiled, ok := patterns[pattern]
		if !ok {
			compiled = regexp.MustCompile(pattern)
			patterns[pattern] = compiled
		}
		return compiled.MatchString(have)
	}
	instant := func(have time.Time, want string, meaning TimeFilter) bool {
		limit, err := time.Parse(time.RFC3339, want)
		if err != nil {
			panic(err)
		}
		switch {
		case have.IsZero():
			return false
		case meaning == TimeBefore:
			return !have.After(limit)
		case meaning == TimeAfter:
			return !have.Before(limit)
		}
		return have.Equal(limit)
	}
	var verdicts []bool
	for _, name := range []string{"sessionId", "userId", "clientIp", "idStoreName", "isImpersonating", "expiryTime", "lastAccessTime", "updateTime"} {
		want, ok := fields[name]
		if !ok || slices.Contains(f.Ignore, name) {
			continue
		}
		switch name {
		case "sessionId":
			verdicts = append(verdicts, s.ID == want)
		case "userId":
			verdicts = append(verdicts, text(s.User, want))
		case "clientIp":
			verdicts = append(verdicts, text(s.ClientIP, want))
		case "idStoreName":
			verdicts = append(verdicts, text(s.Store, want))
		case "isImpersonating":
			if want == "false" && f.FalseIsUnset {
				continue
			}
			verdicts = append(verdicts, fmt.Sprint(s.Impersonating) == want)
		case "expiryTime":
			if f.ExpiryTime != TimeIgnored {
				verdicts = append(verdicts, instant(s.Expires, want, f.ExpiryTime))
			}
		case "lastAccessTime":
			if f.LastAccessTime != TimeIgnored {
				verdicts = append(verdicts, instant(s.LastAccess, want, f.LastAccessTime))
			}
		case "updateTime":
			if f.UpdateTime != TimeIgnored {
				verdicts = append(verdicts, instant(s.Updated, want, f.UpdateTime))
			}
		}
	}
	switch {
	case len(verdicts) == 0:
		return true
	case f.Combine == CombineFirst:
		return verdicts[0]
	case f.Combine == CombineLast:
		return verdicts[len(verdicts)-1]
	case f.Combine == CombineOr:
		return slices.Contains(verdicts, true)
	}
	return !slices.Contains(verdicts, false)
}

func TestEveryFilterOption(t *testing.T) {
	w := tricky()
	truth := w.Truth(session.OAM)
	some := truth[len(truth)/2]
	at := func(x time.Time) string { return x.Format("2006-01-02T15:04:05.000Z07:00") }
	queries := []map[string]string{
		{}, {"pageSize": "1", "fromIndex": "5"}, {"sessionId": some.ID}, {"sessionId": some.ID, "userId": "nobody"},
		{"userId": "ann"}, {"userId": "ANN"}, {"userId": "an"}, {"userId": "a*n"}, {"userId": "*"}, {"userId": "*n"}, {"userId": "*an*"},
		{"clientIp": "10.0.0.1"}, {"clientIp": "10.0.0"}, {"clientIp": "192.0.2.255"}, {"clientIp": some.ClientIP},
		{"idStoreName": "oud"}, {"idStoreName": "O"}, {"idStoreName": some.Store, "isImpersonating": "true"},
		{"isImpersonating": "true"}, {"isImpersonating": "false"}, {"clientIp": some.ClientIP, "isImpersonating": "false"},
		{"expiryTime": at(some.Expires)}, {"lastAccessTime": at(some.LastAccess)}, {"updateTime": at(some.Updated)},
		{"expiryTime": at(some.Expires), "lastAccessTime": at(w.Now().Add(-time.Minute * 15))},
		{"idStoreName": some.Store, "clientIp": some.ClientIP}, {"idStoreName": some.Store, "userId": some.User, "isImpersonating": "false"},
		{"userId": some.User, "clientIp": some.ClientIP, "idStoreName": some.Store, "updateTime": at(some.Updated)},
	}
	var filters []Filter
	for _, combine := range []Combine{CombineAnd, CombineFirst, CombineOr, CombineLast} {
		for _, match := range []Match{MatchExact, MatchPrefix, MatchContains} {
			for bits := range 8 {
				meaning := TimeFilter(len(filters)) % (TimeIgnored + 1)
				filters = append(filters, Filter{
					Combine: combine, Match: match, IgnoreCase: bits&1 != 0, Wildcard: bits&2 != 0, FalseIsUnset: bits&4 != 0,
					ExpiryTime: meaning, LastAccessTime: (meaning + 1) % 4, UpdateTime: (meaning + 2) % 4,
				})
			}
		}
	}
	filters = append(filters, Filter{Ignore: []string{"clientIp", "isImpersonating"}}, Filter{Ignore: []string{"sessionId"}, IgnoreCase: true})
	patterns := make(map[string]*regexp.Regexp)
	for n, f := range filters {
		for _, q := range queries {
			want := make(map[string]bool)
			for _, s := range truth {
				if reference(patterns, f, q, s) {
					want[s.ID] = true
				}
			}
			for _, mode := range []RowsMode{RowsDrawn, RowsFixed} {
				api := New(w, Options{Rows: mode, Filter: f, Seed: uint64(n)})
				matching := maps.Clone(want)
				got := ask(t, api, body(q))
				if got.TotalRecords != len(matching) || len(got.Sessions.SessionData) != min(28, len(matching)) {
					t.Fatalf("%+v %v: total %d with %d rows, want %d", f, q, got.TotalRecords, len(got.Sessions.SessionData), len(matching))
				}
				for _, r := range got.Sessions.SessionData {
					if !matching[r.SessionID] {
						t.Fatalf("%+v %v: a row does not match, or comes twice", f, q)
					}
					delete(matching, r.SessionID)
				}
			}
		}
	}
}

func TestDrawnAndFixedRows(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 200})
	rows := func(api *Handler, q string) []string {
		var out []string
		for _, r := range ask(t, api, q).Sessions.SessionData {
			out = append(out, r.SessionID)
		}
		return out
	}
	drawn := New(w, Options{})
	seen := make(map[string]bool)
	for range 100 {
		for _, id := range rows(drawn, "{}") {
			seen[id] = true
		}
	}
	if len(seen) != 200 {
		t.Errorf("100 draws showed %d of 200; want 200", len(seen))
	}
	fixed := New(w, Options{Rows: RowsFixed})
	first := rows(fixed, "{}")
	w.Add(session.OAM, func(s *world.Session) { s.ID = "zz" })
	if again := rows(fixed, "{}"); !slices.Equal(first, again) && len(first) == 28 && !slices.Contains(again, "zz") {
		t.Error("fixed rows changed")
	}
	if slices.IsSorted(first) {
		t.Error("fixed rows are sorted")
	}
	if store := rows(fixed, `{"idStoreName":"UserIdentityStore1"}`); slices.Equal(store, first) {
		t.Error("another filter has the same rows")
	}
	one, other := New(w, Options{Seed: 9}), New(w, Options{Seed: 9})
	for range 5 {
		if !slices.Equal(rows(one, "{}"), rows(other, "{}")) {
			t.Error("the same seed draws differently")
		}
	}
	drawn.Set(func(o *Options) { o.Window = 5 })
	if n := len(rows(drawn, "{}")); n != 5 {
		t.Errorf("%d rows; want 5", n)
	}
}

func TestTotalsAndNoMatch(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 150, Stores: 2})
	for _, c := range []struct {
		options     Options
		query       string
		status, sum int
	}{
		{Options{}, "", 200, 150},
		{Options{}, "{}", 200, 150},
		{Options{TotalCap: 100}, "{}", 200, 100},
		{Options{TotalIsRows: true}, "{}", 200, 28},
		{Options{}, `{"clientIp":"192.0.2.1"}`, 200, 0},
		{Options{NoMatch404: true}, `{"clientIp":"192.0.2.1"}`, 404, 0},
		{Options{NoMatch404: true}, "{}", 200, 150},
		{Options{Filter: Filter{ExpiryTime: TimeRejected}}, `{"expiryTime":"2026-01-01T00:00:00.000Z"}`, 400, 0},
		{Options{Filter: Filter{LastAccessTime: TimeRejected500}}, `{"lastAccessTime":"2026-01-01T00:00:00.000Z"}`, 500, 0},
		{Options{}, `[]`, 400, 0},
		{Options{}, `{"clientIp":{}}`, 400, 0},
		{Options{}, `{"isImpersonating":"perhaps"}`, 400, 0},
		{Options{}, `{"isImpersonating":true}`, 200, 3},
		{Options{}, `{"clientIp":null,"userId":""}`, 200, 150},
	} {
		rec := testkit.Post(New(w, c.options), PathSearch, c.query)
		var r searchResult
		json.Unmarshal(rec.Body.Bytes(), &r)
		if rec.Code != c.status || r.TotalRecords != c.sum {
			t.Errorf("%+v %s: %d, total %d; want %d, %d", c.options, c.query, rec.Code, r.TotalRecords, c.status, c.sum)
		}
	}
	stores := make(map[string]int)
	for _, s := range w.Truth(session.OAM) {
		stores[s.Store]++
	}
	api := New(w, Options{DefaultStoreOnly: "UserIdentityStore1"})
	if n := ask(t, api, "{}").TotalRecords; n != stores["UserIdentityStore1"] || n == 150 {
		t.Errorf("default store only: %d of %v; want %d, other than 150", n, stores, stores["UserIdentityStore1"])
	}
	if n := ask(t, api, `{"idStoreName":"OAMIDSTORE"}`).TotalRecords; n != stores["OAMIDSTORE"] {
		t.Errorf("asked by name: %d of %v; want %d", n, stores, stores["OAMIDSTORE"])
	}
}

func TestTimeForms(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 40})
	forms := map[TimeForm]string{
		FormOffset: "2030-05-31T13:56:19.000-07:00", FormZulu: "2030-05-31T13:56:19.000Z", FormCompact: "2030-05-31T13:56:19.000-0700",
		FormEpoch: "1906548979000", FormSeconds: "2030-05-31T13:56:19Z",
	}
	for known := range forms {
		for form, text := range forms {
			for bad, want := range map[BadTime][2]int{
				BadTimeRejected: {400, 0}, BadTimeRejected500: {500, 0}, BadTimeIgnored: {200, 40}, BadTimeNoMatch: {200, 0},
			} {
				api := New(w, Options{Filter: Filter{TimeForms: []TimeForm{known}, BadTime: bad}})
				if form == known {
					want = [2]int{200, 40}
				}
				rec := testkit.Post(api, PathSearch, body(map[string]string{"expiryTime": text}))
				var r searchResult
				json.Unmarshal(rec.Body.Bytes(), &r)
				if rec.Code != want[0] || r.TotalRecords != want[1] {
					t.Errorf("form %d where %d is known: %d, %d; want %d, %d", form, known, rec.Code, r.TotalRecords, want[0], want[1])
				}
			}
		}
	}
	if rec := testkit.Post(New(w, Options{}), PathSearch, `{"expiryTime":1906548979000}`); rec.Code != 200 {
		t.Errorf("a number: %d; want 200", rec.Code)
	}
	if rec := testkit.Post(New(w, Options{}), PathSearch, `{"expiryTime":"tomorrow"}`); rec.Code != 400 {
		t.Errorf("tomorrow: %d; want 400", rec.Code)
	}
}

func TestURLParameters(t *testing.T) {
	w := world.New(world.Config{})
	w.AddN(session.OAM, 3, world.Same("ann", "oud", "192.0.2.1"))
	w.AddN(session.OAM, 2, world.Same("ann", "ad", "192.0.2.1"))
	w.AddN(session.OAM, 4, world.Same("bob", "ad", "192.0.2.1"))
	for query, want := range map[string]int{"": 9, "?userId=ann": 5, "?userId=ann&idStore=ad": 2, "?idStore=ad": 9} {
		rec := testkit.Post(New(w, Options{}), PathSearch+query, "{}")
		var r searchResult
		if json.Unmarshal(rec.Body.Bytes(), &r); r.TotalRecords != want {
			t.Errorf("%s: %d, want %d", query, r.TotalRecords, want)
		}
	}
}

func TestOAMAccess(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 5})
	api := New(w, Options{Users: map[string]string{"monitor": "secret"}, Bearer: "token", Cookie: true, ResponseTime: true, Skew: time.Hour})
	for authorization, want := range map[string]int{
		"": 401, "Basic bW9uaXRvcjpzZWNyZXQ=": 200, "Basic bW9uaXRvcjp3cm9uZw==": 401, "Basic b3RoZXI6": 401, "Bearer token": 200, "Bearer other": 401,
	} {
		rec := testkit.Post(api, PathSearch, "{}", "Authorization", authorization)
		if rec.Code != want {
			t.Errorf("%s: %d; want %d", authorization, rec.Code, want)
		}
		if want == 401 && (!strings.Contains(rec.Body.String(), "<HTML>") || rec.Header().Get("WWW-Authenticate") == "") {
			t.Errorf("%v %s; want HTML and WWW-Authenticate", rec.Header(), rec.Body)
		}
		if rec.Header().Get("Date") != "Mon, 02 Mar 2026 10:00:00 GMT" {
			t.Errorf(`%v; want "Mon, 02 Mar 2026 10:00:00 GMT"`, rec.Header().Get("Date"))
		}
		if want == 200 && (rec.Header().Get("X-Response-Time") == "" || !strings.HasPrefix(rec.Header().Get("Set-Cookie"), "JSESSIONID=")) {
			t.Errorf("%v; want X-Response-Time and a JSESSIONID", rec.Header())
		}
	}
	api.Set(func(o *Options) { o.EmptyUnauthorized, o.NoDate = true, true })
	if rec := testkit.Post(api, PathSearch, "{}"); rec.Code != 401 || rec.Body.Len() > 0 || len(rec.Header()["Date"]) > 0 {
		t.Errorf(`%d %v %s; want 401, len 0, len ["Date"] 0`, rec.Code, rec.Header(), rec.Body)
	}
	if rec := testkit.Post(New(w, Options{}), PathSearch, "{}", "Content-Type", "application/x-www-form-urlencoded"); rec.Code != 415 {
		t.Errorf("form: %d; want 415", rec.Code)
	}
}

func TestDangerousRequestsAreCounted(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 5})
	api := New(w, Options{})
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodGet, http.MethodPut} {
		for _, path := range []string{PathSession, PathSession + "/abc"} {
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(`{"userId":"x"}`)))
			if rec.Code != 403 {
				t.Errorf("%s %s: %d; want 403", method, path, rec.Code)
			}
		}
	}
	testkit.Get(api, PathSearch)
	testkit.Get(api, "/elsewhere")
	if s := api.Stats(); s.Dangerous != 8 || s.OtherMethods != 1 || s.NotFound != 1 || s.Queries != 0 {
		t.Errorf("%+v; want Dangerous 8, OtherMethods 1, NotFound 1, Queries 0", s)
	}
	if w.Len(session.OAM) != 5 {
		t.Errorf("%d sessions, want 5", w.Len(session.OAM))
	}
}

func TestQueryLogAndHook(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 100})
	api := New(w, Options{})
	api.Set(func(o *Options) {
		o.OnQuery = func(n int, q Query) {
			if n == 2 {
				w.AddN(session.OAM, 7, nil)
				w.Step(time.Second)
			}
		}
	})
	ask(t, api, "{}")
	if n := ask(t, api, `{"isImpersonating":false,"pageSize":3}`).TotalRecords; n != 105 {
		t.Errorf("%d after the hook; want 105", n)
	}
	q := api.Queries()
	if len(q) != 2 || q[0].Total != 100 || q[0].Rows != 28 || q[1].Matches != 105 || q[1].Fields[FieldImpersonating] != "false" ||
		!slices.Equal(q[1].Unknown, []string{"pageSize"}) || q[1].At.Sub(q[0].At) != time.Second || len(api.Queries()) != 0 {
		t.Errorf(`%+v; want len 2, [0].Total 100, [0].Rows 28, [1].Matches 105, [1].Fields[FieldImpersonating] "false", [1].Unknown %v`, q, []string{"pageSize"})
	}
	// Two at once are seen to be two.
	meet := make(chan bool)
	api.Set(func(o *Options) {
		o.OnQuery = func(int, Query) {
			select {
			case meet <- true:
			case <-meet:
			}
		}
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { testkit.Post(api, PathSearch, "{}") })
	}
	wg.Wait()
	if s := api.Stats(); s.Concurrent != 2 || s.Queries != 4 {
		t.Errorf("%+v; want Concurrent 2, Queries 4", s)
	}
}

func BenchmarkOAM100k(b *testing.B) {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 100_000, Addresses: 2000, Users: 40_000, Stores: 5})
	truth := w.Truth(session.OAM)
	some := truth[0]
	idle := w.Now().Add(-15 * time.Minute).Format(time.RFC3339)
	for name, q := range map[string]map[string]string{
		"all": {}, "ip": {"clientIp": some.ClientIP}, "store": {"idStoreName": some.Store},
		"store and flag": {"idStoreName": some.Store, "isImpersonating": "false"},
		"idle":           {"lastAccessTime": idle}, "idle in store": {"idStoreName": some.Store, "lastAccessTime": idle},
	} {
		for mode, rows := range map[string]RowsMode{"drawn": RowsDrawn, "fixed": RowsFixed} {
			b.Run(name+"/"+mode, func(b *testing.B) {
				api := New(w, Options{Rows: rows})
				text := body(q)
				for b.Loop() {
					testkit.Post(api, PathSearch, text)
				}
			})
		}
	}
}
