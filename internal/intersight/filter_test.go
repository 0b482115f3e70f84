package intersight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func conditions(of ...any) (f session.Filter) {
	for i := 0; i < len(of); i += 2 {
		f = append(f, session.Condition{Key: of[i].(string), Values: of[i+1].([]string)})
	}
	return f
}

func filtered(filter, exclude session.Filter) func(*Config) {
	return func(c *Config) { c.Filter, c.Exclude = filter, exclude }
}

func TestFilterExpression(t *testing.T) {
	one, two := []string{"a"}, []string{"it's", "b) or (Role eq 'c"}
	for want, o := range map[string]Options{
		"":                                       {},
		"Role eq 'a'":                            {Filter: conditions("role", one)},
		"Role in ('it''s','b) or (Role eq ''c')": {Filter: conditions("role", two)},
		"not (Role eq 'a')":                      {Exclude: conditions("role", one)},
		"UserIdOrEmail eq 'a' and ClientIpAddress eq 'a' and not (Status eq 'a') and not (AccountMoid in ('a','b'))": {
			Filter:  conditions("user_id_or_email", one, "client_ip_address", one),
			Exclude: conditions("status", one, "account_moid", []string{"a", "b"}),
		},
		"LoginType eq '' and not (LoginType eq '''')": {Filter: conditions("login_type", []string{""}), Exclude: conditions("login_type", []string{"'"})},
	} {
		f, err := newRowFilter(o)
		if got := f.odata(); err != nil || got != want {
			t.Errorf("got %s and error %v, want %s", got, err, want)
		}
	}
	for want, c := range map[string]func(*Config){
		`filter: "Role" is no key`:      filtered(conditions("Role", one), nil),
		`exclude: "session_id" is no`:   filtered(nil, conditions("session_id", one)),
		"filter: login_type has no val": filtered(conditions("login_type", []string{}), nil),
	} {
		cfg := Config{URL: "http://localhost"}
		c(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// parse reads an expression of OData as far as filters have it, strictly.
func parse(expression string) (terms []parsed, err error) {
	p := &expressionParser{rest: expression}
	for {
		var t parsed
		t.exclude = p.take("not (")
		name, _, _ := strings.Cut(p.rest, " ")
		t.property = name
		p.take(name)
		switch {
		case p.take(" eq "):
			t.values = []string{p.literal()}
		case p.take(" in ("):
			for t.values = []string{p.literal()}; p.take(","); {
				t.values = append(t.values, p.literal())
			}
			p.expect(")")
		default:
			return nil, errors.New("neither eq nor in")
		}
		if t.exclude {
			p.expect(")")
		}
		terms = append(terms, t)
		if p.err != nil || p.rest == "" {
			return terms, p.err
		}
		p.expect(" and ")
	}
}

type parsed struct {
	property string
	values   []string
	exclude  bool
}

type expressionParser struct {
	rest string
	err  error
}

func (p *expressionParser) take(token string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, token)
	return ok
}

func (p *expressionParser) expect(token string) {
	if !p.take(token) && p.err == nil {
		p.err = fmt.Errorf("no %q before %q", token, p.rest)
	}
}

func (p *expressionParser) literal() string {
	p.expect("'")
	text, rest, _ := strings.Cut(p.rest, "'")
	for strings.HasPrefix(rest, "'") {
		var more string
		more, rest, _ = strings.Cut(rest[1:], "'")
		text += "'" + more
	}
	p.rest = rest
	return text
}

// Whatever the values are, the API receives the same ones, in the same conditions.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"", "'", "''", "a' or Role eq 'b", "') or (Status eq 'Active", "a+b@example.com", "%27", "&$skip=5", "a;b", "#", "\x00\n", "ä\u2028", "\xff", " and ", "$filter="} {
		f.Add(s, "other'", true)
		f.Add("x", s, false)
	}
	f.Fuzz(func(t *testing.T, one, other string, exclude bool) {
		values := []string{one, other}
		o := Options{Filter: conditions("user_id_or_email", values[:1], "role", values)}
		if exclude {
			o.Exclude = conditions("account_moid", values, "status", values[1:])
		}
		filter, err := newRowFilter(o)
		if err != nil {
			t.Fatal(err)
		}
		wire := query{properties: []string{"Moid"}, filter: filter.odata()}.encode()
		if strings.ContainsFunc(wire, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`+'"<>#;`, r) }) {
			t.Errorf("sent %q, which others may encode anew", wire)
		}
		u, err := url.Parse("https://x/y?" + wire)
		if err != nil || u.RequestURI() != "/y?"+wire {
			t.Fatalf("sent %q, which is %v, %v", wire, u, err)
		}
		q, err := url.ParseQuery(wire)
		if err != nil || len(q) != 6 || len(q["$filter"]) != 1 || q.Get("$skip") != "0" || q.Get("$select") != "Moid" {
			t.Fatalf("sent %q, which is read as %v, %v", wire, q, err)
		}
		got, err := parse(q.Get("$filter"))
		want := []parsed{{"UserIdOrEmail", values[:1], false}, {"Role", values, false}}
		if exclude {
			want = append(want, parsed{"AccountMoid", values, true}, parsed{"Status", values[1:], true})
		}
		same := func(a, b parsed) bool {
			return a.property == b.property && a.exclude == b.exclude && slices.Equal(a.values, b.values)
		}
		if err != nil || !slices.EqualFunc(got, want, same) {
			t.Errorf("sent %q, which is read as %v, %v; want %v", wire, got, err, want)
		}
	})
}

