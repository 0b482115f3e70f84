package world

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

var apis = []session.API{session.Intersight, session.OAM}

// lively is a world in which much happens in little time.
func lively() Config {
	c := DefaultConfig()
	c.Users, c.Addresses = 80, 30
	c.Rhythm = Steady
	c.Warmup = 2 * time.Hour
	for _, p := range []*Population{&c.Intersight, &c.OAM} {
		p.Sessions, p.IdleTimeout, p.Lifetime, p.Stay = 60, 5*time.Minute, 40*time.Minute, 12*time.Minute
	}
	c.Intersight.BruteForce = 30 * time.Minute
	c.Intersight.OddStatus = 0.05
	return c
}

func TestSameSeedSameWorldHoweverStepped(t *testing.T) {
	one, other := New(lively()), New(lively())
	end := DefaultStart.Add(3 * time.Hour)
	one.Advance(end)
	for n := 1; other.Now().Before(end); n++ {
		other.Advance(minTime(end, other.Now().Add(time.Duration(n%37)*700*time.Millisecond)))
		other.Truth(session.OAM)
	}
	for _, api := range apis {
		if !reflect.DeepEqual(one.Truth(api), other.Truth(api)) {
			t.Errorf("%s: sessions differ: got\n%v\nwant\n%v", api, other.Truth(api), one.Truth(api))
		}
		if !reflect.DeepEqual(one.Events(api), other.Events(api)) {
			t.Errorf("%s: events differ: got\n%v\nwant\n%v", api, other.Events(api), one.Events(api))
		}
	}
	c := lively()
	c.Seed++
	if reflect.DeepEqual(New(c).Truth(session.OAM), New(lively()).Truth(session.OAM)) {
		t.Error("another seed made the same world")
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// The log, replayed, must give what is listed at any time.
func TestEventLogExplainsEverySession(t *testing.T) {
	for _, linger := range []time.Duration{0, 3 * time.Minute} {
		c := lively()
		c.Intersight.Linger, c.Intersight.Purge = linger, linger/2
		w := New(c)
		type state struct{ listed, live map[string]bool }
		states := make(map[session.API]state)
		for _, api := range apis {
			s := state{make(map[string]bool), make(map[string]bool)}
			for _, x := range w.Truth(api) {
				s.listed[x.ID] = true
				s.live[x.ID] = !x.Status.Over()
			}
			states[api] = s
		}
		seen := make(map[session.API]int)
		for range 40 {
			w.Step(5 * time.Minute)
			for _, api := range apis {
				s := states[api]
				events := w.Events(api)
				for _, e := range events[seen[api]:] {
					switch e.Kind {
					case Started:
						if s.listed[e.ID] {
							t.Fatalf("%s started twice", e.ID)
						}
						s.listed[e.ID], s.live[e.ID] = true, true
					case Ended:
						if !s.live[e.ID] {
							t.Fatalf("%s ended twice, or never started", e.ID)
						}
						s.live[e.ID] = false
					case Removed:
						if s.live[e.ID] || !s.listed[e.ID] {
							t.Fatalf("%s was removed alive", e.ID)
						}
						delete(s.listed, e.ID)
						delete(s.live, e.ID)
					}
				}
				seen[api] = len(events)
				truth := w.Truth(api)
				if len(truth) != len(s.listed) || w.Len(api) != len(truth) {
					t.Fatalf("%s: %d listed, want %d by the log", api, len(truth), len(s.listed))
				}
				for _, x := range truth {
					if !s.listed[x.ID] || s.live[x.ID] == x.Status.Over() {
						t.Fatalf("%s: %s is %s, by the log listed %t and live %t", api, x.ID, x.Status, s.listed[x.ID], s.live[x.ID])
					}
				}
			}
		}
		in, oam := w.Counts(session.Intersight), w.Counts(session.OAM)
		for _, reason := range []string{ReasonEnded, ReasonTerminated, ReasonExpired, ReasonIdle} {
			if in.Ended[reason] == 0 {
				t.Errorf("no Intersight session ended for %s; want in.Ended[reason] more than 0", reason)
			}
			if (oam.Ended[reason] == 0) != (reason == ReasonIdle) {
				t.Errorf("%d OAM sessions ended for %s; want none: %v", oam.Ended[reason], reason, reason == ReasonIdle)
			}
		}
		if in.EndedTotal() < in.Removed {
			t.Errorf("%d ended but %d removed", in.EndedTotal(), in.Removed)
		}
	}
}

func TestCountsFollowFromEvents(t *testing.T) {
	w := New(lively())
	w.Step(6 * time.Hour)
	var want Counts
	want.Ended = make(map[string]int)
	keys := make(map[string]bool)
	for _, e := range w.Events(session.Intersight) {
		switch e.Kind {
		case Started:
			want.Started++
			if e.FailedLogins > 0 {
				want.FailedLogins += e.FailedLogins
				want.LoginsAfterFailures++
				key := e.User + e.At.String()
				if keys[key] {
					t.Errorf("two logins with failures share the key %s", key)
				}
				keys[key] = true
			}
		case Ended:
			want.Ended[e.Reason]++
		case Removed:
			want.Removed++
		case FailedLogin:
			want.FailedAttempts++
		}
	}
	got := w.Counts(session.Intersight)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.LoginsAfterFailures < 10 || got.FailedLogins < 60 {
		t.Errorf("too few failures for a world with brute forces: %+v; want LoginsAfterFailures at least 10, FailedLogins at least 60", got)
	}
	if c := w.Counts(session.OAM); c.FailedAttempts != 0 || c.FailedLogins != 0 {
		t.Errorf("OAM tells failed logins: %+v; want FailedAttempts 0, FailedLogins 0", c)
	}
}

func TestBoundedLogKeepsCounts(t *testing.T) {
	c := lively()
	free := New(c)
	c.MaxEvents = 50
	bounded := New(c)
	free.Step(2 * time.Hour)
	bounded.Step(2 * time.Hour)
	all, some := free.Events(session.OAM), bounded.Events(session.OAM)
	if len(some) != 50 || !reflect.DeepEqual(some, all[len(all)-50:]) {
		t.Errorf("%d events kept of %d; want 50; some = %v, want %v", len(some), len(all), some, all[len(all)-50:])
	}
	if !reflect.DeepEqual(free.Counts(session.OAM), bounded.Counts(session.OAM)) {
		t.Errorf("a bounded log counts %+v, want %+v", bounded.Counts(session.OAM), free.Counts(session.OAM))
	}
}

func TestPopulationStaysNearItsTarget(t *testing.T) {
	w := New(lively())
	for range 30 {
		w.Step(4 * time.Minute)
		for _, api := range apis {
			if n := w.Len(api); n < 35 || n > 90 {
				t.Errorf("%s: %d sessions, wanted around 60", api, n)
			}
		}
	}
	c := lively()
	c.OAM.Max, c.Intersight.MaxPerUser = 20, 1
	w = New(c)
	for range 30 {
		w.Step(4 * time.Minute)
		if n := w.Len(session.OAM); n > 20 {
			t.Errorf("%d sessions, 20 allowed; want at most 20", n)
		}
		users := make(map[string]int)
		for _, s := range w.Truth(session.Intersight) {
			if users[s.User]++; users[s.User] > 1 {
				t.Errorf("%s has several sessions; want users[s.User] at most 1", s.User)
			}
		}
	}
}

func TestDayAndNight(t *testing.T) {
	c := DefaultConfig()
	c.Warmup = 0
	c.OAM.Sessions = 0
	w := New(c)
	count := func(day, hour int) int {
		w.Advance(time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC))
		return w.Len(session.Intersight)
	}
	monday, night, tuesday, sunday := count(2, 16), count(3, 4), count(3, 11), count(8, 11)
	if monday < 50 || tuesday < 50 || night > monday/3 || sunday > tuesday/3 {
		t.Errorf("Monday %d, night %d, Tuesday %d, Sunday %d; want at least 50, at least 50, at most %d, at most %d", monday, night, tuesday, sunday, monday/3, tuesday/3)
	}
}

func TestFigures(t *testing.T) {
	for _, figure := range []Figure{FigureOfLogin, FigureOfUser, FigureLive} {
		c := lively()
		c.Intersight.Figure = figure
		c.Intersight.FailureShare = 0.5
		c.Warmup = 0
		w := New(c)
		// As a reader would: the highest figure seen for each key.
		highest := make(map[string]int64)
		spread := false
		for range 4 * 60 * 6 {
			w.Step(10 * time.Second)
			users := make(map[string]int64)
			for _, s := range w.Truth(session.Intersight) {
				key := s.UserMoid + s.LastLogin.String()
				highest[key] = max(highest[key], s.FailedLogins)
				if before, ok := users[s.UserMoid]; ok && before != s.FailedLogins {
					spread = true
				}
				users[s.UserMoid] = s.FailedLogins
			}
		}
		var sum int64
		for _, n := range highest {
			sum += n
		}
		got := w.Counts(session.Intersight).FailedLogins
		// What is shown for less than a step is not seen.
		if sum > got || float64(sum) < 0.9*float64(got) || got < 50 {
			t.Errorf("figure %d: read %d, told %d; want at least 50; float64(sum) = %v, want at least %v", figure, sum, got, float64(sum), 0.9*float64(got))
		}
		if spread != (figure == FigureOfLogin) {
			t.Errorf("figure %d: sessions of one user differ: %t; want %v", figure, spread, figure == FigureOfLogin)
		}
	}
}

func TestImpersonationAndGaps(t *testing.T) {
	c := lively()
	c.OAM.Impersonating, c.OAM.Gaps, c.OAM.OddAddresses = 0.2, 0.2, 0.2
	w := New(c)
	var impersonating, noIP, odd int
	truth := w.Truth(session.OAM)
	for _, s := range truth {
		if s.Impersonating {
			impersonating++
		}
		if s.ClientIP == "" {
			noIP++
		}
		if strings.HasPrefix(s.ClientIP, "::ffff:") || strings.Count(s.ClientIP, ".") == 3 && strings.Contains(s.ClientIP, ":") {
			odd++
		}
		uuid, sum, _ := strings.Cut(s.ID, "|")
		if len(uuid) != 36 || len(sum) != 44 {
			t.Errorf("sessionId %q; len(uuid) = %v, want 36; len(sum) = %v, want 44", s.ID, len(uuid), len(sum))
		}
	}
	if impersonating == 0 || noIP == 0 || odd == 0 {
		t.Errorf("of %d: %d impersonating, %d without address, %d oddly spelled; want more than 0, more than 0, more than 0", len(truth), impersonating, noIP, odd)
	}
}

func TestSessionIDIsThatOfTheSamples(t *testing.T) {
	_, sum, _ := strings.Cut(oamSessionID(newRand(1, 1), "user2", "UserIdentityStore1"), "|")
	if sum != "L+h1SktCgMtjnOnmIWL+gnpIstrT9hGuPD0beqGK5Cc=" {
		t.Errorf(`%v; want "L+h1SktCgMtjnOnmIWL+gnpIstrT9hGuPD0beqGK5Cc="`, sum)
	}
}

func TestLimitsOfHandmadeSessions(t *testing.T) {
	w := New(Config{
		Intersight: Population{IdleTimeout: 10 * time.Minute, Lifetime: time.Hour, Purge: time.Minute, Linger: 5 * time.Minute},
		OAM:        Population{IdleTimeout: 10 * time.Minute, Lifetime: time.Hour, Purge: time.Minute},
	})
	status := func(api session.API, id string) string {
		for _, s := range w.Truth(api) {
			if s.ID == id {
				return s.Status.String()
			}
		}
		return "removed"
	}
	idle := w.Add(session.Intersight, nil)
	expiring := w.Add(session.Intersight, func(s *Session) { s.IdlesAt = time.Time{} })
	leaving := w.Add(session.Intersight, nil)
	thrown := w.Add(session.Intersight, nil)
	locked := w.Add(session.Intersight, func(s *Session) { s.State, s.IdlesAt = StateLocked, time.Time{} })
	oam := w.Add(session.OAM, nil)
	noExpiry := w.Add(session.OAM, func(s *Session) { s.Expires = time.Time{} })
	w.Step(5 * time.Minute)
	w.End(session.Intersight, leaving, false)
	w.End(session.Intersight, thrown, true)
	steps := []struct {
		at   time.Duration
		api  session.API
		id   string
		want string
	}{
		{5 * time.Minute, session.Intersight, leaving, "ended"},
		{5 * time.Minute, session.Intersight, thrown, "terminated"},
		{10*time.Minute - time.Second, session.Intersight, idle, "active"},
		{10*time.Minute - time.Second, session.OAM, oam, "active"},
		{10 * time.Minute, session.Intersight, leaving, "removed"},
		{10 * time.Minute, session.Intersight, thrown, "removed"},
		{10 * time.Minute, session.Intersight, idle, "idle"},
		{10 * time.Minute, session.OAM, oam, "idle"},
		{11 * time.Minute, session.Intersight, idle, "removed"},
		{11 * time.Minute, session.OAM, oam, "idle"},
		{11 * time.Minute, session.Intersight, locked, "unknown"},
		{time.Hour - time.Second, session.Intersight, expiring, "active"},
		{time.Hour, session.Intersight, expiring, "expired"},
		{time.Hour, session.OAM, oam, "expired"},
		{time.Hour, session.OAM, noExpiry, "expired"},
		{61 * time.Minute, session.Intersight, expiring, "removed"},
		{61 * time.Minute, session.OAM, noExpiry, "removed"},
	}
	for _, s := range steps {
		w.Advance(DefaultStart.Add(s.at))
		if got := status(s.api, s.id); got != s.want {
			t.Errorf("after %s: %s, want %s", s.at, got, s.want)
		}
	}
	want := map[string]int{ReasonEnded: 1, ReasonTerminated: 1, ReasonIdle: 1, ReasonExpired: 2}
	if got := w.Counts(session.Intersight).Ended; !maps.Equal(got, want) {
		t.Errorf("ended %v, want %v", got, want)
	}
}

func TestEdits(t *testing.T) {
	for _, api := range apis {
		w := New(Config{Intersight: Population{IdleTimeout: time.Hour}, OAM: Population{IdleTimeout: time.Hour}})
		ids := w.AddN(api, 60, Same("ann", "store", "192.0.2.1"))
		if !w.Modify(api, ids[3], func(s *Session) { s.ClientIP, s.User = "", "Ann" }) || w.Modify(api, "none", nil) {
			t.Error("Modify found the wrong sessions")
		}
		w.Remove(api, ids[4])
		w.End(api, ids[5], false)
		w.Step(59 * time.Minute)
		w.Access(api, ids[6])
		w.Step(time.Minute)
		seen := make(map[string]Session)
		for _, s := range w.Truth(api) {
			seen[s.ID] = s
		}
		if s := seen[ids[3]]; api == session.OAM && (s.User != "Ann" || s.ClientIP != "") {
			t.Errorf("%+v, want user Ann without an address", s)
		}
		if seen[ids[6]].Status != session.Active || seen[ids[4]].ID != "" || seen[ids[5]].ID != "" {
			t.Errorf(`%s: wrong sessions after edits; want seen[ids[6]].Status %v, seen[ids[4]].ID "", seen[ids[5]].ID ""`, api, session.Active)
		}
		if want := map[session.API]int{session.Intersight: 1, session.OAM: 58}[api]; len(seen) != want {
			t.Errorf("%s: %d left, want %d", api, len(seen), want)
		}
		w.Churn(api, 5)
		w.Clear(api)
		c := w.Counts(api)
		if w.Len(api) != 0 || c.Started != c.Removed || c.Started != c.EndedTotal() {
			t.Errorf("%s: after Clear %+v; want Started %v", api, c, c.Removed)
		}
	}
}

func TestStaticWorld(t *testing.T) {
	for _, api := range apis {
		w := NewStatic(Static{API: api, Seed: 3, Sessions: 5000, Addresses: 300, Users: 2000, Stores: 5, Idle: 0.3, Expired: 0.1})
		truth := w.Truth(api)
		ips, users, stores := make(map[string]int), make(map[string]string), make(map[string]int)
		status := make(map[session.Status]int)
		impersonating := 0
		for _, s := range truth {
			ips[s.ClientIP]++
			status[s.Status]++
			if before, ok := users[s.User]; ok && before != s.Store {
				t.Errorf("%s is in store %s, want %s as before", s.User, s.Store, before)
			}
			users[s.User] = s.Store
			stores[s.Store]++
			if s.Impersonating {
				impersonating++
			}
		}
		if len(truth) != 5000 || len(ips) != 300 || len(users) != 2000 {
			t.Errorf("%d sessions, %d addresses, %d users; want 5000, 300, 2000", len(truth), len(ips), len(users))
		}
		if want := map[session.Status]int{session.Active: 3000, session.Idle: 1500, session.Expired: 500}; !maps.Equal(status, want) {
			t.Errorf("status %v, want %v", status, want)
		}
		if api == session.OAM && (impersonating != 100 || len(stores) != 5) {
			t.Errorf("%d impersonating, stores %v; want 100, 5", impersonating, stores)
		}
		most := 0
		for _, n := range ips {
			most = max(most, n)
		}
		if most < 700 || most > 1300 {
			t.Errorf("the most used address has %d sessions; want at least 700, at most 1300", most)
		}
		if c := w.Counts(api); c.Started != 0 {
			t.Errorf("counts %+v; want Started 0", c)
		}
		defer func() {
			if w.Churn(api, 500); w.Len(api) != 5000 || w.Counts(api).Started != 500 {
				t.Errorf("%s: after Churn %d, %+v; want 5000", api, w.Len(api), w.Counts(api))
			}
		}()
		w.Step(30 * time.Second)
		if w.Len(api) != 5000 || !maps.Equal(w.Tally(api), status) {
			t.Errorf("within half a minute a static world moved to %d sessions, %v; want 5000, %v", w.Len(api), w.Tally(api), status)
		}
	}
}

func TestFollowAndConcurrency(t *testing.T) {
	c := lively()
	c.Warmup = 0
	w := New(c)
	var mu sync.Mutex
	now := DefaultStart
	w.Follow(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(300 * time.Millisecond)
		return now
	})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 200 {
				switch n {
				case 0:
					w.Truth(session.OAM)
				case 1:
					w.Remove(session.OAM, w.Add(session.OAM, nil))
				case 2:
					w.Counts(session.Intersight)
					w.Churn(session.Intersight, 1)
				default:
					w.Tally(session.Intersight)
				}
			}
		})
	}
	wg.Wait()
	if at := w.Now(); !at.Equal(at.Truncate(time.Second)) || at.Sub(DefaultStart) < 200*time.Second {
		t.Errorf("the world stands at %s, want a whole second, 200 s after %s at least", at, DefaultStart)
	}
}

