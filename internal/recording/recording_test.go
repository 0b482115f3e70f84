package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
)

const canary = "canary"

var (
	noon   = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	key    = []byte("0123456789abcdef0123456789abcdef")
	office = netip.MustParsePrefix("10.0.0.0/8")
)

func locate(raw string) (detection.Place, bool) {
	a, err := netip.ParseAddr(raw)
	if err != nil {
		return detection.Place{}, false
	}
	name := ""
	if office.Contains(a) {
		name = "office"
	}
	return detection.NewPlace(a, name), true
}

func settings() *detection.Settings {
	return &detection.Settings{
		Key: key, ResendDelay: time.Minute, Hold: 10 * time.Minute, KeepFiringFor: 3 * time.Minute, MaxAlerts: 4, Locate: locate,
		Privileged: detection.Who{Roles: []string{"Admin"}, Users: []string{canary + "-user1@example.com"}}, ServiceAccounts: []string{canary + "-USER2@example.com"},
		Detections: map[string]detection.Override{
			"shared_address": {General: detection.Values{"enabled": true, "max": 2}},
			"break_glass":    {General: detection.Values{"users": []string{canary + "-User3@example.com"}}},
			"session_age":    {General: detection.Values{"max": 40 * time.Minute}},
		},
		Exceptions: []detection.Exception{{Users: []string{canary + "-user4@example.com"}, Until: noon.Add(20 * time.Minute)}},
	}
}

func facts(api session.API) session.Facts {
	if api == session.OAM {
		return session.FactIdentityStore | session.FactImpersonation
	}
	return session.FactIdentityStore | session.FactFailedLogins | session.FactLastLogin
}

// life is a session of a small world.
type life struct {
	moid       string
	user       int
	from, to   time.Time
	ip         string
	failed     int64
	impersonal bool
}

// hour is a world whose sessions come and go for an hour and a half.
func hour(seed uint64) []life {
	r := rand.New(rand.NewPCG(seed, 1))
	var all []life
	for i := range 120 {
		from := noon.Add(time.Duration(r.IntN(90*60)-30*60) * time.Second)
		l := life{fmt.Sprintf("%s-moid-%d", canary, i), r.IntN(8), from, from.Add(time.Duration(r.IntN(3600)) * time.Second), "", 0, r.IntN(9) == 0}
		switch r.IntN(4) {
		case 0:
			l.ip = fmt.Sprintf("10.0.0.%d", r.IntN(3))
		case 1:
			l.ip = fmt.Sprintf("2001:db8:%d::1", r.IntN(4))
		case 2:
			l.ip = fmt.Sprintf("192.0.%d.7", r.IntN(4))
		}
		if r.IntN(5) == 0 {
			l.failed = int64(r.IntN(14))
		}
		all = append(all, l)
	}
	return all
}

func snapshot(world []life, api session.API, now time.Time) *session.Snapshot {
	h := session.NewHasher()
	lifetime := 35 * time.Minute
	s := &session.Snapshot{Taken: now, Complete: true, Limits: session.Limits{Lifetime: &lifetime}}
	for _, l := range world {
		if now.Before(l.from) || now.After(l.to) {
			continue
		}
		x := session.Session{ID: h.Key(l.moid), Status: session.Active, ClientIP: l.ip, Created: l.from, FailedLogins: -1}
		var who session.Identity
		store := ""
		if api == session.OAM {
			x.IdentityStore, x.Impersonating = fmt.Sprintf("store%d", l.user%2), l.impersonal
			store = x.IdentityStore
		} else {
			x.FailedLogins, who.Moid, who.LastLogin, who.LastLoginClient = l.failed, session.NewName(l.moid), l.from.Add(-time.Duration(l.user)*20*24*time.Hour), l.ip
			if l.user == 0 {
				x.Role = "Admin"
			}
		}
		s.Sessions = append(s.Sessions, x)
		who.User = session.NewPerson(fmt.Sprintf("%s-User%d@example.com", canary, l.user), store)
		s.Identities = append(s.Identities, who)
	}
	s.Total = len(s.Sessions)
	return s
}

