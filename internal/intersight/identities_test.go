package intersight

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// Who has a session is told where it is wanted, and kept nowhere else.
func TestIdentities(t *testing.T) {
	last := time.Date(2026, 8, 19, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		row        string
		user, from string
		last       time.Time
	}{
		"all": {`{"Moid":"1","UserIdOrEmail":"u@example.com","User":{"Moid":"m"},"LastLoginTime":"2026-08-19T12:00:00Z","LastLoginClient":"203.0.113.9"}`,
			"u@example.com", "203.0.113.9", last},
		"of another address": {`{"Moid":"1","UserIdOrEmail":"u","ClientIpAddress":"203.0.113.8","LastLoginClient":"203.0.113.9"}`, "u", "203.0.113.9", time.Time{}},
		"of the same":        {`{"Moid":"1","UserIdOrEmail":"u","ClientIpAddress":"203.0.113.9","LastLoginClient":"203.0.113.9"}`, "u", "203.0.113.9", time.Time{}},
		"of none":            {`{"Moid":"1","UserIdOrEmail":"u","ClientIpAddress":"203.0.113.9"}`, "u", "", time.Time{}},
		"by Moid":            {`{"Moid":"1","UserIdOrEmail":"","User":{"Moid":"m"}}`, "m", "", time.Time{}},
		"nobody":             {`{"Moid":"1"}`, "", "", time.Time{}},
		"never logged in":    {`{"Moid":"1","UserIdOrEmail":"u","LastLoginTime":"0001-01-01T00:00:00Z","LastLoginClient":null}`, "u", "", time.Time{}},
		"escapes":            {`{"Moid":"\u0031","UserIdOrEmail":"a\u0040b"}`, "a@b", "", time.Time{}},
		"longer than a name": {`{"Moid":"1","UserIdOrEmail":"` + strings.Repeat("u", 2*maxText) + `"}`, strings.Repeat("u", maxText), "", time.Time{}},
	} {
		f := newFakeAPI(t, c.row)
		b := newBench(t, f.url)
		snap, err := b.Snapshot(t.Context(), session.Want{Identities: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(snap.Identities) != 1 {
			t.Fatalf("%s: got %d identities, want 1", name, len(snap.Identities))
		}
		who := snap.Identities[0]
		user, store := userOf(who)
		if user != c.user || who.Moid.Open() != "1" || store != "" || !who.LastLogin.Equal(c.last) || who.LastLoginClient != c.from {
			t.Errorf("%s: got user %q, Moid %q, store %q, last login %s from %q; want %q, 1, none, %s from %q",
				name, user, who.Moid.Open(), store, who.LastLogin, who.LastLoginClient, c.user, c.last, c.from)
		}
		if text := fmt.Sprintf("%+v %s", snap, b.logs); c.user != "" && strings.Contains(text, c.user) && len(c.user) > 1 {
			t.Errorf("%s: printed as %s, want no user in it", name, text)
		}
		if snap := b.snapshot(t); snap.Identities != nil {
			t.Errorf("%s: where not wanted got %d identities, want nil", name, len(snap.Identities))
		}
	}
}

func userOf(who session.Identity) (user, store string) {
	if who.User != nil {
		user, store = who.User.Name.Open(), who.User.Store
	}
	return user, store
}

// Each session that is listed has its own, also where pages overlap and where two
// are of one user.
func TestIdentitiesOfPages(t *testing.T) {
	f := newFakeAPI(t, rows(250)...)
	f.pageCap = 100
	b := newBench(t, f.url)
	snap, err := b.Snapshot(t.Context(), session.Want{Identities: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Identities) != 250 || !snap.Complete {
		t.Errorf("got %d identities, complete %t, want 250, true", len(snap.Identities), snap.Complete)
	}
	for i := range 250 {
		who := snap.Identities[i]
		user, _ := userOf(who)
		if got, want := user+" "+who.Moid.Open(), fmt.Sprintf("user%d@example.com %s", i/2, moid(i)); got != want || snap.Sessions[i].ID != b.cfg.Hasher.Key(moid(i)) {
			t.Errorf("session %d: got %s, want %s", i, got, want)
		}
	}
}
