package intersight

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
)

// people is what the fake API says of users and providers. It may change while it
// is asked.
type people struct {
	mu      sync.Mutex
	users   []string // JSON objects
	idps    []string
	refs    []string
	pageCap int // most users a page, 0: $top
	code    map[string]int
	body    map[string]string
	hang    map[string]bool
	refuse  []string // properties that are refused in $select
}

// change changes what is said.
func (p *people) change(do func(*people)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do(p)
}

func (p *people) serve(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		code, body, hang, refuse := p.code[path], p.body[path], p.hang[path], p.refuse
		rows, list, top := p.users, "iam.User.List", 0
		switch path {
		case idpsPath:
			rows, list = p.idps, "iam.Idp.List"
		case refsPath:
			rows, list = p.refs, "iam.IdpReference.List"
		default:
			top = p.pageCap
		}
		p.mu.Unlock()
		switch {
		case hang:
			<-r.Context().Done()
		case code != 0:
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		case body != "":
			fmt.Fprint(w, body)
		case refusing(refuse, func([]string) string { return "" })(w, r):
		default:
			if top == 0 {
				top, _ = strconv.Atoi(r.URL.Query().Get("$top"))
			}
			skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
			skip = min(skip, len(rows))
			fmt.Fprintf(w, `{"ObjectType":%q,"Count":%d,"Results":[%s]}`, list, len(rows), strings.Join(rows[skip:min(skip+top, len(rows))], ","))
		}
	}
}

func newPeople(f *fakeAPI) *people {
	p := &people{code: map[string]int{}, body: map[string]string{}, hang: map[string]bool{}}
	f.others = map[string]http.HandlerFunc{}
	for _, path := range []string{usersPath, idpsPath, refsPath} {
		f.others[path] = p.serve(path)
	}
	return p
}

func withProviders(c *Config) { c.IdentityProviders = true }

func userMoid(i int) string { return fmt.Sprintf("5a58c41a3768393836%06x", i) }

// user is one of iam.User, with more fields.
func user(i int, fields string) string { return fmt.Sprintf(`{"Moid":%q%s}`, userMoid(i), fields) }

func ref(property, moid string) string {
	return fmt.Sprintf(`,%q:{"ClassId":"mo.MoRef","Moid":%q,"ObjectType":"iam.Idp","link":"https://www.intersight.com/api/v1/iam/Idps/%[2]s"}`, property, moid)
}

// store is a session's identity store; "?" where it is not known.
func storeOf(s session.Session) string {
	if s.StoreUnknown {
		return "?" + s.IdentityStore
	}
	return s.IdentityStore
}

