package intersight

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// refusing is an API that refuses unknown properties in $select, as text says.
func refusing(unknown []string, text func(bad []string) string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		var bad []string
		for _, p := range strings.Split(r.URL.Query().Get("$select"), ",") {
			if slices.Contains(unknown, p) {
				bad = append(bad, p)
			}
		}
		if bad == nil {
			return false
		}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, text(bad))
		return true
	}
}

const fullSelect = "Moid,CreateTime,EndTime,Status,Role,UserIdOrEmail,User,ClientIpAddress,Expiration,IdleTimeExpiration,LastLoginTime,FailedLogins,LoginType"

// lacking is fullSelect without some properties.
func lacking(properties ...string) string {
	return strings.Join(except(sessionProperties(), properties...), ",")
}

// What a 400 names is left out at once.
func TestNamedProperties(t *testing.T) {
	for name, c := range map[string]struct {
		unknown []string
		text    func(bad []string) string
		want    []string // of $select, in order
	}{
		"one by one, quoted": {[]string{"Role", "EndTime"},
			func(bad []string) string {
				return fmt.Sprintf(`{"code":"InvalidRequest","message":"Property '%s' does not exist for the User's Status."}`, bad[0])
			},
			[]string{fullSelect, lacking("EndTime"), lacking("EndTime", "Role")}},
		"in messageParams": {[]string{"Role"},
			func(bad []string) string {
				return `{"code":"InvalidRequest","message":"The query of the User is not valid.","messageParams":{"1":"iam.Session.Role","2":"iam.Session"}}`
			},
			[]string{fullSelect, lacking("Role")}},
		"in a list of messageParams": {[]string{"Role"},
			func(bad []string) string { return `{"message":"no","messageParams":["Role"]}` },
			[]string{fullSelect, lacking("Role")}},
		"keys in another case": {[]string{"Role"},
			func(bad []string) string { return `{"Message":"no","MessageParams":["Role"]}` },
			[]string{fullSelect, lacking("Role")}},
		"dotted": {[]string{"Status"},
			func(bad []string) string { return `{"message":"unknown property \"iam.Session.Status\""}` },
			[]string{fullSelect, lacking("Status")}},
		"all at once": {[]string{"Status", "FailedLogins", "UserIdOrEmail"},
			func(bad []string) string { return `{"message":"unknown: \"` + strings.Join(bad, `\", \"`) + `\""}` },
			[]string{fullSelect, lacking("Status", "FailedLogins", "UserIdOrEmail")}},
		"echoes all, quotes one": {[]string{"Status"}, func([]string) string { return `{"message":"bad 'Status' in ` + fullSelect + `"}` },
			[]string{fullSelect, lacking("Status")}},
		"everything but Moid": {except(sessionProperties(), "Moid"),
			func(bad []string) string { return `{"message":"no '` + bad[0] + `'"}` }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(3)...)
			f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool { return refusing(c.unknown, c.text)(w, r) }
			b := newBench(t, f.url)
			b.snapshot(t)
			got := onlyFirst(f.selects(sessionsPath))
			if c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			holdsForAnHour(t, f, b, got[len(got)-1])
		})
	}
}

// onlyFirst leaves out the request for what follows the last row.
func onlyFirst(selects []string) []string { return selects[:len(selects)-1] }

// holdsForAnHour checks that what was learnt does.
func holdsForAnHour(t *testing.T, f *fakeAPI, b *bench, known string) {
	t.Helper()
	snap := b.snapshot(t)
	if !snap.Complete || len(snap.Sessions) != 3 || snap.Sessions[0].Status != session.Active {
		t.Errorf("%+v; want len Sessions 3, Sessions[0].Status %v", snap, session.Active)
	}
	f.forget()
	b.clock.Advance(tryFullAfter - time.Second)
	b.snapshot(t)
	if again := f.selects(sessionsPath); !slices.Equal(again, []string{known, known}) {
		t.Errorf("then asked %v, want %s", again, known)
	}
	if n := strings.Count(b.logs.String(), "rejects some properties"); n != 1 {
		t.Errorf("said so %d times; want 1", n)
	}
	f.forget()
	f.sessions = nil
	b.clock.Advance(time.Second)
	b.snapshot(t)
	b.snapshot(t)
	if again := f.selects(sessionsPath); len(again) != 4 || slices.ContainsFunc(again, func(s string) bool { return s != fullSelect }) {
		t.Errorf("after an upgrade asked %v; want len 4", again)
	}
	if n := strings.Count(b.logs.String(), "accepts all properties again"); n != 1 {
		t.Errorf("said so %d times; want 1", n)
	}
}