// Every request for sessions is filtered, pages and proofs included, signed as it is
// sent; nothing else is.
func TestFilteredRequests(t *testing.T) {
	f := newFakeAPI(t, rows(1500)...)
	newPeople(f)
	var mu sync.Mutex
	var got []received
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		rec, err := receive(r)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		got = append(got, rec)
		mu.Unlock()
		const want = "&%24filter=Role%20in%20%28%27Account%20Administrator%27%2C%27it%27%27s%27%29%20and%20not%20%28ClientIpAddress%20eq%20%27192.0.2.1%27%29&"
		if !strings.Contains(r.RequestURI, want) {
			t.Errorf("asked %s, want %s in it", r.RequestURI, want)
		}
		return refusing([]string{"EndTime"}, func([]string) string { return "" })(w, r)
	}
	b := newBench(t, f.url, withProviders, withKey(writeFile(t, "key.pem", v3())),
		filtered(conditions("role", []string{"Account Administrator", "it's"}), conditions("client_ip_address", []string{"192.0.2.1"})))
	if snap := b.snapshot(t); len(snap.Sessions) != 1500 || !snap.Complete {
		t.Errorf("got %d sessions, complete %t, want 1500, true", len(snap.Sessions), snap.Complete)
	}
	if len(got) < 10 {
		t.Errorf("got %d requests, want some that prove EndTime unknown", len(got))
	}
	for _, r := range got {
		verify(t, r, ecKey().Public())
	}
	for _, a := range f.asked {
		if !strings.HasPrefix(a, sessionsPath) && strings.Contains(a, "filter") {
			t.Errorf("asked %s, want no filter", a)
		}
	}
	if got, want := b.Info().Filtered, []string{"role", "not client_ip_address"}; !slices.Equal(got, want) {
		t.Errorf("got filtered by %q, want %q", got, want)
	}
	if got := newBench(t, f.url).Info().Filtered; got != nil {
		t.Errorf("without a filter got %q, want nil", got)
	}
}

// What is asked for depends on what has to be checked, or told.
func TestSelectedProperties(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(*Config)
		identities bool
		want       string
	}{
		"nothing more":        {func(*Config) {}, false, fullSelect},
		"filtered by role":    {filtered(conditions("role", []string{"Account Administrator"}), nil), false, fullSelect},
		"filtered by account": {filtered(nil, conditions("account_moid", []string{"x"})), false, fullSelect + ",AccountMoid"},
		"identities":          {func(*Config) {}, true, fullSelect + ",LastLoginClient"},
		"both":                {filtered(nil, conditions("account_moid", []string{"x"})), true, fullSelect + ",AccountMoid,LastLoginClient"},
	} {
		f := newFakeAPI(t, rows(1)...)
		b := newBench(t, f.url, c.change)
		if _, err := b.Snapshot(t.Context(), session.Want{Identities: c.identities}); err != nil {
			t.Fatal(err)
		}
		for _, got := range f.selects(sessionsPath) {
			if got != c.want {
				t.Errorf("%s: got $select %s, want %s", name, got, c.want)
			}
		}
	}
}

