package detection

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"iam_session_exporter/internal/session"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC) // a Tuesday

const (
	privileged = "Account Administrator"
)

var (
	cloud = Source{Name: "cloud", API: session.Intersight, Facts: session.FactRole | session.FactFailedLogins | session.FactLastLogin}
	sso   = Source{Name: "sso", API: session.OAM, Facts: session.FactRole | session.FactIdentityStore | session.FactImpersonation}
)

var networks = []struct {
	name   string
	prefix netip.Prefix
}{
	{"hq", netip.MustParsePrefix("10.0.0.0/8")},
	{"lab", netip.MustParsePrefix("10.9.0.0/16")},
	{"vpn", netip.MustParsePrefix("100.64.0.0/10")},
	{"vpn", netip.MustParsePrefix("2001:db8:ffff::/48")},
}

// locate reads what the configuration would.
func locate(raw string) (Place, bool) {
	a, err := netip.ParseAddr(raw)
	if err != nil {
		return Place{}, false
	}
	a = a.Unmap()
	name, bits := "", -1
	for _, n := range networks {
		if n.prefix.Contains(a) && n.prefix.Bits() > bits {
			name, bits = n.name, n.prefix.Bits()
		}
	}
	return NewPlace(a, name), true
}

func base() *Settings {
	return &Settings{
		Key: []byte("0123456789abcdef0123456789abcdef"), ResendDelay: time.Minute, Hold: 30 * time.Minute, KeepFiringFor: 5 * time.Minute,
		MaxAlerts: 50, Privileged: Who{Roles: []string{privileged}}, Locate: locate, Detections: map[string]Override{},
	}
}

// with sets keys of a detection.
func (s *Settings) with(key string, general, privileged Values) *Settings {
	s.Detections[key] = Override{General: general, Privileged: privileged}
	return s
}

// login is a session, as tests write it.
type login struct {
	user, store, role, ip string
	status                session.Status // Unknown: active
	age                   time.Duration
	undated               bool
	failed                int64
	away                  time.Duration // since the login before; 0: not told
	impersonating         bool
	place                 string // identity store that the session has
}

// snap makes a snapshot at noon. Sessions of one user, in the same spelling, share it.
func snap(logins ...login) *session.Snapshot {
	h := session.NewHasher()
	people := map[[2]string]*session.Person{}
	s := &session.Snapshot{Taken: noon, Complete: true, Total: len(logins)}
	impersonating := 0
	for i, l := range logins {
		moid := fmt.Sprintf("moid-%d", i)
		x := session.Session{ID: h.Key(moid), User: h.Key(l.store, strings.ToLower(l.user)), Status: l.status, Role: l.role, ClientIP: l.ip,
			IdentityStore: l.place, Impersonating: l.impersonating, FailedLogins: l.failed}
		if l.store != "" {
			x.IdentityStore = l.store
		}
		if l.status == session.Unknown {
			x.Status = session.Active
		}
		spelt := [2]string{l.store, l.user}
		if people[spelt] == nil {
			people[spelt] = session.NewPerson(l.user, l.store)
		}
		who := session.Identity{User: people[spelt], Moid: session.NewName(moid)}
		if !l.undated {
			x.Created = noon.Add(-l.age)
			if l.away > 0 {
				who.LastLogin = x.Created.Add(-l.away)
			}
		}
		if l.impersonating {
			impersonating++
		}
		s.Sessions = append(s.Sessions, x)
		s.Identities = append(s.Identities, who)
	}
	s.Impersonating = &impersonating
	return s
}

func times(n int, l login) []login { return slices.Repeat([]login{l}, n) }

// found are the findings as lines: the alert, its severity, whom it is about and
// when it started, in minutes before noon.
func found(j *judge) []string {
	var out []string
	for i := range j.findings {
		f := &j.findings[i]
		who := f.address
		if f.user >= 0 {
			who = j.users[f.user].name.Open()
		}
		since := "?"
		if !f.starts.IsZero() {
			since = noon.Sub(f.starts).String()
		}
		out = append(out, fmt.Sprintf("%s %s %s %s", j.cfg.table[f.detection].Key, f.severity, who, since))
	}
	slices.Sort(out)
	return out
}

func judged(src Source, set *Settings, s *session.Snapshot) *judge {
	return evaluate(compile(src, set), NewPseudonymizer(set.Key), s)
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
