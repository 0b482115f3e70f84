package endtoend

import (
	"os"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// An API that refuses us, or asks for quiet, is asked once and then left alone;
// each scrape meanwhile counts the reason that began it.
func TestRefusalsAreObeyed(t *testing.T) {
	for _, api := range []session.API{session.Intersight, session.OAM} {
		for _, c := range []struct {
			name   string
			effect faults.Effect
			reason string
			quiet  time.Duration
		}{
			{"401", faults.Status(401), "auth", 2 * time.Minute},
			{"403", faults.Status(403), "forbidden", 2 * time.Minute},
			{"429", faults.Status(429), "rate_limited", 30 * time.Second},
			{"429 with seconds", faults.RetryAfter(429, 90*time.Second), "rate_limited", 90 * time.Second},
			{"503", faults.Status(503), "http", 30 * time.Second},
			{"503 with seconds", faults.RetryAfter(503, 20*time.Second), "rate_limited", 20 * time.Second},
			{"429 for a day", faults.RetryAfter(429, 24*time.Hour), "rate_limited", 15 * time.Minute},
		} {
			t.Run(string(api)+" "+c.name, func(t *testing.T) {
				conf := world.DefaultConfig()
				conf.OAM.Sessions, conf.Intersight.Sessions = 10, 10
				w := world.New(conf)
				r := newRig(t, api, w, simintersight.Options{}, simoam.Options{}).start()
				r.faults.Set(faults.Fault{Effect: c.effect})
				before := r.faults.Requests()
				for i := range 3 {
					got := r.scrape()
					if n := r.faults.Requests() - before; n != 1 {
						t.Errorf("scrape %d: %d requests; want 1", i, n)
					}
					if v := got.value("iam_source_errors_total", "reason", c.reason); v != float64(i+1) || got.value("iam_source_up") != 0 {
						t.Errorf("scrape %d: %v errors of %s; want %v", i, v, c.reason, float64(i+1))
					}
				}
				r.faults.Clear()
				w.Step(c.quiet - time.Second)
				if r.scrape().value("iam_source_up") != 0 || r.faults.Requests()-before != 1 {
					t.Errorf("asked before its time; r.faults.Requests()-before = %v, want 1", r.faults.Requests()-before)
				}
				w.Step(2 * time.Second)
				if r.scrape().value("iam_source_up") != 1 {
					t.Errorf("not asked when its time had come\n%s", r.log)
				}
			})
		}
	}
}

// A new password ends the wait that a refused one began.
func TestANewSecretIsTriedAtOnce(t *testing.T) {
	conf := world.DefaultConfig()
	conf.OAM.Sessions = 10
	r := newRig(t, session.OAM, world.New(conf), simintersight.Options{}, simoam.Options{Users: map[string]string{"monitor": "new"}})
	file := t.TempDir() + "/password"
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old\n")
	r.http.BasicAuth = &promconfig.BasicAuth{Username: "monitor", PasswordFile: file}
	r.start()
	for range 2 {
		if r.scrape().value("iam_source_up") != 0 {
			t.Fatal("up with the old password")
		}
	}
	if n := r.faults.Requests(); n != 1 {
		t.Errorf("%d requests with the old password; want 1", n)
	}
	write("new\n")
	if r.scrape().value("iam_source_up") != 1 {
		t.Errorf("down with the new password\n%s", r.log)
	}
}

// An API that stops to refuse properties tells figures that are not news.
func TestWiderFieldsAreNotNews(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 5})
	for _, s := range w.Truth(session.Intersight) {
		w.Modify(session.Intersight, s.ID, func(s *world.Session) {
			s.FailedLogins, s.LastLogin, s.Expires, s.IdlesAt = 7, s.Created, time.Time{}, time.Time{}
		})
	}
	for _, refusal := range []simintersight.Refusal{simintersight.RefuseNaming, simintersight.RefuseMute} {
		r := newRig(t, session.Intersight, w, simintersight.Options{OldAppliance: true, Refusal: refusal}, simoam.Options{}).start()
		r.scrape()
		if n := strings.Count(r.log.String(), "rejects some properties"); n != 1 {
			t.Errorf("%d log lines of the refusal; want 1\n%s", n, r.log)
		}
		r.inter.Set(func(o *simintersight.Options) { o.OldAppliance = false })
		w.Step(2 * time.Hour)
		for range 2 {
			got := r.scrape()
			if f, a := got.value("iam_failed_logins_total"), got.value("iam_logins_after_failures_total"); f != 0 || a != 0 {
				t.Errorf("%v failed logins and %v logins after them; want 0, 0", f, a)
			}
			if got.value("iam_session_failed_logins") != 35 {
				t.Errorf("iam_session_failed_logins is %v; want 35", got.value("iam_session_failed_logins"))
			}
		}
	}
}

// Figures beyond all reason cost nothing but themselves.
func TestAbsurdFigures(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 0})
	r := newRig(t, session.Intersight, w, simintersight.Options{}, simoam.Options{}).start()
	r.scrape()
	r.faults.Set(faults.Fault{Path: simintersight.PathSessions, Effect: faults.JSON(`{"Count":2,"Results":[
		{"Moid":"a","CreateTime":"2030-01-01T00:00:00Z","FailedLogins":9223372036854775807,"LastLoginTime":"2030-01-01T00:00:00Z","Expiration":"9999-12-31T23:59:59Z","User":{"Moid":"u"}},
		{"Moid":"b","CreateTime":"2030-01-01T00:00:00Z","FailedLogins":9223372036854775807,"LastLoginTime":"2030-01-02T00:00:00Z","Expiration":"0001-01-01T00:00:00Z","User":{"Moid":"u"}}]}`)})
	got := r.scrape()
	if got.value("iam_source_up") != 1 || got.value("iam_sessions", "status", "active") != 2 || got.value("iam_failed_logins_total") != 0 {
		t.Errorf("up %v, active %v, failed logins %v; want 1, 2, 0", got.value("iam_source_up"), got.value("iam_sessions", "status", "active"), got.value("iam_failed_logins_total"))
	}
}