// A row that the filter should have kept back says that the API does not filter.
func TestRowsThatDoNotFit(t *testing.T) {
	role := func(values ...string) func(*Config) { return filtered(conditions("role", values), nil) }
	not := func(values ...string) func(*Config) { return filtered(nil, conditions("role", values)) }
	for name, c := range map[string]struct {
		change func(*Config)
		fields string // of the second row
		fits   bool
	}{
		"fits":                            {role("a"), `"Role":"a"`, true},
		"fits one":                        {role("a", "b"), `"Role":"b"`, true},
		"another":                         {role("a", "b"), `"Role":"c"`, false},
		"part of it":                      {role("ab"), `"Role":"a"`, false},
		"more than it":                    {role("a"), `"Role":"ab"`, false},
		"in another case":                 {role("Alice"), `"Role":"aLICE"`, true},
		"absent":                          {role("a"), `"X":1`, false},
		"null":                            {role("a"), `"Role":null`, false},
		"of a wrong type":                 {role("a"), `"Role":{}`, false},
		"empty, wanted":                   {role(""), `"Role":""`, true},
		"absent, wanted":                  {role("", "a"), `"X":1`, true},
		"long":                            {role(strings.Repeat("a", 2000)), `"Role":"` + strings.Repeat("a", 1999) + `b"`, false},
		"escaped":                         {role("a'b"), `"Role":"\u0061'b"`, true},
		"excluded":                        {not("a"), `"Role":"a"`, false},
		"one excluded":                    {not("b", "a"), `"Role":"a"`, false},
		"another than what is excluded":   {not("a"), `"Role":"b"`, true},
		"absent, not excluded":            {not("a"), `"X":1`, true},
		"null, not excluded":              {not("a"), `"Role":null`, true},
		"excluded in another case":        {not("Alice"), `"Role":"alice"`, true},
		"absent, and that is excluded":    {not(""), `"X":1`, false},
		"two conditions":                  {filtered(conditions("role", []string{"a"}, "status", []string{"Active"}), nil), `"Role":"a","Status":"Active"`, true},
		"one of two conditions":           {filtered(conditions("role", []string{"a"}, "status", []string{"Active"}), nil), `"Role":"a","Status":"Ended"`, false},
		"no Status":                       {filtered(conditions("status", []string{"Active"}), nil), `"Role":"a"`, false},
		"wanted and excluded":             {filtered(conditions("role", []string{"a", "b"}), conditions("role", []string{"b"})), `"Role":"b"`, false},
		"account":                         {filtered(conditions("account_moid", []string{"a"}), nil), `"AccountMoid":"a"`, true},
		"another account":                 {filtered(conditions("account_moid", []string{"a"}), nil), `"AccountMoid":"b"`, false},
		"address":                         {filtered(conditions("client_ip_address", []string{"192.0.2.1"}), nil), `"ClientIpAddress":"192.0.2.1"`, true},
		"user":                            {filtered(conditions("user_id_or_email", []string{"u@example.com"}), nil), `"UserIdOrEmail":"U@Example.com","User":{"Moid":"x"}`, true},
		"login type":                      {filtered(nil, conditions("login_type", []string{"tokenexchange"})), `"LoginType":"tokenexchange"`, false},
		"login type of an older build":    {filtered(nil, conditions("login_type", []string{"tokenexchange"})), `"X":1`, true},
		"the last of two of the same key": {role("a"), `"Role":"b","Role":"a"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, `{"Moid":"1",`+c.fields+`}`)
			b := newBench(t, f.url, c.change)
			if c.fits {
				if snap := b.snapshot(t); len(snap.Sessions) != 1 || !snap.Complete {
					t.Errorf("got %d sessions, want 1", len(snap.Sessions))
				}
				return
			}
			if err := b.failure(t, session.ReasonUntrusted); !strings.Contains(err.Error(), "filtered by") {
				t.Errorf("got error %v, want it to say that this is about the filter", err)
			}
		})
	}
}

// A build that lacks what is filtered by refuses the request: the error names the key.
func TestFilterRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"named":    {`{"message":"Property 'LoginType' does not exist in the type."}`, ": login_type"},
		"not said": {`{"message":"The query is invalid."}`, ": role, login_type"},
		"another":  {`{"message":"Property 'EndTime' is odd."}`, ": role, login_type"},
	} {
		f := newFakeAPI(t, rows(1)...)
		f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, c.body)
			return true
		}
		b := newBench(t, f.url, filtered(conditions("role", []string{"canary"}), conditions("login_type", []string{"canary"})))
		err := b.failure(t, session.ReasonHTTP)
		if !strings.HasSuffix(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got error %v, want %q at its end, and no value", name, err, c.want)
		}
	}
	// What can't be asked for can't be checked.
	f := newFakeAPI(t, rows(1)...)
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return refusing([]string{"LoginType"}, func([]string) string { return "" })(w, r)
	}
	b := newBench(t, f.url, filtered(nil, conditions("login_type", []string{"canary"})))
	if err := b.failure(t, session.ReasonHTTP); !strings.HasSuffix(err.Error(), ": login_type") {
		t.Errorf("got error %v, want it to name login_type", err)
	}
	// Another property's refusal is that one's.
	f = newFakeAPI(t, rows(1)...)
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return refusing([]string{"EndTime"}, func([]string) string { return "" })(w, r)
	}
	newBench(t, f.url, filtered(nil, conditions("login_type", []string{"canary"}))).snapshot(t)
}

// The values of a filter are in requests only.
func TestFilterValuesStayPrivate(t *testing.T) {
	const hex = "0123456789abcdef01234567" // a Moid
	canaries := []string{"canary-user@example.com", "canary role", hex, "198.51.100.77"}
	change := filtered(
		conditions("user_id_or_email", canaries[:1], "role", canaries[1:2]), conditions("account_moid", canaries[2:3], "client_ip_address", canaries[3:]))
	echo := func(w http.ResponseWriter, r *http.Request, code int) {
		text, _ := url.QueryUnescape(r.RequestURI)
		w.Header().Set("X-Starship-Traceid", hex)
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"code":%q,"messageId":%[1]q,"traceId":%q,"message":%[1]q,"messageParams":[%[1]q]}`, text, hex+hex[:8])
	}
	for name, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"200":       func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, list(0, true, nil)) },
		"untrusted": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, list(1, true, rows(1))) },
		"HTML":      func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>"+r.RequestURI) },
		"400":       func(w http.ResponseWriter, r *http.Request) { echo(w, r, 400) },
		"403":       func(w http.ResponseWriter, r *http.Request) { echo(w, r, 403) },
		"500":       func(w http.ResponseWriter, r *http.Request) { echo(w, r, 500) },
		"302": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.RequestURI)
			w.WriteHeader(302)
		},
		"hangs":    func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"hangs up": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", noon.Format(http.TimeFormat))
				serve(w, r)
			}))
			defer srv.Close()
			b := newBench(t, srv.URL, change)
			var mu sync.Mutex
			var shown []string
			show := func(a ...any) {
				mu.Lock()
				defer mu.Unlock()
				shown = append(shown, fmt.Sprint(a...))
			}
			ctx, cancel := context.WithTimeout(session.WithTrace(context.Background(), &session.Trace{
				Request: func(r session.Request) { show(r.What, r.Err) }, Decision: func(d string) { show(d) },
			}), time.Second)
			defer cancel()
			_, err := b.Snapshot(ctx, session.Want{})
			show(err, b.Info(), b.logs)
			text := strings.ToLower(strings.Join(shown, "\n"))
			for _, c := range append([]string{"canary"}, canaries...) {
				if strings.Contains(text, c) {
					t.Errorf("got %q in\n%s", c, text)
				}
			}
			if !strings.Contains(text, "filtered by user_id_or_email, role, not account_moid, not client_ip_address") {
				t.Errorf("got no word of the filter in\n%s", text)
			}
		})
	}
}
