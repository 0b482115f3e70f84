package intersight

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// listed reads a list at a path.
func listed(t *testing.T, api *Handler, path string) sessionList {
	t.Helper()
	var l sessionList
	a := testkit.Get(api, path)
	if err := json.Unmarshal(a.Body.Bytes(), &l); err != nil || a.Code != 200 {
		t.Fatalf("%s: got %d, %v: %s; want 200", path, a.Code, err, a.Body)
	}
	return l
}

const userQuery = "?$select=Moid,Idp,Idpreference,LockedUntil&$orderby=Moid&$inlinecount=allpages"

// wayOf is how a relation looks.
func wayOf(row map[string]any, property string) string {
	v, there := row[property]
	ref, _ := v.(map[string]any)
	switch {
	case !there:
		return "absent"
	case v == nil:
		return "null"
	case ref["ClassId"] != "mo.MoRef":
		return "inline"
	case ref["Moid"] == "":
		return "empty"
	}
	return "reference"
}

func TestUsersAndTheirProviders(t *testing.T) {
	w := world.New(lively())
	w.AddUsers(150, nil)
	api := New(w, Options{Inline: true})
	ways := map[string]map[string]int{"Idp": {}, "Idpreference": {}}
	got := map[string]string{}
	for skip := 0; skip < 230; skip += 100 {
		l := listed(t, api, PathUsers+userQuery+fmt.Sprintf("&$skip=%d", skip))
		if l.ObjectType != "iam.User.List" || *l.Count != len(w.Users()) {
			t.Errorf(`got %s, %d; want "iam.User.List", %d`, l.ObjectType, *l.Count, len(w.Users()))
		}
		for _, row := range l.Results {
			provider := ""
			for property, counts := range ways {
				counts[wayOf(row, property)]++
				if ref, _ := row[property].(map[string]any); ref != nil && ref["Moid"] != "" {
					provider = ref["Moid"].(string)
				}
			}
			got[row["Moid"].(string)] = provider
		}
	}
	want := map[string]string{}
	for _, u := range w.Users() {
		want[u.Moid] = u.Provider
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for property, counts := range ways {
		for _, way := range []string{"absent", "null", "empty", "inline", "reference"} {
			if counts[way] == 0 {
				t.Errorf("%s: got %v, want some that are %s", property, counts, way)
			}
		}
	}
	if n := api.Stats().Personal; n != 0 {
		t.Errorf("got %d lists with names, want 0", n)
	}
	if row := listed(t, api, PathUsers+"?$top=1").Results[0]; !strings.HasPrefix(row["Email"].(string), PersonMark) || api.Stats().Personal != 1 {
		t.Errorf("without $select: got %v and %d lists with names, want an Email and 1", row, api.Stats().Personal)
	}
}

func TestProviders(t *testing.T) {
	w := world.New(lively())
	w.SetProviders(append(world.DefaultProviders(), world.Provider{Moid: "1", Type: "oidc"}, world.Provider{Moid: "2", Name: "Okta"}, world.Provider{Moid: "3", Name: "Gone", Hidden: true}))
	api := New(w, Options{})
	for path, want := range map[string][]string{
		PathIdps:          {"1:<nil>:oidc", "2:Okta:<nil>", "59c84e4a16267c0001000001:Okta:saml", "59c84e4a16267c0001000003:Local:local"},
		PathIdpReferences: {"59c84e4a16267c0001000002:Cisco:<nil>"},
	} {
		properties := "Moid,Name,Type"
		if path == PathIdpReferences {
			properties = "Moid,Name"
		}
		var got []string
		for _, row := range listed(t, api, path+"?$orderby=Moid&$select="+properties).Results {
			name := row["Name"]
			if name == "" {
				name = nil
			}
			got = append(got, fmt.Sprintf("%v:%v:%v", row["Moid"], name, row["Type"]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if got := listed(t, api, PathIdps+"?$filter="+url.QueryEscape("Name in ('Okta') and Type eq 'saml'")).Results; len(got) != 1 {
		t.Errorf("filtered: got %v, want one", got)
	}
	if code := testkit.Get(api, PathIdpReferences+"?$select=Type").Code; code != 400 {
		t.Errorf("a Type of references: got %d, want 400", code)
	}
}

// Each list has privileges of its own.
func TestScopes(t *testing.T) {
	paths := []string{PathSessions, PathSessionLimits, PathUsers, PathIdps, PathIdpReferences}
	for _, closed := range paths {
		api := New(world.New(lively()), Options{NoScope: []string{closed}})
		for _, path := range paths {
			want := 200
			if path == closed {
				want = 403
			}
			if code := testkit.Get(api, path).Code; code != want {
				t.Errorf("without a scope for %s: %s is %d, want %d", closed, path, code, want)
			}
			if n := api.Stats().Lists[path]; n != 1 {
				t.Errorf("%s: got %d requests counted, want 1", path, n)
			}
		}
	}
}

func TestWaysToSayNotLocked(t *testing.T) {
	w := world.New(lively())
	w.AddUsers(100, nil)
	until := w.Now().Add(time.Hour)
	w.AddUsers(1, func(_ int, u *world.User) { u.LockedUntil = until })
	w.AddUsers(1, func(_ int, u *world.User) { u.LockedUntil = until.Add(-2 * time.Hour) })
	api := New(w, Options{})
	got := map[string]bool{}
	for _, row := range listed(t, api, PathUsers+userQuery+"&$top=1000").Results {
		v, there := row["LockedUntil"]
		got[fmt.Sprintf("%v %v", v, there)] = true
	}
	want := map[string]bool{"<nil> false": true, "<nil> true": true, zeroTime + " true": true, "2026-03-02T10:00:00Z true": true, "2026-03-02T08:00:00Z true": true}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if w.Locked() != 1 {
		t.Errorf("got %d locked, want 1", w.Locked())
	}
	api.Set(func(o *Options) { o.MissingOfUsers = []string{"LockedUntil"} })
	if a := testkit.Get(api, PathUsers+userQuery); a.Code != 400 || !strings.Contains(a.Body.String(), "'LockedUntil'") {
		t.Errorf("an old build: got %d %s, want a 400 with the name", a.Code, a.Body)
	}
	for _, row := range listed(t, api, PathUsers).Results {
		if _, there := row["LockedUntil"]; there {
			t.Fatalf("an old build: got %v, want no LockedUntil", row)
		}
	}
}