// A replay of a recording finds the alerts that the engine found in the snapshots, at
// the same times and for the same subjects; and the recording has no name.
func TestReplayFindsWhatWasFound(t *testing.T) {
	for seed := range uint64(6) {
		for _, api := range []session.API{session.Intersight, session.OAM} {
			world := hour(seed)
			path := filepath.Join(t.TempDir(), "recording")
			out, _, err := Append(path)
			if err != nil {
				t.Fatal(err)
			}
			rec := NewRecorder(out, key, locate, func(_ *Line, err error) {
				if err != nil {
					t.Fatal(err)
				}
			})
			engine := detection.NewEngine(detection.Source{Name: "prod", API: api, Facts: facts(api)}, settings())
			var want []string
			firing := map[string]bool{}
			for i := range 60 {
				now := noon.Add(time.Duration(i) * time.Minute)
				o := collector.Observation{Source: "prod", API: api, Facts: facts(api), Began: now, Read: now}
				if i%11 == 5 {
					o.Err = errors.New("timeout")
					engine.Fail(now)
				} else {
					o.Snapshot = snapshot(world, api, now)
					engine.Observe(now, o.Snapshot)
				}
				rec.Observe(o)
				want = append(want, changes(now, firing, engine.Firing())...)
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			got, sums := replayed(t, path, settings())
			if !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("seed %d, %s: got only\n%s\nwant only\n%s", seed, api, without(got, want), without(want, got))
			}
			for _, c := range engine.Counts(false) {
				n := 0
				for _, s := range c.Severities {
					n += s.Fired
				}
				if sums[c.Detection] != n {
					t.Errorf("seed %d, %s: %s fired %d times, want %d", seed, api, c.Detection, sums[c.Detection], n)
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{canary, "192.0.", "2001:db8", "10.0.0."} {
				if bytes.Contains(bytes.ToLower(text), []byte(secret)) {
					t.Errorf("the recording has %q, want no name or address in it", secret)
				}
			}
		}
	}
}

func without(all, others []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(all), func(l string) bool { return slices.Contains(others, l) }), "\n")
}

// changes lists what fires anew, and what does not any more.
func changes(at time.Time, firing map[string]bool, all []detection.Firing) []string {
	var out []string
	now := map[string]bool{}
	for _, f := range all {
		now[line(f)] = true
		if !firing[line(f)] {
			out = append(out, fmt.Sprint(at.Format(time.RFC3339), " firing ", line(f)))
		}
	}
	for l := range firing {
		if !now[l] {
			out = append(out, fmt.Sprint(at.Format(time.RFC3339), " resolved ", l))
			delete(firing, l)
		}
	}
	for l := range now {
		firing[l] = true
	}
	slices.Sort(out)
	return out
}

func line(f detection.Firing) string {
	return fmt.Sprint(f.Labels["alertname"], " ", f.Labels["severity"], " ", f.Labels["subject"], " ", f.Since.Format(time.RFC3339Nano))
}

func replayed(t *testing.T, path string, s *detection.Settings) (all []string, sums map[string]int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := NewReader(f, "recording")
	play := NewReplay(func(_ string, api session.API) (*detection.Settings, session.Facts) { return s, facts(api) })
	for {
		l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, play.Sums()
		}
		if err != nil {
			t.Fatal(err)
		}
		cs, err := play.Play(l)
		if err != nil {
			t.Fatal(err)
		}
		var of []string
		for _, c := range cs {
			state := "firing"
			if c.Resolved {
				state = "resolved"
			}
			of = append(of, fmt.Sprint(c.At.Format(time.RFC3339), " ", state, " ", line(c.Alert)))
		}
		slices.Sort(of)
		all = append(all, of...)
	}
}

const good = `{"v":1,"source":"prod","api":"oam","taken":"2026-03-02T12:00:00Z","complete":true,"total":1,"sessions":[{"id":"s-a","user":"u-a","status":"active","created":null}]}`