func TestQuotas(t *testing.T) {
	for _, c := range []struct{ n, total int }{{1, 5}, {5, 5}, {5, 3}, {300, 5000}, {7, 100}, {400, 3000}, {5000, 100_000}} {
		sum, quotas := 0, newZipf(c.n, 1.1).quotas(c.total)
		for i, q := range quotas {
			// Those with more than a few follow the law.
			if share := float64(quotas[0]) * math.Pow(float64(i+1), -1.1); share > 2 && math.Abs(float64(q)-share) > 2 {
				t.Errorf("%v: rank %d has %d, by the law %.1f", c, i, q, share)
			}
			if sum += q; q == 0 && i < min(c.n, c.total) {
				t.Errorf("%v: rank %d has none", c, i)
			}
		}
		if sum != c.total {
			t.Errorf("%v: %d given out; want %d", c, sum, c.total)
		}
	}
}

func ExampleNewStatic() {
	w := NewStatic(Static{API: session.OAM, Sessions: 100})
	w.AddN(session.OAM, 60, Same("ann", "oud", "192.0.2.1"))
	fmt.Println(w.Len(session.OAM))
	// Output: 160
}

func TestStrangeAddresses(t *testing.T) {
	c := DefaultConfig()
	c.OAM.Strange, c.Intersight.Sessions = 1, 0
	zones, lists, names := 0, 0, 0
	for _, s := range New(c).Truth(session.OAM) {
		switch {
		case strings.Contains(s.ClientIP, "%"):
			zones++
		case strings.Contains(s.ClientIP, ","):
			lists++
		case strings.Contains(s.ClientIP, "workstation"):
			names++
		}
	}
	if zones < 20 || lists < 20 || names < 20 {
		t.Errorf("%d zones, %d lists, %d names of hosts; want at least 20, at least 20, at least 20", zones, lists, names)
	}
}

func BenchmarkNewStatic100k(b *testing.B) {
	for b.Loop() {
		NewStatic(Static{API: session.OAM, Sessions: 100_000, Addresses: 2000, Users: 40_000, Stores: 5})
	}
}
