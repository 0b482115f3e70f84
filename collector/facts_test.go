package collector

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	dto "github.com/prometheus/client_model/go"

	"iam_session_exporter/internal/session"
)

// gauges returns the values of families by name and a label's value.
func gauges(families []*dto.MetricFamily, label string, names ...string) map[string]float64 {
	out := map[string]float64{}
	for _, f := range families {
		if !slices.Contains(names, f.GetName()) {
			continue
		}
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					key += " " + l.GetValue()
				}
			}
			out[key] += m.GetGauge().GetValue()
		}
	}
	return out
}

// sighting is what the truth keeps of a user.
type sighting struct {
	user session.Key
	at   time.Duration
}

// Users of the last day, ages, locks, login types and stores are those that a second
// account, which keeps everything, makes of the same snapshots: over failures, long
// silence, an API's clock that jumps, and properties that come and go.
func TestNewFamiliesAgreeWithTheTruth(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 3))
		api := []session.API{session.Intersight, session.OAM}[r.IntN(2)]
		o := options(api)
		now := noon
		o.Now = func() time.Time { return now }
		f := &fakeSource{}
		s := newSource(f, o)
		var seen []sighting
		var skew time.Duration
		for step := range 30 {
			now = now.Add([]time.Duration{time.Minute, time.Hour, 7 * time.Hour, 12 * time.Hour, 24 * time.Hour}[r.IntN(5)])
			if r.IntN(8) == 0 {
				skew = time.Duration(r.IntN(100)-50) * time.Hour
			}
			if r.IntN(5) == 0 {
				f.answer = []func(context.Context) (*session.Snapshot, error){failure(session.ReasonConnect, context.Canceled)}
				if got := gauges(gather(t, s), "age", "iam_users_24h", "iam_active_sessions_older_than", "iam_users_locked", "iam_sessions_by_login_type"); len(got) > 0 {
					t.Fatalf("seed %d, step %d, down: got %v, want nothing", seed, step, got)
				}
				continue
			}
			snap := complete(now.Add(skew))
			for i := range r.IntN(12) {
				x := session.Session{ID: session.Key(1000*step + i + 1), User: session.Key(r.IntN(30)), Status: session.Status(r.IntN(6)), FailedLogins: -1,
					LoginType: []string{"", "weblogin", "tokenexchange"}[r.IntN(3)], IdentityStore: []string{"", "a", "b"}[r.IntN(3)]}
				if r.IntN(3) == 0 {
					x.IdentityStore, x.StoreUnknown = "", true
				}
				if r.IntN(5) > 0 {
					ages := []time.Duration{time.Hour, 8 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
					x.Created = snap.Taken.Add(-ages[r.IntN(4)] + time.Duration(r.IntN(3)-1)*time.Second)
				}
				snap.Sessions = append(snap.Sessions, x)
			}
			snap.Total, snap.Reported = len(snap.Sessions), len(snap.Sessions)
			snap.Lacks.Created, snap.Lacks.User = r.IntN(6) == 0, r.IntN(10) == 0
			if r.IntN(4) == 0 {
				delete(snap.Resolved, session.DimensionLoginType)
			}
			if r.IntN(4) == 0 {
				delete(snap.Resolved, session.DimensionIdentityStore)
			}
			if r.IntN(2) == 0 {
				snap.LockedUsers = ptr(r.IntN(3))
			}
			f.answer = []func(context.Context) (*session.Snapshot, error){func(context.Context) (*session.Snapshot, error) { return snap, nil }}
			got := gather(t, s)

			want := map[string]float64{}
			truth(want, snap, o.facts)
			seen = seenUsers(want, seen, snap, now.Sub(noon))
			all := gauges(got, "age", "iam_users_24h", "iam_active_sessions_older_than", "iam_users_locked")
			maps.Copy(all, gauges(got, "login_type", "iam_sessions_by_login_type"))
			maps.Copy(all, gauges(got, "identity_store", "iam_sessions_by_identity_store"))
			maps.DeleteFunc(all, func(_ string, v float64) bool { return v == 0 })
			maps.DeleteFunc(want, func(_ string, v float64) bool { return v == 0 })
			if !maps.Equal(all, want) {
				t.Fatalf("seed %d, step %d, %s: got %v\nwant %v\n%+v", seed, step, api, all, want, snap)
			}
			if got := gauges(got, "dimension", "iam_source_unresolved_sessions")["iam_source_unresolved_sessions identity_store"]; got != want["iam_sessions_by_identity_store other"] {
				t.Fatalf("seed %d, step %d: got %v unresolved, want %v", seed, step, got, want["iam_sessions_by_identity_store other"])
			}
			ages := len(gauges(got, "age", "iam_active_sessions_older_than"))
			if snap.Lacks.Created && ages > 0 || !snap.Lacks.Created && ages != 4 {
				t.Fatalf("seed %d, step %d: got %d ages, want 4, or none without times", seed, step, ages)
			}
		}
	}
}

