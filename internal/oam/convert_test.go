package oam

import (
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func TestStatuses(t *testing.T) {
	now := time.Date(2025, 3, 9, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const idle, life, tick = 15 * time.Minute, 8 * time.Hour, time.Nanosecond
	for _, c := range []struct {
		name       string
		idle, life time.Duration
		row        row
		want       session.Status
		expires    time.Time
		idlesAt    time.Time
	}{
		{"nothing is known", idle, life, row{}, session.Unknown, time.Time{}, time.Time{}},
		{"just used", idle, life, row{created: ago(time.Hour), accessed: now}, session.Active, ago(time.Hour - life), now.Add(idle)},
		{"a moment before idle", idle, life, row{accessed: ago(idle - tick)}, session.Active, time.Time{}, now.Add(tick)},
		{"idle", idle, life, row{accessed: ago(idle)}, session.Idle, time.Time{}, now},
		{"idle for long", idle, life, row{accessed: ago(time.Hour)}, session.Idle, time.Time{}, ago(time.Hour - idle)},
		{"never idle", 0, life, row{accessed: ago(time.Hour)}, session.Active, time.Time{}, time.Time{}},
		{"no access, created long ago", idle, life, row{created: ago(idle)}, session.Unknown, ago(idle - life), time.Time{}},
		{"no access, a moment less", idle, life, row{created: ago(idle - tick)}, session.Active, ago(idle - tick - life), time.Time{}},
		{"no access, never idle", 0, 0, row{created: ago(1000 * time.Hour)}, session.Active, time.Time{}, time.Time{}},
		{"no access, expired", idle, life, row{created: ago(life)}, session.Expired, now, time.Time{}},
		{"no access, expiry only", idle, life, row{expires: now.Add(tick)}, session.Unknown, now.Add(tick), time.Time{}},
		{"no time can be read", 0, life, row{odd: true}, session.Unknown, time.Time{}, time.Time{}},
		{"one time can't be read", 0, life, row{odd: true, created: ago(tick)}, session.Active, ago(tick - life), time.Time{}},
		{"the access can't be read", idle, life, row{odd: true, created: ago(time.Hour)}, session.Unknown, ago(time.Hour - life), time.Time{}},
		{"a moment before expiry", idle, life, row{expires: now.Add(tick), accessed: now}, session.Active, now.Add(tick), now.Add(idle)},
		{"expired", idle, life, row{expires: now, accessed: now}, session.Expired, now, now.Add(idle)},
		{"expired and idle", idle, life, row{expires: ago(tick), accessed: ago(time.Hour)}, session.Expired, ago(tick), ago(time.Hour - idle)},
		{"a moment before the lifetime", 0, life, row{created: ago(life - tick)}, session.Active, now.Add(tick), time.Time{}},
		{"past the lifetime", 0, life, row{created: ago(life)}, session.Expired, now, time.Time{}},
		{"expiry counts before lifetime", 0, life, row{created: ago(2 * life), expires: now.Add(tick)}, session.Active, now.Add(tick), time.Time{}},
		{"unlimited", 0, 0, row{created: ago(1000 * time.Hour)}, session.Active, time.Time{}, time.Time{}},
		{"unlimited, but with an expiry", 0, 0, row{expires: now}, session.Expired, now, time.Time{}},
		{"created in the future", idle, life, row{created: now.Add(time.Minute), accessed: now.Add(time.Minute)}, session.Active, now.Add(life + time.Minute), now.Add(idle + time.Minute)},
	} {
		j := converter{idleTimeout: c.idle, lifetime: c.life, hasher: session.NewHasher()}
		got := j.session(&c.row, now)
		if got.Status != c.want || !got.Expires.Equal(c.expires) || !got.IdlesAt.Equal(c.idlesAt) {
			t.Errorf("%s: got %s, expires %s, idles at %s, want %s, %s, %s", c.name, got.Status, got.Expires, got.IdlesAt, c.want, c.expires, c.idlesAt)
		}
		if got.FailedLogins != -1 || got.Login != 0 || !got.Ended.IsZero() {
			t.Errorf("%s: got %+v, want nothing that OAM does not tell", c.name, got)
		}
	}
}

func TestKeys(t *testing.T) {
	j := converter{hasher: session.NewHasher()}
	of := func(r row) session.Session { return j.session(&r, began) }
	a := of(row{sessionID: "1", userID: "nadia", idStore: "S"})
	for name, c := range map[string]struct {
		row                       row
		sameUser, sameID, hasUser bool
	}{
		"another session": {row{sessionID: "2", userID: "nadia", idStore: "S"}, true, false, true},
		"another case":    {row{sessionID: "1", userID: "Nadia", idStore: "S"}, false, true, true},
		"another store":   {row{sessionID: "1", userID: "nadia", idStore: "T"}, false, true, true},
		"no store":        {row{sessionID: "1", userID: "nadia"}, false, true, true},
		"no user":         {row{sessionID: "1", idStore: "S"}, false, true, false},
		"no session id":   {row{userID: "nadia", idStore: "S"}, true, false, true},
	} {
		b := of(c.row)
		if (b.User == a.User) != c.sameUser || (b.ID == a.ID) != c.sameID || (b.User != 0) != c.hasUser || b.ID == 0 {
			t.Errorf("%s: got %+v, want same user %v, same id %v, a user %v", name, b, c.sameUser, c.sameID, c.hasUser)
		}
	}
	if b := of(row{userID: "nadia", idStore: "S", created: began}); b.ID == of(row{userID: "nadia", idStore: "S"}).ID {
		t.Errorf("got one session of a user, want two as they began apart")
	}
}

func TestDistinct(t *testing.T) {
	rows := []row{
		{sessionID: "1", userID: "a"}, {sessionID: "1", userID: "b"}, // one id is one session
		{userID: "a"}, {userID: "a"},
		{userID: "a", created: began}, {userID: "a", created: began.Add(1)}, {userID: "a", created: began},
		{userID: "a", clientIP: "x"}, {userID: "a", idStore: "x"}, {userID: "a", sessionIndex: "x"},
		{userID: "a", accessed: began}, // what changes does not tell apart
	}
	got := distinct(rows)
	if len(got) != 7 || got[0].userID != "a" {
		t.Errorf("got %d: %+v, want 7, a first", len(got), got)
	}
}
