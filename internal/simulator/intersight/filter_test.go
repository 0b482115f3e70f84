package intersight

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// filtered is what a filter lists, by role and user.
func filtered(t *testing.T, api *Handler, filter string) []string {
	t.Helper()
	l := list(t, api, "?$select=Role,UserIdOrEmail&$inlinecount=allpages&$orderby=UserIdOrEmail&$filter="+url.QueryEscape(filter))
	if *l.Count != len(l.Results) {
		t.Errorf("%s: a Count of %d, want %d", filter, *l.Count, len(l.Results))
	}
	var out []string
	for _, row := range l.Results {
		role, _ := row["Role"].(string)
		out = append(out, fmt.Sprintf("%v:%s", row["UserIdOrEmail"], role))
	}
	return out
}

func fewSessions() *world.World {
	w := world.New(world.Config{})
	for _, s := range []struct{ user, role string }{
		{"a", "Reader"}, {"b", "Writer"}, {"c", "O'Neill or (x)"}, {"d", ""}, {"e", "reader"}, {"f", "it''s, 'so'"},
	} {
		w.Add(session.Intersight, func(x *world.Session) { x.User, x.Role = s.user, s.role })
	}
	return w
}

func TestFilter(t *testing.T) {
	api := New(fewSessions(), Options{})
	a, b, c, d, e, f := "a:Reader", "b:Writer", "c:O'Neill or (x)", "d:", "e:reader", "f:it''s, 'so'"
	for _, x := range []struct {
		filter string
		want   []string
	}{
		{"Role eq 'Reader'", []string{a}},
		{"Role eq 'Read'", nil},
		{"Role ne 'Reader'", []string{b, c, d, e, f}},
		{"not(Role eq 'Reader')", []string{b, c, d, e, f}},
		{"not (Role eq 'Reader' or Role eq 'Writer')", []string{c, d, e, f}},
		{"Role in ('Reader', 'Writer')", []string{a, b}},
		{"Role in ('Reader','reader','none')", []string{a, e}},
		{"Role eq 'O''Neill or (x)'", []string{c}},
		{"Role eq 'it''''s, ''so'''", []string{f}},
		{"Role in ('it''''s, ''so''','O''Neill or (x)')", []string{c, f}},
		{"Role eq 'Reader' or Role eq 'Writer' and UserIdOrEmail eq 'a'", []string{a}},
		{"(Role eq 'Reader' or Role eq 'Writer') and UserIdOrEmail eq 'b'", []string{b}},
		{"Role in ('Reader','Writer') and not (UserIdOrEmail in ('a'))", []string{b}},
		{"((Role eq 'Reader'))", []string{a}},
		{"not (not (Role eq 'Reader'))", []string{a}},
		{"Status eq 'Active' and LoginType eq 'weblogin' and AccountMoid eq '59c84e4a16267c0001c23428' and ClientIpAddress eq '192.0.2.10' and Role eq 'Reader'", []string{a}},
		{"Status eq 'Ended'", nil},
	} {
		if got := filtered(t, api, x.filter); !slices.Equal(got, x.want) {
			t.Errorf("%s: got %q, want %q", x.filter, got, x.want)
		}
	}
	api.Set(func(o *Options) { o.FoldFilter = true })
	if got := filtered(t, api, "Role eq 'READER'"); !slices.Equal(got, []string{a, e}) {
		t.Errorf("a filter without regard to case: got %q, want %q", got, []string{a, e})
	}
	api.Set(func(o *Options) { o.IgnoreFilter = true })
	if got := filtered(t, api, "Role eq 'Reader'"); len(got) != 6 {
		t.Errorf("a filter that is ignored: got %q, want all six", got)
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	api := New(fewSessions(), Options{})
	for _, filter := range []string{
		"", "Role", "Role eq", "Role eq Reader", "Role eq 'Reader", "Role eq'Reader'", "Role eq 'a'b'", "Role EQ 'a'", "eq 'a'", "role eq 'a'",
		"Role eq 'a' and", "Role eq 'a'and Role eq 'b'", "Role eq 'a' Role eq 'b'", "and Role eq 'a'", "Role eq 'a' or or Role eq 'b'",
		"(Role eq 'a'", "Role eq 'a')", "()", "not Role eq 'a'", "not", "not ()", "Role in 'a'", "Role in ()", "Role in ('a',)", "Role in ('a' 'b')", "Role in('a')", "Role not in ('a')",
		"Role eq null", "Role eq 1", "Role eq (\"a\")", "Role eq \"a\"", "'a' eq Role", "Role gt 'a'", "contains(Role,'a')", "CreateTime gt now()",
		"FailedLogins eq '1'", "CreateTime eq '2026-03-02T09:00:00Z'", "User.Moid eq 'a'", "User/Moid eq 'a'", "SessionId eq 'a'", "Nothing eq 'a'",
		"Role eq 'a'; drop", "Role eq 'a'\n", strings.Repeat("(", 30) + "Role eq 'a'" + strings.Repeat(")", 30),
	} {
		if a := testkit.Get(api, PathSessions+"?$filter="+url.QueryEscape(filter)); a.Code != 400 {
			t.Errorf("%q: got %d %s, want 400", filter, a.Code, a.Body)
		}
	}
}

// A property that a build lacks can't be filtered by either.
func TestFilterOfAMissingProperty(t *testing.T) {
	api := New(fewSessions(), Options{Missing: []string{"LoginType"}})
	ask := func() (int, string) {
		a := testkit.Get(api, PathSessions+"?$select=Moid&$filter="+url.QueryEscape("LoginType eq 'weblogin'"))
		return a.Code, a.Body.String()
	}
	if code, body := ask(); code != 400 || !strings.Contains(body, "'LoginType'") {
		t.Errorf("naming: got %d %s, want a 400 with the name", code, body)
	}
	api.Set(func(o *Options) { o.Refusal = RefuseMute })
	if code, body := ask(); code != 400 || strings.Contains(body, "LoginType") {
		t.Errorf("mute: got %d %s, want a 400 without the name", code, body)
	}
	api.Set(func(o *Options) { o.Refusal = RefuseNot })
	if code, body := ask(); code != 200 || !strings.Contains(body, `"Results":null`) {
		t.Errorf("accepting: got %d %s, want 200 and no rows", code, body)
	}
}

// What a filter finds is what its rows tell.
func TestFilterFindsWhatIsTold(t *testing.T) {
	c := lively()
	c.Intersight.Gaps = 0.3
	w := world.New(c)
	api := New(w, Options{})
	found := 0
	for _, s := range w.Truth(session.Intersight) {
		for _, filter := range []string{"UserIdOrEmail eq '%s'", "not (UserIdOrEmail eq '%s')"} {
			for _, row := range list(t, api, "?$select=UserIdOrEmail&$top=1000&$filter="+url.QueryEscape(fmt.Sprintf(filter, s.User))).Results {
				if is := row["UserIdOrEmail"] == s.User; is == strings.HasPrefix(filter, "not") {
					t.Errorf(filter+": got %v", s.User, row)
				}
				found++
			}
		}
	}
	if found == 0 {
		t.Error("got no rows, want some")
	}
}

func FuzzFilterNeverPanics(f *testing.F) {
	f.Add("Role in ('a','b''') and not (Status eq 'x')")
	known := func(name string) bool { return name == "Role" || name == "Status" }
	f.Fuzz(func(t *testing.T, text string) {
		if e, refused := parseFilter(text, &Options{}, known, known); refused == nil {
			e(func(string) (string, bool) { return "x", true })
		}
	})
}
