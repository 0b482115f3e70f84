package detection

import (
	"fmt"
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

// The same, with the alerts that it makes.
func BenchmarkObserve(b *testing.B) {
	snapshot := crowd(100_000, 2_000)
	e, now := NewEngine(cloud, everything()), noon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Minute)
		e.Observe(now, snapshot)
	}
}
