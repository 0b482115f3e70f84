package endtoend

import (
	"os"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// An API that refuses us, or asks for quiet, is asked once and then left alone;
// each pull meanwhile counts the reason that began it.
func TestRefusalsAreObeyed(t *testing.T) {
	for _, api := range []session.API{session.Intersight, session.OAM} {
		for _, c := range []struct {
			name   string
			effect simulator.Effect
			reason string
			quiet  time.Duration
		}{
			{"401", simulator.Status(401), "auth", 2 * time.Minute},
			{"403", simulator.Status(403), "forbidden", 2 * time.Minute},
			{"429", simulator.Status(429), "rate_limited", 30 * time.Second},
			{"429 with seconds", simulator.RetryAfter(429, 90*time.Second), "rate_limited", 90 * time.Second},
			{"503", simulator.Status(503), "http", 30 * time.Second},
			{"503 with seconds", simulator.RetryAfter(503, 20*time.Second), "rate_limited", 20 * time.Second},
			{"429 for a day", simulator.RetryAfter(429, 24*time.Hour), "rate_limited", 15 * time.Minute},
		} {
			t.Run(string(api)+" "+c.name, func(t *testing.T) {
				conf := simulator.DefaultConfig()
				conf.OAM.Sessions, conf.Intersight.Sessions = 10, 10
				w := simulator.New(conf)
				r := newRig(t, api, w, simulator.IntersightOptions{}, simulator.OAMOptions{}).start()
				r.faults.Set(simulator.Fault{Effect: c.effect})
				before := r.faults.Requests()
				for i := range 3 {
					got := r.pull()
					if n := r.faults.Requests() - before; n != 1 {
						t.Errorf("pull %d: %d requests", i, n)
					}
					if v := got.value("iam_source_errors_total", "reason", c.reason); v != float64(i+1) || got.value("iam_source_up") != 0 {
						t.Errorf("pull %d: %v errors of %s", i, v, c.reason)
					}
				}
				r.faults.Clear()
				w.Step(c.quiet - time.Second)
				if r.pull().value("iam_source_up") != 0 || r.faults.Requests()-before != 1 {
					t.Error("asked before its time")
				}
				w.Step(2 * time.Second)
				if r.pull().value("iam_source_up") != 1 {
					t.Errorf("not asked when its time had come\n%s", r.log)
				}
			})
		}
	}
}

// A new password ends the wait that a refused one began.
func TestANewSecretIsTriedAtOnce(t *testing.T) {
	conf := simulator.DefaultConfig()
	conf.OAM.Sessions = 10
	r := newRig(t, session.OAM, simulator.New(conf), simulator.IntersightOptions{}, simulator.OAMOptions{Users: map[string]string{"monitor": "new"}})
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
		if r.pull().value("iam_source_up") != 0 {
			t.Fatal("up with the old password")
		}
	}
	if n := r.faults.Requests(); n != 1 {
		t.Errorf("%d requests with the old password", n)
	}
	write("new\n")
	if r.pull().value("iam_source_up") != 1 {
		t.Errorf("down with the new password\n%s", r.log)
	}
}
