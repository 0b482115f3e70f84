package world

import (
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// Failures that lock a user are followed by no login until the lock is over.
func TestLocks(t *testing.T) {
	c := lively()
	c.Intersight.LockAfter, c.Intersight.LockFor = 5, 10*time.Minute
	c.Intersight.BruteForce = 15 * time.Minute
	w := New(c)
	locked, afterwards, failures := 0, 0, map[string]int{}
	until := map[string]time.Time{}
	seen := 0
	for range 6 * 60 {
		w.Step(time.Minute)
		events := w.Events(session.Intersight)
		for _, e := range events[seen:] {
			if e.Kind == FailedLogin {
				failures[e.User]++
			}
			if e.Kind == Started && e.At.Before(until[e.User]) {
				t.Errorf("got a login at %s, want none before %s", e.At, until[e.User])
			}
		}
		seen = len(events)
		n := 0
		for i, u := range w.Users() {
			who := w.people.all[i]
			if who.moid != u.Moid {
				t.Fatalf("user %d is %s, want %s", i, u.Moid, who.moid)
			}
			if !w.Now().Before(u.LockedUntil) {
				continue
			}
			n++
			if !who.local || failures[who.email] < 5 || u.LockedUntil.Sub(w.Now()) > 10*time.Minute {
				t.Errorf("got a lock until %s of a user who is local %v with %d failures, want a local one with at least 5", u.LockedUntil, who.local, failures[who.email])
			}
			until[who.email] = u.LockedUntil
		}
		if got := w.Locked(); got != n {
			t.Errorf("got %d locked, want %d", got, n)
		}
		locked += n
	}
	for _, e := range w.Events(session.Intersight) {
		if e.Kind == Started && !until[e.User].IsZero() && e.FailedLogins >= 5 {
			afterwards++
		}
	}
	if locked == 0 || afterwards == 0 {
		t.Errorf("got %d minutes of locks and %d logins after one, want some of each", locked, afterwards)
	}
}

func TestIdentityStores(t *testing.T) {
	w := NewStatic(Static{API: session.Intersight, Sessions: 60})
	count := func() map[string]int {
		out := map[string]int{}
		for _, s := range w.Truth(session.Intersight) {
			if s.StoreUnknown {
				s.Store = "unknown"
			}
			out[s.Store]++
		}
		return out
	}
	got := count()
	for _, name := range []string{"Okta", "Cisco", "Local"} {
		if got[name] == 0 {
			t.Errorf("got %v, want some of %s", got, name)
		}
	}
	all := w.Providers()
	all[0].Hidden = true
	w.SetProviders(all)
	if now := count(); now["unknown"] != got["Okta"] || now["Okta"] != 0 {
		t.Errorf("a provider that is not listed: got %v, want %d unknown", now, got["Okta"])
	}
	w.SetProviders(all[1:])
	if now := count(); now["unknown"] != got["Okta"] {
		t.Errorf("a provider that there is not: got %v, want %d unknown", now, got["Okta"])
	}
	w.ModifyUsers(func(_ int, u *User) { u.Provider = "" })
	if now := count(); now[""] != 60 {
		t.Errorf("users without a provider: got %v, want 60 without a name", now)
	}
	w.ModifyUsers(func(i int, u *User) { u.Hidden = i%2 == 0 })
	if now := count(); now["unknown"] == 0 || now["unknown"]+now[""] != 60 {
		t.Errorf("users who are not listed: got %v, want some unknown", now)
	}
	w.Add(session.Intersight, nil)
	w.Add(session.Intersight, func(s *Session) { s.UserMoid = "" })
	before := count()["unknown"]
	w.Modify(session.Intersight, w.Add(session.Intersight, nil), func(s *Session) { s.UserMoid = "5c00" })
	if now := count(); now["unknown"] != before+1 {
		t.Errorf("a user that there is not: got %v, want %d unknown", now, before+1)
	}
}

func TestLoginTypes(t *testing.T) {
	c := lively()
	c.Intersight.TokenShare, c.Intersight.OddLogin = 0.2, 0.2
	got := map[string]int{}
	for _, s := range New(c).Truth(session.Intersight) {
		got[s.LoginType]++
	}
	for _, kind := range []string{LoginWeb, LoginToken, LoginOdd, ""} {
		if got[kind] == 0 {
			t.Errorf("got %v, want some of %q", got, kind)
		}
	}
}