func TestReader(t *testing.T) {
	edit := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct{ name, line, want string }{
		{"good", good, ""},
		{"an error", `{"v":1,"source":"prod","api":"oam","taken":"2026-03-02T12:00:00Z","error":"timeout"}`, ""},
		{"a cut line", good[:60], "is cut off"},
		{"an empty line", "", "is cut off"},
		{"no JSON", "taken", "is not JSON"},
		{"no object", "[1]", "wants {"},
		{"another version", edit(`"v":1`, `"v":2`), "v: version 2 is not known"},
		{"no version", edit(`"v":1,`, ``), "v is missing"},
		{"another key", edit(`"v":1`, `"v":1,"drift":1`), `has a key that is not known: "drift"`},
		{"a key in another case", edit(`"total"`, `"Total"`), `has a key that is not known: "Total"`},
		{"a key of a session", edit(`"id"`, `"moid":"x","id"`), `sessions: 0: has a key that is not known: "moid"`},
		{"a key twice", edit(`"v":1`, `"v":1,"v":1`), "has v twice"},
		{"a name", edit(`"u-a"`, `"alice"`), "sessions: 0: user: is no pseudonym: it does not begin with u-"},
		{"a status", edit(`"active"`, `"on"`), "sessions: 0: status: is not known"},
		{"an API", edit(`"oam"`, `"x"`), "api: is not an API"},
		{"a time", edit(`2026-03-02T12:00:00Z`, `noon`), "taken: wants a time"},
		{"a total", edit(`"total":1`, `"total":-1`), "total: wants a whole number"},
		{"too small a total", edit(`"total":1`, `"total":0`), "total is 0, less than the 1 sessions"},
		{"two objects", good + good, "goes on after the object"},
		{"an error beside sessions", edit(`"complete"`, `"error":"x","complete"`), "complete can't be beside error"},
		{"bytes", edit("prod", "\xff"), "is not UTF-8"},
	} {
		r := NewReader(strings.NewReader(good+"\n"+c.line+"\n"), "file")
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		_, err := r.Next()
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && !strings.HasPrefix(got, "file:2: "+c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// After a line that is cut off, a recording goes on with a new one; only its owner
// can read it.
func TestOpenAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(path, []byte(good+"\n"+good[:40]), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		w, cut, err := Append(path)
		if err != nil || cut != want {
			t.Fatalf("cut %v, %v; want %v", cut, err, want)
		}
		if err := w.Write(&Line{Source: fmt.Sprint(i), API: session.OAM, Taken: noon}); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const rest = `,"api":"oam","taken":"2026-03-02T12:00:00Z","complete":false,"total":0,"sessions":[]}` + "\n"
	if want := good + "\n" + good[:40] + "\n" + `{"v":1,"source":"0"` + rest + `{"v":1,"source":"1"` + rest; string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
	if _, _, err := Append(os.DevNull); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a device: got %v, want an error", err)
	}
}

// When nobody has told Alertmanager for longer than hold, it has ended all alerts.
func TestAlertsLapseInAGap(t *testing.T) {
	one := snapshot([]life{{"m", 3, noon.Add(-time.Minute), noon.Add(9 * time.Hour), "", 0, false}}, session.Intersight, noon)
	path := filepath.Join(t.TempDir(), "recording")
	out, _, err := Append(path)
	if err != nil {
		t.Fatal(err)
	}
	rec := NewRecorder(out, key, locate, func(*Line, error) {})
	for _, at := range []time.Duration{0, time.Hour} {
		later := *one
		later.Taken = noon.Add(at)
		rec.Observe(collector.Observation{Source: "prod", API: session.Intersight, Facts: facts(session.Intersight), Snapshot: &later})
	}
	out.Close()
	all, _ := replayed(t, path, settings())
	var got []string
	for _, l := range all {
		if strings.Contains(l, "BreakGlass") {
			got = append(got, strings.Join(strings.Fields(l)[:2], " "))
		}
	}
	want := []string{"2026-03-02T12:00:00Z firing", "2026-03-02T12:10:00Z resolved", "2026-03-02T13:00:00Z firing"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever a file holds, it is read or refused, and what is read is written again as
// it was.
func FuzzReader(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"v":1,"source":"prod","api":"oam","taken":"2026-03-02T12:00:00Z","error":"timeout"}`))
	f.Add([]byte(good[:50]))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := NewReader(bytes.NewReader(text), "file")
		play := NewReplay(func(_ string, api session.API) (*detection.Settings, session.Facts) { return settings(), facts(api) })
		for {
			l, err := r.Next()
			if err != nil {
				return
			}
			if _, err := play.Play(l); err != nil {
				return
			}
			first, err := l.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			again, err := NewReader(bytes.NewReader(first), "file").Next()
			if err != nil {
				t.Fatalf("%s: %v", first, err)
			}
			if second, err := again.MarshalJSON(); err != nil || !bytes.Equal(first, second) {
				t.Fatalf("got %s, %v, want %s", second, err, first)
			}
		}
	})
}
