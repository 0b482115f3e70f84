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

const (
	fullSelect    = "Moid,CreateTime,EndTime,Status,Role,UserIdOrEmail,User,ClientIpAddress,Expiration,IdleTimeExpiration,LastLoginTime,FailedLogins"
	minimalSelect = "Moid,CreateTime,ClientIpAddress,Expiration,IdleTimeExpiration,LastLoginClient,LastLoginTime"
)

func TestRefusedProperties(t *testing.T) {
	all := except(sessionProperties(), "Moid")
	for name, c := range map[string]struct {
		unknown []string
		text    func(bad []string) string
		want    []string // of $select, in order
	}{
		"named one by one, quoted": {[]string{"Role", "EndTime"},
			func(bad []string) string {
				return fmt.Sprintf(`{"code":"InvalidRequest","message":"Property '%s' does not exist for the User's Status."}`, bad[0])
			},
			[]string{fullSelect, strings.Replace(fullSelect, "EndTime,", "", 1), strings.Replace(strings.Replace(fullSelect, "EndTime,", "", 1), "Role,", "", 1)}},
		"in messageParams": {[]string{"Role"},
			func(bad []string) string {
				return `{"code":"InvalidRequest","message":"The query of the User is not valid.","messageParams":{"1":"iam.Session.Role","2":"iam.Session"}}`
			},
			[]string{fullSelect, strings.Replace(fullSelect, "Role,", "", 1)}},
		"in a list of messageParams": {[]string{"Role"},
			func(bad []string) string { return `{"message":"no","messageParams":["Role"]}` },
			[]string{fullSelect, strings.Replace(fullSelect, "Role,", "", 1)}},
		"unquoted and dotted": {[]string{"Status"},
			func(bad []string) string { return `{"message":"unknown property iam.Session.Status"}` },
			[]string{fullSelect, strings.Replace(fullSelect, "Status,", "", 1)}},
		"all at once": {[]string{"Status", "FailedLogins", "UserIdOrEmail"},
			func(bad []string) string { return `{"message":"unknown: \"` + strings.Join(bad, `\", \"`) + `\""}` },
			[]string{fullSelect, "Moid,CreateTime,EndTime,Role,User,ClientIpAddress,Expiration,IdleTimeExpiration,LastLoginTime"}},
		"plain text": {[]string{"Status"},
			func(bad []string) string { return "unknown property Status" },
			[]string{fullSelect, strings.Replace(fullSelect, "Status,", "", 1)}},
		"a longer word": {[]string{"Status"},
			func(bad []string) string { return `{"message":"bad StatusCode UserIdOrEmails"}` },
			[]string{fullSelect, minimalSelect}},
		"names none": {[]string{"Status"},
			func(bad []string) string { return `{"code":"InvalidRequest","message":"Bad query."}` },
			[]string{fullSelect, minimalSelect}},
		"empty answer": {[]string{"Status"}, func([]string) string { return "" }, []string{fullSelect, minimalSelect}},
		"names Moid":   {[]string{"Status"}, func([]string) string { return `{"message":"'Moid' first"}` }, []string{fullSelect, minimalSelect}},
		"names all":    {[]string{"Status"}, func([]string) string { return `{"message":"bad $select=` + fullSelect + `"}` }, []string{fullSelect, minimalSelect}},
		"echoes all, quotes one": {[]string{"Status"}, func([]string) string { return `{"message":"bad 'Status' in ` + fullSelect + `"}` },
			[]string{fullSelect, strings.Replace(fullSelect, "Status,", "", 1)}},
		"a name, then none": {[]string{"CreateTime", "Status"},
			func(bad []string) string {
				if bad[0] == "CreateTime" {
					return `{"message":"no CreateTime"}`
				}
				return `{"message":"no"}`
			},
			[]string{fullSelect, strings.Replace(fullSelect, "CreateTime,", "", 1), strings.Replace(minimalSelect, "CreateTime,", "", 1)}},
		"minimal refused by name": {[]string{"Status", "LastLoginClient"},
			func(bad []string) string {
				if bad[0] == "Status" {
					return `{"message":"no"}`
				}
				return `{"message":"no LastLoginClient"}`
			},
			[]string{fullSelect, minimalSelect, strings.Replace(minimalSelect, "LastLoginClient,", "", 1)}},
		"everything but Moid": {append([]string{"LastLoginClient"}, all...),
			func(bad []string) string { return `{"message":"no ` + bad[0] + `"}` }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(3)...)
			refuse := refusing(c.unknown, c.text)
			f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool { return refuse(w, r) }
			b := newBench(t, f.url)
			snap := b.snapshot(t)
			got := f.selects(sessionsPath)
			if c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			for _, s := range got {
				if !slices.Contains(strings.Split(s, ","), "Moid") || strings.Contains(s, "SessionId") {
					t.Errorf("asked for %s", s)
				}
			}
			if !snap.Complete || len(snap.Sessions) != 3 || snap.Sessions[0].Status != session.Active {
				t.Errorf("%+v", snap)
			}

			// What was learnt holds for an hour.
			accepted := got[len(got)-1]
			f.forget()
			b.clock.advance(tryFullAfter - time.Second)
			b.snapshot(t)
			if again := f.selects(sessionsPath); !slices.Equal(again, []string{accepted}) {
				t.Errorf("then asked %v, want %s", again, accepted)
			}
			f.forget()
			f.sessions = nil
			b.clock.advance(time.Second)
			b.snapshot(t)
			b.snapshot(t)
			if again := f.selects(sessionsPath); !slices.Equal(again, []string{fullSelect, fullSelect}) {
				t.Errorf("after an upgrade asked %v", again)
			}
			if n := strings.Count(b.logs.String(), "does not know some properties"); n != 1 {
				t.Errorf("said so %d times", n)
			}
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
	for _, part := range []string{"400", "InvalidRequest", "bad_query"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v: lacks %s", err, part)
		}
	}
	if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect, minimalSelect}) {
		t.Errorf("asked %v", got)
	}
	for _, code = range []int{404, 405, 422} {
		f.forget()
		b.failure(t, session.ReasonHTTP)
		if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect}) {
			t.Errorf("%d: asked %v", code, got)
		}
	}
	f.forget()
	f.sessions = nil
	b.snapshot(t)
	if got := f.selects(sessionsPath); !slices.Equal(got, []string{fullSelect}) {
		t.Errorf("then asked %v", got)
	}
}

func TestRefusedLimits(t *testing.T) {
	const one = `{"Count":1,"Results":[{"MaximumLimit":7}]}`
	const two = `{"Count":2,"Results":[{"MaximumLimit":7},{"MaximumLimit":8}]}`
	for name, c := range map[string]struct {
		unknown []string
		refusal string
		body    string
		want    []string
		limit   int // 0: not told
	}{
		"named":                       {[]string{"Account"}, `{"message":"no Account"}`, one, []string{"IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account,Permission", "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Permission"}, 7},
		"none named":                  {[]string{"Permission"}, `{"message":"no"}`, one, []string{"IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account,Permission", "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit"}, 7},
		"without Permission, several": {[]string{"Permission"}, `{"message":"no"}`, two, []string{"IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account,Permission", "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit"}, 0},
		"refused altogether":          {limitProperties(), `{"message":"no"}`, one, []string{"IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account,Permission", "IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit"}, 0},
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
			if got := f.selects(limitsPath); !slices.Equal(got, c.want) {
				t.Errorf("asked %v", got)
			}
			if got := snap.Limits.Sessions; (got == nil) != (c.limit == 0) || got != nil && *got != c.limit {
				t.Errorf("limit %v", got)
			}
		})
	}
}