// A 400 that names no property, or names it in a way that proves nothing, is looked
// into: what is refused by itself is left out.
func TestProvenProperties(t *testing.T) {
	all := except(sessionProperties(), "Moid")
	for name, c := range map[string]struct {
		unknown []string
		text    string
	}{
		"names none":               {[]string{"Status"}, `{"code":"InvalidRequest","message":"Bad query."}`},
		"empty answer":             {[]string{"Role"}, ``},
		"several":                  {[]string{"EndTime", "Role", "Status", "UserIdOrEmail", "FailedLogins"}, `{"message":"no"}`},
		"everything but Moid":      {all, `{"message":"no"}`},
		"another one in the text":  {[]string{"Status"}, `{"message":"The User has no Role."}`},
		"a longer word in quotes":  {[]string{"Status"}, `{"message":"bad 'StatusCode' 'UserIdOrEmails'"}`},
		"Moid":                     {[]string{"Status"}, `{"message":"'Moid' first"}`},
		"the complete list":        {[]string{"Status"}, `{"message":"bad","messageParams":["` + strings.Join(sessionProperties(), `","`) + `"]}`},
		"the list in one text":     {[]string{"Status"}, `{"message":"bad","messageParams":["` + fullSelect + `"]}`},
		"the list cut off":         {[]string{"FailedLogins"}, `{"message":"/api/v1/iam/Sessions?$select=Moid,CreateTime,EndTime,Sta"}`},
		"the list cut off, quoted": {[]string{"FailedLogins"}, `{"message":"Bad request: '$select=Moid,CreateTime,EndTime,Status'"}`},
		"a page of Tomcat's":       {[]string{"FailedLogins"}, "<html><body><h1>HTTP Status 400 – Bad Request</h1><p><b>Type</b> Status Report</p></body></html>"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(3)...)
			f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				return refusing(c.unknown, func([]string) string { return c.text })(w, r)
			}
			b := newBench(t, f.url)
			b.snapshot(t)
			got := f.selects(sessionsPath)
			if last := got[len(got)-1]; last != lacking(c.unknown...) {
				t.Errorf("in the end asked for %s, want %s", last, lacking(c.unknown...))
			}
			if most := 3*len(sessionProperties()) + 9; len(got) > most {
				t.Errorf("%d requests, want at most %d", len(got), most)
			}
			for _, s := range got {
				if strings.Contains(s, "SessionId") {
					t.Errorf("asked for %s", s)
				}
			}
			holdsForAnHour(t, f, b, lacking(c.unknown...))
		})
	}
}

// A 400 about something else is an error, and teaches nothing.
func TestRefusalsAboutSomethingElse(t *testing.T) {
	f := newFakeAPI(t, rows(3)...)
	code := http.StatusBadRequest
	f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		fmt.Fprint(w, `{"code":"InvalidRequest","messageId":"bad_query","message":"no"}`)
		return true
	}
	b := newBench(t, f.url)
	err := b.failure(t, session.ReasonHTTP)
	for _, part := range []string{"400", "InvalidRequest"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v: lacks %s", err, part)
		}
	}
	if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect, "Moid"}) {
		t.Errorf("asked %v; want %v", got, []string{fullSelect, "Moid"})
	}
	for _, code = range []int{404, 405, 422} {
		f.forget()
		b.failure(t, session.ReasonHTTP)
		if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect}) {
			t.Errorf("%d: asked %v; want %v", code, got, []string{fullSelect})
		}
	}
	f.forget()
	f.sessions = nil
	b.snapshot(t)
	if got := onlyFirst(f.selects(sessionsPath)); !slices.Equal(got, []string{fullSelect}) {
		t.Errorf("then asked %v; want %v", got, []string{fullSelect})
	}
}

func TestRefusedLimits(t *testing.T) {
	const one = `{"Count":1,"Results":[{"MaximumLimit":7}]}`
	const two = `{"Count":2,"Results":[{"MaximumLimit":7},{"MaximumLimit":8}]}`
	for name, c := range map[string]struct {
		unknown []string
		refusal string
		body    string
		last    string // $select in the end
		limit   int    // 0: none
	}{
		"named":                       {[]string{"Account"}, `{"message":"no 'Account'"}`, one, "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Permission", 7},
		"none named":                  {[]string{"Permission"}, `{"message":"no"}`, one, "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account", 7},
		"without Permission, several": {[]string{"Permission"}, `{"message":"no"}`, two, "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account", 0},
		"two":                         {[]string{"Account", "Permission"}, `{"message":"no"}`, one, "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit", 7},
		"refused altogether":          {append(limitProperties(), "Moid"), `{"message":"no"}`, one, "Moid", 0},
		"each refused":                {limitProperties(), `{"message":"no"}`, one, strings.Join(limitProperties(), ","), 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(1)...)
			refuse := refusing(c.unknown, func([]string) string { return c.refusal })
			f.limits = func(w http.ResponseWriter, r *http.Request) {
				if !refuse(w, r) {
					fmt.Fprint(w, c.body)
				}
			}
			snap := newBench(t, f.url).snapshot(t)
			got := f.selects(limitsPath)
			if got[len(got)-1] != c.last {
				t.Errorf("asked %v; want [len(got)-1] %v", got, c.last)
			}
			if got := snap.Limits.Sessions; (got == nil) != (c.limit == 0) || got != nil && *got != c.limit {
				t.Errorf("limit %v; want none: %v", got, c.limit == 0)
			}
		})
	}
}
