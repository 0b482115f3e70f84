package detection

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// crowd is a snapshot of many sessions: of as many users as given.
func crowd(sessions, users int) *session.Snapshot {
	var logins []login
	for i := range sessions {
		l := login{user: fmt.Sprintf("User%d@Example.com", i%users), role: "Operator", ip: fmt.Sprintf("10.%d.%d.%d", i>>14&255, i>>7&127, i&127), age: time.Duration(i%600) * time.Minute, away: time.Hour}
		if i%50 == 0 {
			l.role = privileged
		}
		if i%7 == 0 {
			l.status = session.Idle
		}
		logins = append(logins, l)
	}
	return snap(logins...)
}

// everything turns all detections on.
func everything() *Settings {
	s := base()
	s.ServiceAccounts, s.SharedNetworks = []string{"svc-*", "*-bot"}, []string{"vpn"}
	s.with("unexpected_network", Values{"expect": []Expect{{Users: []string{"svc-*"}, Networks: []string{"lab"}}, {Roles: []string{"Operator", privileged}, Networks: []string{"hq"}}}}, nil)
	s.with("unexpected_identity_store", Values{"expect": []string{"ldap"}}, nil)
	s.with("break_glass", Values{"users": []string{"breakglass", "*root"}}, nil)
	s.with("off_hours", Values{"hours": &Hours{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, To: 24 * time.Hour, Zone: time.UTC}}, nil)
	s.with("shared_address", Values{"enabled": true}, nil)
	s.Exceptions = []Exception{{Users: []string{"carol*"}, Networks: []string{"vpn"}, Until: noon.Add(time.Hour)}, {Roles: []string{"Auditor"}, Until: noon.Add(time.Hour)}}
	return s
}

// One evaluation of 100,000 sessions, with all detections on; the limit is 200 ms.
func BenchmarkEvaluate(b *testing.B) {
	for _, users := range []int{2_000, 50_000} {
		for name, set := range map[string]*Settings{"defaults": base(), "everything": everything()} {
			snapshot := crowd(100_000, users)
			for _, src := range []Source{cloud, sso} {
				b.Run(fmt.Sprintf("%s/%s/users=%d", src.API, name, users), func(b *testing.B) {
					c, p := compile(src, set), NewPseudonymizer(set.Key)
					b.ReportAllocs()
					for b.Loop() {
						evaluate(c, p, snapshot)
					}
				})
			}
		}
	}
}

// town is a snapshot of many sessions, of a fifth as many users and addresses. Some
// have far more than others, so that most detections find more than is sent.
func town(sessions int) *session.Snapshot {
	r := rand.New(rand.NewPCG(1, 19))
	few := rand.NewZipf(r, 1.3, 20, uint64(sessions/5-1))
	var logins []login
	for range sessions {
		at := few.Uint64()
		l := login{user: fmt.Sprintf("User%d@Example.com", few.Uint64()), role: pick(r, "Operator", "Operator", privileged), age: time.Duration(r.IntN(1200)) * time.Minute, away: time.Hour,
			ip: fmt.Sprintf("%d.%d.%d.%d", 10+at&3, at>>14&255, at>>7&127, at&127)}
		logins = append(logins, l)
	}
	return snap(logins...)
}

// The same, with the alerts that it makes.
func BenchmarkObserve(b *testing.B) {
	for name, snapshot := range map[string]*session.Snapshot{"crowd": crowd(100_000, 2_000), "town": town(100_000)} {
		b.Run(name, func(b *testing.B) {
			e, now := NewEngine(cloud, everything()), noon
			e.Observe(now, snapshot)
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Minute)
				e.Observe(now, snapshot)
			}
		})
	}
}
