package endtoend

import (
	"cmp"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// userOf is who has a session, "" where it is not told.
func userOf(s world.Session) string {
	if s.API == session.OAM {
		if s.User == "" {
			return ""
		}
		return s.Store + "\x00" + s.User
	}
	return cmp.Or(s.UserMoid, s.User)
}

// checkUsers compares the gauges of users with the truth: equal where every session
// is listed, and lower bounds elsewhere.
func checkUsers(t *testing.T, got samples, sessions []world.Session) {
	t.Helper()
	active, most := map[string]int{}, 0
	for _, s := range sessions {
		if user := userOf(s); s.Status == session.Active && user != "" {
			active[user]++
			most = max(most, active[user])
		}
	}
	for family, want := range map[string]int{"iam_users": len(active), "iam_user_sessions_max": most} {
		checkBound(t, got, want, family)
	}
}

// ages are those of iam_active_sessions_older_than.
var ages = map[string]time.Duration{"1h": time.Hour, "8h": 8 * time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour}

// checkAges compares the active sessions of each age with the truth.
func checkAges(t *testing.T, got samples, sessions []world.Session, now time.Time) {
	t.Helper()
	for label, age := range ages {
		n := 0
		for _, s := range sessions {
			if s.Status == session.Active && !s.Created.IsZero() && now.Sub(s.Created) > age {
				n++
			}
		}
		checkBound(t, got, n, "iam_active_sessions_older_than", "age", label)
	}
}

func checkBound(t *testing.T, got samples, want int, family string, labels ...string) {
	t.Helper()
	v, there := got.get(family, labels...)
	complete := got.value("iam_source_complete") == 1
	if !there || v > float64(want) || complete && v != float64(want) {
		t.Errorf("%s %v: got %v (there %v, complete %v), want %d", family, labels, v, there, complete, want)
	}
}

// lastDay is when each user was seen with an active or idle session.
type lastDay map[string]time.Time

// take notes who is listed, and compares the gauge with who was within a day.
func (d lastDay) take(t *testing.T, got samples, sessions []world.Session, now time.Time) {
	t.Helper()
	for _, s := range sessions {
		if user := userOf(s); user != "" && (s.Status == session.Active || s.Status == session.Idle) {
			d[user] = now
		}
	}
	n := 0
	for _, at := range d {
		if now.Sub(at) < 24*time.Hour {
			n++
		}
	}
	if v, there := got.get("iam_users_24h"); !there || v != float64(n) {
		t.Errorf("users of the last day: got %v (there %v), want %d", v, there, n)
	}
}

// Users are counted for a day after they were last seen, and sessions by age, for
// both APIs.
func TestUsersAndAges(t *testing.T) {
	for _, api := range []session.API{session.Intersight, session.OAM} {
		t.Run(string(api), func(t *testing.T) {
			c := world.DefaultConfig()
			c.Users, c.Warmup = 200, 20*time.Hour
			c.OAM.Sessions, c.OAM.Max, c.OAM.Lifetime = 20, 25, 0 // all are listed
			c.OAM.LogoutShare = 1
			c.Intersight.Lifetime, c.Intersight.IdleTimeout = 0, 0
			w := world.New(c)
			for _, age := range ages {
				w.AddN(api, 1, func(_ int, s *world.Session) {
					s.Created, s.Expires = s.Created.Add(-age-time.Minute), time.Time{}
				})
			}
			r := newRigOf(t, api, w).start()
			day, old := lastDay{}, 0.0
			for range 40 {
				got := r.scrape()
				sessions := w.Truth(api)
				checkUsers(t, got, sessions)
				checkAges(t, got, sessions, w.Now())
				day.take(t, got, sessions, w.Now())
				old += got.value("iam_active_sessions_older_than", "age", "7d")
				w.Step(time.Hour + 7*time.Minute)
			}
			if api == session.Intersight && old == 0 {
				t.Error("got no active session older than 7 days, want some")
			}
		})
	}
}

func newRigOf(t *testing.T, api session.API, w *world.World) *rig {
	t.Helper()
	return newRig(t, api, w, simintersight.Options{}, simoam.Options{})
}