func locked(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

// storesListed reports whether the family of identity stores can be published.
func storesListed(snap *session.Snapshot) bool {
	return snap.Resolved[session.DimensionIdentityStore].Listed
}

// Each way in which a user may say who their provider is.
func TestIdentityStores(t *testing.T) {
	idps := []string{`{"Moid":"okta","Name":"Okta","Type":"saml"}`, `{"Moid":"local","Name":"Intersight Appliance","Type":"local"}`,
		`{"Moid":"again","Name":"Okta"}`, `{"Moid":"unnamed","Name":"","Type":"oidc"}`, `{"Moid":"nameless"}`, `{"Name":"no Moid"}`, `5`}
	refs := []string{`{"Moid":"cisco","Name":"Cisco"}`}
	for name, c := range map[string]struct{ fields, want string }{
		"Idp":                      {ref("Idp", "okta"), "Okta"},
		"another of that name":     {ref("Idp", "again"), "Okta"},
		"local":                    {ref("Idp", "local"), "Intersight Appliance"},
		"Idpreference":             {ref("Idpreference", "cisco"), "Cisco"},
		"Idp before Idpreference":  {ref("Idpreference", "cisco") + ref("Idp", "okta"), "Okta"},
		"null, then Idpreference":  {`,"Idp":null` + ref("Idpreference", "cisco"), "Cisco"},
		"empty, then Idpreference": {ref("Idp", "") + ref("Idpreference", "cisco"), "Cisco"},
		"neither":                  {``, ""},
		"null":                     {`,"Idp":null,"Idpreference":null`, ""},
		"empty Moids":              {ref("Idp", "") + ref("Idpreference", ""), ""},
		"empty objects":            {`,"Idp":{},"Idpreference":{"Moid":null}`, ""},
		"not listed":               {ref("Idp", "gone"), "?"},
		"a reference as an Idp":    {ref("Idp", "cisco"), "?"},
		"an Idp as a reference":    {ref("Idpreference", "okta"), "?"},
		"not listed, but referred": {ref("Idp", "gone") + ref("Idpreference", "cisco"), "?"},
		"without a name":           {ref("Idp", "unnamed"), "?"},
		"without that property":    {ref("Idp", "nameless"), "?"},
		"inline":                   {`,"Idp":{"ObjectType":"iam.Idp","Moid":"gone","Name":"Inline","Users":[{"Name":"x"}]}`, "Inline"},
		"inline without a name":    {`,"Idp":{"ObjectType":"iam.Idp","Moid":"okta","Name":""}`, "Okta"},
		"inline without a Moid":    {`,"Idpreference":{"Name":"Inline"}`, "Inline"},
		"of a wrong type":          {`,"Idp":"okta"`, "?"},
		"keys in another case":     {`,"IDP":{"moid":"okta"}`, "Okta"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(2)...) // both of user 0
			p := newPeople(f)
			p.users, p.idps, p.refs = []string{user(0, c.fields)}, idps, refs
			snap := newBench(t, f.url, withProviders).snapshot(t)
			for _, s := range snap.Sessions {
				if got := storeOf(s); got != c.want || !storesListed(snap) {
					t.Errorf("got identity store %q, listed %t, want %q", got, storesListed(snap), c.want)
				}
			}
		})
	}
	t.Run("users who are not listed", func(t *testing.T) {
		byName := func(text string) string {
			return fmt.Sprintf(`{"Moid":"%s","UserIdOrEmail":%q}`, moid(9), text)
		}
		for _, last := range []string{row(4), byName("u@example.com"), byName(userMoid(0))} {
			f := newFakeAPI(t, row(0), row(2), last)
			p := newPeople(f)
			p.users, p.idps = []string{user(0, ref("Idp", "okta"))}, idps
			snap := newBench(t, f.url, withProviders).snapshot(t)
			var got []string
			for _, s := range snap.Sessions {
				got = append(got, storeOf(s))
			}
			if want := []string{"Okta", "?", "?"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// What is asked for, and how often.
func TestDirectoryRequests(t *testing.T) {
	f := newFakeAPI(t, row(0), row(2))
	p := newPeople(f)
	p.users, p.idps = []string{user(0, ref("Idp", "okta")), user(1, "")}, []string{`{"Moid":"okta","Name":"Okta"}`}
	b := newBench(t, f.url, withProviders)
	asked := func(want string) {
		t.Helper()
		b.snapshot(t)
		got := fmt.Sprintf("%d %d %d", len(f.requests(usersPath)), len(f.requests(idpsPath)), len(f.requests(refsPath)))
		if got != want {
			t.Errorf("%s after the start: got %s requests, want %s", b.clock.Now().Sub(noon), got, want)
		}
	}
	asked("1 1 1")
	const rest = "&$orderby=Moid&$inlinecount=allpages&$top=1000&$skip=0"
	for path, properties := range map[string]string{usersPath: "Moid,Idp,Idpreference,LockedUntil", idpsPath: "Moid,Name,Type", refsPath: "Moid,Name"} {
		if got, want := f.requests(path), path+"?$select="+properties+rest; got[0] != want {
			t.Errorf("got %s, want %s", got[0], want)
		}
	}
	asked("1 1 1")
	b.clock.Advance(5*time.Minute - time.Second)
	asked("1 1 1")
	b.clock.Advance(time.Second)
	asked("2 1 1")
	for range 9 {
		b.clock.Advance(time.Minute)
		b.snapshot(t)
	}
	asked("3 1 1")
	b.clock.Advance(time.Minute)
	asked("4 2 2")
	// A user who is not known: once a minute, from the next refresh on.
	f.shift(func([]string) []string { return []string{row(0), row(2), row(4)} })
	asked("4 2 2")
	b.clock.Advance(time.Minute - time.Second)
	asked("4 2 2")
	b.clock.Advance(time.Second)
	asked("5 2 2")
	b.clock.Advance(time.Minute)
	p.change(func(p *people) { p.users = append(p.users, user(2, "")) })
	asked("6 2 2")
	b.clock.Advance(5*time.Minute - time.Second)
	asked("6 2 2")
	// A session that refers to no user is no reason to ask.
	f.shift(func([]string) []string { return []string{`{"Moid":"1","UserIdOrEmail":"x"}`} })
	b.clock.Advance(time.Second)
	asked("7 2 2")
	b.clock.Advance(4 * time.Minute)
	asked("7 2 2")
	// A clock that was set back delays nothing.
	b.clock.Advance(-time.Hour)
	asked("8 3 3")
}

// Without a right to see users, or with an API that can't tell of them, sessions
// and limits are as ever, and the log says so once.
func TestDirectoryFails(t *testing.T) {
	hostile := `{"Results":[` + strings.Repeat("[", 20_000)
	for name, c := range map[string]struct {
		code int
		body string
	}{
		"401": {code: 401}, "403": {code: 403}, "400": {code: 400}, "404": {code: 404}, "405": {code: 405}, "429": {code: 429},
		"302": {code: 302}, "500": {code: 500}, "503": {code: 503},
		"HTML": {body: "<html>"}, "hostile": {body: hostile}, "another list": {body: list(1, true, rows(1))},
		"large":        {body: `{"Count":1,"Results":[{"Moid":"` + strings.Repeat("x", maxBesideBody) + `"}]}`},
		"counts only":  {body: `{"Count":5,"Results":[]}`},
		"nobody":       {body: `{"Count":0,"Results":null}`},
		"nothing":      {body: `{}`},
		"without Moid": {body: `{"Count":1,"Results":[{"LockedUntil":"2027-01-01T00:00:00Z"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(3)...)
			p := newPeople(f)
			p.users, p.idps = []string{user(0, ref("Idp", "okta"))}, []string{`{"Moid":"okta","Name":"Okta"}`}
			for _, path := range []string{usersPath, idpsPath, refsPath} {
				p.code[path], p.body[path] = c.code, c.body
			}
			b := newBench(t, f.url, withProviders)
			for range 10 {
				snap := b.snapshot(t)
				if !snap.Complete || snap.Limits.Sessions == nil || storesListed(snap) || snap.LockedUsers != nil {
					t.Fatalf("got complete %t, limits %s, identity stores %t, locked users %s; want them complete, with limits only",
						snap.Complete, show(snap.Limits), storesListed(snap), locked(snap.LockedUsers))
				}
				b.clock.Advance(time.Minute)
			}
			if n := strings.Count(b.logs.String(), "Users can't be read"); n != 1 {
				t.Errorf("logged %d times, want once:\n%s", n, b.logs)
			}
			if n := len(f.requests(usersPath)); n > 40 || (c.code == 401 || c.code == 403) && n != 2 {
				t.Errorf("got %d requests for users in ten minutes", n)
			}
			p.change(func(p *people) { clear(p.code); clear(p.body) })
			b.clock.Advance(15 * time.Minute)
			if snap := b.snapshot(t); !storesListed(snap) || snap.LockedUsers == nil || storeOf(snap.Sessions[0]) != "Okta" {
				t.Errorf("after that got identity stores %t, locked users %s, want both", storesListed(snap), locked(snap.LockedUsers))
			}
			if n := strings.Count(b.logs.String(), "Users can be read again"); n != 1 {
				t.Errorf("logged %d times, want once:\n%s", n, b.logs)
			}
		})
	}
}

// What hangs costs a moment at most, and only where it is asked.
func TestDirectoryHangs(t *testing.T) {
	f := newFakeAPI(t, rows(3)...)
	p := newPeople(f)
	for _, path := range []string{usersPath, idpsPath, refsPath} {
		p.hang[path] = true
	}
	b := newBench(t, f.url, withProviders)
	b.besideWait = minBesideWait
	begin := time.Now()
	snap := b.snapshot(t)
	if took := time.Since(begin); took > 20*time.Second || !snap.Complete || snap.Limits.Sessions == nil || storesListed(snap) {
		t.Errorf("took %s, complete %t, limits %s, identity stores %t; want limits and no stores", took, snap.Complete, show(snap.Limits), storesListed(snap))
	}
	b.besideWait = time.Hour // nothing is waited for
	b.snapshot(t)
	b.Close() // nor for that which is late
	b.clock.Advance(time.Hour)
	if snap, err := b.Snapshot(unhurried{t.Context(), time.Now().Add(time.Second)}, session.Want{}); err != nil || !snap.Complete {
		t.Errorf("near the deadline: %v, want a complete snapshot", err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(b.logs.String(), "Users can't be read") && time.Now().Before(end); {
		b.snapshot(t) // until the deadline of the one before is over
	}
	b.snapshot(t)
	if n := strings.Count(b.logs.String(), "Users can't be read"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, b.logs)
	}
	// Where the sessions fail, nothing waits.
	f.sessions = answers("<html>")
	b.clock.Advance(time.Hour)
	b.failure(t, session.ReasonDecode)
}

// Lists that take longer than the sessions cost them nothing: a later refresh has
// them, and asks for them no sooner.
func TestSlowDirectory(t *testing.T) {
	f := newFakeAPI(t, row(0))
	p := newPeople(f)
	p.users, p.idps = []string{user(0, ref("Idp", "okta"))}, []string{`{"Moid":"okta","Name":"Okta"}`}
	answer := make(chan struct{})
	serve := f.others[usersPath]
	f.others[usersPath] = func(w http.ResponseWriter, r *http.Request) {
		<-answer
		serve(w, r)
	}
	b := newBench(t, f.url, withProviders)
	b.besideWait = 0
	for range 2 {
		if snap := b.snapshot(t); !snap.Complete || storesListed(snap) || snap.LockedUsers != nil {
			t.Fatalf("got complete %t, identity stores %t, locked users %s; want them complete only", snap.Complete, storesListed(snap), locked(snap.LockedUsers))
		}
		b.clock.Advance(2 * time.Minute)
	}
	close(answer)
	snap := b.snapshot(t)
	for end := time.Now().Add(time.Minute); !storesListed(snap) && time.Now().Before(end); {
		snap = b.snapshot(t)
	}
	if !storesListed(snap) || storeOf(snap.Sessions[0]) != "Okta" || locked(snap.LockedUsers) != "0" {
		t.Errorf("got identity stores %t, locked users %s; want both", storesListed(snap), locked(snap.LockedUsers))
	}
	if n := len(f.requests(usersPath)); n != 1 || b.logs.String() != "" {
		t.Errorf("got %d requests for users, log %q; want one, and no log", n, b.logs)
	}
}

// A caller that leaves while users are awaited says nothing about them.
func TestCallerLeavesUsers(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	newPeople(f).hang[usersPath] = true
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx = session.WithTrace(ctx, &session.Trace{Decision: func(string) { cancel() }}) // when all is listed
	b := newBench(t, f.url, withProviders)
	if snap, err := b.Snapshot(ctx, session.Want{}); err != nil || !snap.Complete || strings.Contains(b.logs.String(), "Users") {
		t.Errorf("got %v, logs %q, want a complete snapshot and no word of users", err, b.logs)
	}
}

// Where one kind of provider can't be read, the others have names.
func TestSomeProvidersFail(t *testing.T) {
	for path, want := range map[string][]string{idpsPath: {"?", "Cisco", ""}, refsPath: {"Okta", "?", ""}} {
		f := newFakeAPI(t, row(0), row(2), row(4))
		p := newPeople(f)
		p.users = []string{user(0, ref("Idp", "okta")), user(1, ref("Idpreference", "cisco")), user(2, "")}
		p.idps, p.refs = []string{`{"Moid":"okta","Name":"Okta"}`}, []string{`{"Moid":"cisco","Name":"Cisco"}`}
		p.code[path] = http.StatusForbidden
		snap := newBench(t, f.url, withProviders).snapshot(t)
		var got []string
		for _, s := range snap.Sessions {
			got = append(got, storeOf(s))
		}
		if !slices.Equal(got, want) || !storesListed(snap) || snap.LockedUsers == nil {
			t.Errorf("without %s: got %q, listed %t, locked users %s; want %q and some", path, got, storesListed(snap), locked(snap.LockedUsers), want)
		}
	}
	for name, forbidden := range map[string][]string{"both": {idpsPath, refsPath}, "the only one with providers": {idpsPath}} {
		f := newFakeAPI(t, rows(2)...)
		p := newPeople(f)
		p.users = []string{user(0, ref("Idp", "okta")), user(1, "")}
		for _, path := range forbidden {
			p.code[path] = http.StatusForbidden
		}
		if snap := newBench(t, f.url, withProviders).snapshot(t); storesListed(snap) || locked(snap.LockedUsers) != "0" {
			t.Errorf("without %s: got identity stores %t, locked users %s; want none, 0", name, storesListed(snap), locked(snap.LockedUsers))
		}
	}
}

// Locks are judged by the API's clock, each time.
func TestLockedUsers(t *testing.T) {
	in := func(d time.Duration) string {
		return fmt.Sprintf(`,"LockedUntil":%q`, noon.Add(d).Format(time.RFC3339Nano))
	}
	for name, c := range map[string]struct {
		users []string
		want  string
	}{
		"one":         {[]string{user(0, in(time.Second)), user(1, in(0)), user(2, in(-time.Hour))}, "1"},
		"absent":      {[]string{user(0, "")}, "0"},
		"null, unset": {[]string{user(0, `,"LockedUntil":null`), user(1, `,"LockedUntil":"0001-01-01T00:00:00Z"`), user(2, `,"LockedUntil":""`)}, "0"},
		"no time":     {[]string{user(0, `,"LockedUntil":"soon"`), user(1, `,"LockedUntil":5`)}, "0"},
		"twice":       {[]string{user(0, in(time.Hour)), user(1, in(time.Hour))}, "2"},
	} {
		f := newFakeAPI(t, rows(1)...)
		newPeople(f).users = c.users
		if got := locked(newBench(t, f.url, withProviders).snapshot(t).LockedUsers); got != c.want {
			t.Errorf("%s: got %s locked users, want %s", name, got, c.want)
		}
	}
	// The list is remembered, a lock ends meanwhile.
	f := newFakeAPI(t, rows(1)...)
	newPeople(f).users = []string{user(0, in(time.Minute)), user(1, in(3*time.Minute))}
	b := newBench(t, f.url, withProviders)
	b.snapshot(t)
	later := noon
	f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Date", later.Format(http.TimeFormat))
		return false
	}
	for minutes, want := range []string{"2", "1", "1", "0"} {
		later = noon.Add(time.Duration(minutes) * time.Minute)
		if got := locked(b.snapshot(t).LockedUsers); got != want || len(f.requests(usersPath)) != 1 {
			t.Errorf("after %d minutes: got %s locked users by %d requests, want %s by 1", minutes, got, len(f.requests(usersPath)), want)
		}
	}
}

// A property that the API does not know costs what is made of it, and no more.
func TestRefusedUserProperties(t *testing.T) {
	for refused, want := range map[string]string{
		"LockedUntil":      "- Okta Cisco .",
		"Idp":              "1 ? Cisco ?",
		"Idpreference":     "1 Okta ? ?",
		"Idp,Idpreference": "1 absent",
		"Type":             "1 Okta Cisco .",
		"Moid":             "- absent", // then nothing is proven
	} {
		f := newFakeAPI(t, row(0), row(2), row(4))
		p := newPeople(f)
		p.users = []string{user(0, ref("Idp", "okta")+`,"LockedUntil":"2027-01-01T00:00:00Z"`), user(1, ref("Idpreference", "cisco")), user(2, "")}
		p.idps, p.refs = []string{`{"Moid":"okta","Name":"Okta"}`}, []string{`{"Moid":"cisco","Name":"Cisco"}`}
		p.refuse = strings.Split(refused, ",")
		if slices.Contains(p.refuse, "Idp") { // not asked for, it is not told
			p.users[0] = user(0, `,"LockedUntil":"2027-01-01T00:00:00Z"`)
		}
		if slices.Contains(p.refuse, "Idpreference") {
			p.users[1] = user(1, "")
		}
		snap := newBench(t, f.url, withProviders).snapshot(t)
		got := locked(snap.LockedUsers)
		if !storesListed(snap) {
			got += " absent"
		} else {
			for _, s := range snap.Sessions {
				got += " " + storeOf(s)
			}
			got = strings.TrimSuffix(got, " ") + strings.Repeat(" .", strings.Count(got[len(got)-1:], " "))
		}
		if got != want {
			t.Errorf("without %s: got %q, want %q", refused, got, want)
		}
	}
	// Sessions that can't say who their user is have no identity store to tell.
	f := newFakeAPI(t, rows(1)...)
	newPeople(f).users = []string{user(0, "")}
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return refusing([]string{"User"}, func([]string) string { return "" })(w, r)
	}
	if snap := newBench(t, f.url, withProviders).snapshot(t); storesListed(snap) || locked(snap.LockedUsers) != "0" {
		t.Errorf("without User: got identity stores %t, locked users %s; want none, 0", storesListed(snap), locked(snap.LockedUsers))
	}
}

// A list that can't be read anew is believed for a while.
func TestStaleUsers(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	p := newPeople(f)
	p.users = []string{user(0, ref("Idp", "okta")+`,"LockedUntil":"2027-01-01T00:00:00Z"`)}
	p.idps = []string{`{"Moid":"okta","Name":"Okta"}`}
	b := newBench(t, f.url, withProviders)
	look := func(want string) {
		t.Helper()
		snap := b.snapshot(t)
		got := locked(snap.LockedUsers) + " absent"
		if storesListed(snap) {
			got = locked(snap.LockedUsers) + " " + storeOf(snap.Sessions[0])
		}
		if got != want {
			t.Errorf("%s after the start: got %s, want %s", b.clock.Now().Sub(noon), got, want)
		}
	}
	look("1 Okta")
	p.change(func(p *people) { p.code[usersPath] = http.StatusNotFound })
	for range 14 {
		b.clock.Advance(time.Minute)
		look("1 Okta")
	}
	for range 120 {
		b.clock.Advance(time.Minute)
		look("- absent")
	}
	p.change(func(p *people) { clear(p.code) })
	b.clock.Advance(time.Minute)
	look("1 Okta")
	// The names of providers last longer, as they hardly change.
	p.change(func(p *people) { p.code[idpsPath], p.code[refsPath] = http.StatusNotFound, http.StatusNotFound })
	b.clock.Advance(providersEvery)
	look("1 Okta")
	b.clock.Advance(providersLast - providersEvery)
	look("1 absent")
	if n := strings.Count(b.logs.String(), "\n"); n != 4 {
		t.Errorf("logged %d lines, want 4:\n%s", n, b.logs)
	}
}

// Users may be more than one page has; a list that changes between its pages does
// not tell how many are locked.
func TestManyUsers(t *testing.T) {
	const many = 2500
	f := newFakeAPI(t, row(0), row(2*many-2))
	p := newPeople(f)
	for i := range many {
		p.users = append(p.users, user(i, ref("Idp", "okta")+`,"LockedUntil":"2027-01-01T00:00:00Z"`))
	}
	p.idps = []string{`{"Moid":"okta","Name":"Okta"}`}
	for pageCap, requests := range map[int]int{0: 3, 100: 25} {
		p.pageCap = pageCap
		f.forget()
		snap := newBench(t, f.url, withProviders).snapshot(t)
		if got := locked(snap.LockedUsers); got != strconv.Itoa(many) || storeOf(snap.Sessions[0]) != "Okta" || storeOf(snap.Sessions[1]) != "Okta" {
			t.Errorf("pages of %d: got %s locked users, identity stores %q and %q; want %d, Okta", pageCap, got, storeOf(snap.Sessions[0]), storeOf(snap.Sessions[1]), many)
		}
		if n := len(f.requests(usersPath)); n != requests {
			t.Errorf("pages of %d: got %d requests, want %d", pageCap, n, requests)
		}
	}
	p.pageCap = 0
	serve := f.others[usersPath]
	f.others[usersPath] = func(w http.ResponseWriter, r *http.Request) {
		serve(w, r)
		p.change(func(p *people) { p.users = p.users[1:] })
	}
	snap := newBench(t, f.url, withProviders).snapshot(t)
	if snap.LockedUsers != nil || !storesListed(snap) {
		t.Errorf("while users go: got %s locked users, identity stores %t; want none told, true", locked(snap.LockedUsers), storesListed(snap))
	}
}

// A list without end is read up to a bound.
func TestEndlessUsers(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	newPeople(f)
	f.others[usersPath] = func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Count":2147483647,"Results":[{"Moid":"u%s"}]}`, r.URL.Query().Get("$skip"))
	}
	if snap := newBench(t, f.url, withProviders).snapshot(t); snap.LockedUsers != nil || len(f.requests(usersPath)) != maxListPages {
		t.Errorf("got %s locked users by %d requests, want none told by %d", locked(snap.LockedUsers), len(f.requests(usersPath)), maxListPages)
	}
}

// Users that may not be seen cost the sessions no OAuth2 token.
func TestRefusedUsersKeepToken(t *testing.T) {
	for _, code := range []int{401, 403} {
		var tokens atomic.Int64
		issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":86400,"token_type":"Bearer"}`, tokens.Add(1))
		}))
		t.Cleanup(issuer.Close)
		f := newFakeAPI(t, rows(1)...)
		newPeople(f).code = map[string]int{usersPath: code, idpsPath: code, refsPath: code}
		b := newBench(t, f.url, withProviders, func(c *Config) {
			c.HTTP.OAuth2 = &promconfig.OAuth2{ClientID: "c", ClientSecretFile: writeFile(t, "secret", "s"), TokenURL: issuer.URL}
		})
		for range 20 {
			b.snapshot(t)
			b.clock.Advance(time.Minute)
		}
		if n := tokens.Load(); n != 1 {
			t.Errorf("%d: got %d tokens, want 1", code, n)
		}
	}
}

// Without identity_providers nobody is asked for.
func TestNoDirectory(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	newPeople(f)
	b := newBench(t, f.url)
	snap := b.snapshot(t)
	if n := len(f.requests(usersPath)) + len(f.requests(idpsPath)) + len(f.requests(refsPath)); n != 0 || storesListed(snap) || snap.LockedUsers != nil {
		t.Errorf("got %d requests, identity stores %t, locked users %s, want nothing", n, storesListed(snap), locked(snap.LockedUsers))
	}
	facts := session.FactIdentityStore | session.FactLocks
	if got := b.Facts() & facts; got != 0 {
		t.Errorf("got facts %b, want none of %b", got, facts)
	}
	if got := newBench(t, f.url, withProviders).Facts(); !got.Has(facts | session.FactLoginType | session.FactLastLogin) {
		t.Errorf("got facts %b, want %b among them", got, facts)
	}
}