// truth counts what one snapshot says.
func truth(want map[string]float64, snap *session.Snapshot, facts session.Facts) {
	_, types := snap.Resolved[session.DimensionLoginType]
	_, stores := snap.Resolved[session.DimensionIdentityStore]
	value := func(v string) string {
		if v == "" {
			return "none"
		}
		return v
	}
	for _, s := range snap.Sessions {
		if types && facts.Has(session.FactLoginType) {
			want["iam_sessions_by_login_type "+value(s.LoginType)]++
		}
		switch {
		case !stores:
		case s.StoreUnknown:
			want["iam_sessions_by_identity_store other"]++
		default:
			want["iam_sessions_by_identity_store "+value(s.IdentityStore)]++
		}
		if s.Status != session.Active || s.Created.IsZero() || snap.Lacks.Created {
			continue
		}
		for age, hours := range map[string]int{"1h": 1, "8h": 8, "24h": 24, "7d": 168} {
			if s.Created.Before(snap.Taken.Add(-time.Duration(hours) * time.Hour)) {
				want["iam_active_sessions_older_than "+age]++
			}
		}
	}
	if snap.LockedUsers != nil && facts.Has(session.FactLocks) {
		want["iam_users_locked"] = float64(*snap.LockedUsers)
	}
}

// seenUsers adds who is seen now to who was, and counts those of the last day.
func seenUsers(want map[string]float64, seen []sighting, snap *session.Snapshot, now time.Duration) []sighting {
	for _, s := range snap.Sessions {
		if s.User != 0 && (s.Status == session.Active || s.Status == session.Idle) {
			seen = append(seen, sighting{s.User, now})
		}
	}
	users := map[session.Key]bool{}
	for _, s := range seen {
		if now-s.at < 24*time.Hour {
			users[s.user] = true
		}
	}
	if !snap.Lacks.User {
		want["iam_users_24h"] = float64(len(users))
	}
	return seen
}

func TestUsersOfADay(t *testing.T) {
	of := func(users ...session.Key) *session.Snapshot {
		var all []session.Session
		for _, u := range users {
			all = append(all, session.Session{ID: u + 100, User: u, Status: session.Active})
		}
		return complete(noon, all...)
	}
	other := of(1, 2)
	other.Schema = 7
	r := recentUsers{limit: 4}
	for i, c := range []struct {
		snap  *session.Snapshot
		hours time.Duration
		want  *int
	}{
		{of(1, 2, 2), 0, ptr(2)},
		{of(), 23, ptr(2)},
		{of(2), 23, ptr(2)},
		{of(), 24, ptr(1)},
		{of(0), 25, ptr(1)},
		{of(0), 47, nil}, // there is one, but who?
		{of(), 47, ptr(0)},
		{of(3, 4, 5, 6), 48, ptr(4)},
		{of(3, 7, 7), 49, ptr(4)}, // one for whom there is room only if another one is forgotten
		{of(3, 4, 5, 6, 8), 50, ptr(4)},
		{other, 51, ptr(2)}, // a user may go by another key
	} {
		got := r.observe(c.snap, c.hours*time.Hour)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("step %d: got %v, want %v", i, show(got), show(c.want))
		}
	}
}

func show(n *int) any {
	if n == nil {
		return "nothing"
	}
	return *n
}

// A provider that is renamed, that becomes known only later, or is not known any
// more ends no session and starts none.
func TestStoresThatChangeEndNothing(t *testing.T) {
	l := newLifecycle(maxRemembered)
	stores := []session.Session{{}, {StoreUnknown: true}, {IdentityStore: "Okta"}, {IdentityStore: "Okta EU"}, {StoreUnknown: true}, {IdentityStore: "Okta"}}
	for i, store := range stores {
		var all []session.Session
		for id := range session.Key(3) {
			s := store
			s.ID, s.User, s.ClientIP, s.Status, s.Created = id+1, id+1, "10.0.0.1", session.Active, noon.Add(-time.Hour)
			all = append(all, s)
		}
		snap := complete(noon.Add(time.Duration(i)*time.Minute), all...)
		if i%2 == 1 { // one is not listed, and its store's sessions are
			snap = partly(complete(snap.Taken, all[:2]...))
			for _, name := range []string{"Okta", "Okta EU"} {
				if name != store.IdentityStore {
					snap.FullyListed = append(snap.FullyListed, session.Set{IdentityStore: name})
				}
			}
		}
		if i > 2 { // once it has been seen to change
			snap.FullyListed = append(snap.FullyListed, session.Set{IdentityStore: "Okta"}, session.Set{IdentityStore: "Okta EU"})
		}
		c := l.observe(snap, time.Duration(i)*time.Minute)
		if len(c.ended) > 0 || c.started > 0 {
			t.Errorf("step %d: %d started, %v ended; want none", i, c.started, c.ended)
		}
	}
}

// A user of the last day takes few bytes.
func TestMemoryOfUsers(t *testing.T) {
	const users = 100_000
	snap := complete(noon, make([]session.Session, users)...)
	for i := range snap.Sessions {
		snap.Sessions[i] = session.Session{User: session.NewHasher().Key(fmt.Sprint(i)), Status: session.Idle}
	}
	r := recentUsers{limit: maxRemembered}
	if got := r.observe(snap, 0); *got != users {
		t.Errorf("%d users, want %d", *got, users)
	}
	each := float64(len(r.seen.entries)) * float64(unsafe.Sizeof(r.seen.entries[0])) / users
	t.Logf("%.1f bytes a user", each)
	if each > 24 {
		t.Errorf("%.1f bytes a user, want at most 24", each)
	}
}
