package endtoend

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// spy collects what passes through servers and must get nowhere else: tokens, cookies
// and passwords.
type spy struct {
	mu    sync.Mutex
	birds canaries
}

func (s *spy) note(all ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range all {
		if !slices.Contains(s.birds, x) {
			s.birds = append(s.birds, x)
		}
	}
}

// seen returns what was collected so far.
func (s *spy) seen() canaries {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.birds)
}

// on notes what a server and its callers send.
func (s *spy) on(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, secret, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
			s.note(secret)
		}
		h.ServeHTTP(w, r)
		for _, line := range w.Header().Values("Set-Cookie") {
			if c, err := http.ParseSetCookie(line); err == nil {
				s.note(c.Value)
			}
		}
	})
}

// cookies has a server set the cookies that are sessions of OAM.
func cookies(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, name := range []string{"ObSSOCookie", "OAMAuthnCookie_login.example.com", "OAM_ID"} {
			http.SetCookie(w, &http.Cookie{Name: name, Value: fmt.Sprintf("CaNaRy-%d-cookie", i), Path: "/"})
		}
		h.ServeHTTP(w, r)
	})
}

// told is an alert as Alertmanager knows it.
type told struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
}

// fakeAlertmanager knows of each alert what it was told last. It wants a token, which
// it also gives out.
type fakeAlertmanager struct {
	server *httptest.Server
	bodies testkit.Buffer

	mu    sync.Mutex
	last  map[string]told // by what they are called
	fired map[string]int  // how often each began to fire
}

const alertmanagerToken = "CaNaRy-token-of-alertmanager"

func newFakeAlertmanager(t *testing.T, s *spy) *fakeAlertmanager {
	m := &fakeAlertmanager{last: map[string]told{}, fired: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, alertmanagerToken)
	})
	mux.HandleFunc("POST /api/v2/alerts", m.post)
	m.server = httptest.NewServer(s.on(mux))
	t.Cleanup(m.server.Close)
	return m
}

func (m *fakeAlertmanager) post(w http.ResponseWriter, r *http.Request) {
	var all []told
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &all)
	}
	if err != nil || r.Header.Get("Authorization") != "Bearer "+alertmanagerToken {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	_, _ = m.bodies.Write(body)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range all {
		name := a.Labels["alertname"] + " " + a.Labels["severity"] + " " + a.Labels["source"]
		if before, known := m.last[name]; a.EndsAt.After(time.Now()) && (!known || !before.EndsAt.After(time.Now())) {
			m.fired[name]++
		}
		m.last[name] = a
	}
}

// firing lists what fires now.
func (m *fakeAlertmanager) firing() (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, a := range m.last {
		if a.EndsAt.After(time.Now()) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// of returns what it was told of an alert, and how often that began.
func (m *fakeAlertmanager) of(name string) (told, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[name], m.fired[name]
}

// emptyWorld is one in which nothing happens by itself.
func emptyWorld() *world.World {
	c := world.DefaultConfig()
	c.Start, c.Warmup = time.Now().Truncate(time.Second), 0
	p := world.Population{IdleTimeout: 15 * time.Minute, Lifetime: 12 * time.Hour}
	c.Intersight, c.OAM = p, p
	w := world.New(c)
	w.Follow(time.Now)
	return w
}

func serveAPI(t *testing.T, h http.Handler) string {
	t.Helper()
	s, err := simulator.Serve(h, simulator.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.URL
}

// What somebody does in Intersight, in an OAM that lists all sessions and in one that
// lists some of 600 is an alert at Alertmanager with who, where and since when, and is
// resolved when the sessions have ended. Neither tokens nor cookies, by which sessions
// could be taken over, nor names get anywhere else.
func TestFromSessionsToAlertmanager(t *testing.T) {
	t.Parallel()
	const user, store = "breakglass", "UserIdentityStore1"
	const clientSecret, password = "CaNaRy-client-secret", "CaNaRy-password"
	s := &spy{}
	s.note(clientSecret, password)
	small, large := emptyWorld(), emptyWorld()
	small.AddN(session.Intersight, 20, nil)
	small.AddN(session.OAM, 10, nil)
	large.AddN(session.OAM, 600, nil)
	urls := []string{
		serveAPI(t, s.on(simintersight.New(small, simintersight.Options{Clients: map[string]string{"client": clientSecret}}))),
		serveAPI(t, s.on(cookies(simoam.New(small, simoam.Options{Users: map[string]string{"monitor": password}, Cookie: true})))),
		serveAPI(t, s.on(cookies(simoam.New(large, simoam.Options{Users: map[string]string{"monitor": password}, Cookie: true})))),
	}
	am := newFakeAlertmanager(t, s)
	dir := t.TempDir()
	write(t, dir, "client_secret", clientSecret+"\n")
	write(t, dir, "password", password+"\n")
	write(t, dir, "key", strings.Repeat("k", 32)+"\n")
	config := write(t, dir, "config.yml", fmt.Sprintf(`sources:
  - {name: intersight, api: intersight, url: %[1]q, min_interval: 1s, oauth2: {client_id: client, client_secret_file: client_secret, token_url: "%[1]s/iam/token"}}
  - {name: small, api: oam, url: %[2]q, min_interval: 1s, session_lifetime: 12h, basic_auth: {username: monitor, password_file: password}}
  - {name: large, api: oam, url: %[3]q, min_interval: 1s, max_queries: 40, session_lifetime: 12h, basic_auth: {username: monitor, password_file: password}}
alerting:
  alertmanagers: [{url: %[4]q, oauth2: {client_id: exporter, client_secret_file: client_secret, token_url: "%[4]s/token"}}]
  key_file: key
  interval: 1s
  resend_delay: 1s
  keep_firing_for: 1s
  hold: 8s
  detections: {break_glass: {users: [%[5]s, %[5]s@example.com]}}
`, urls[0], urls[1], urls[2], am.server.URL, user))
	p := run(t, "http", "--config.file="+config, "--log.level=debug")
	p.until("nothing fires, and what can be is covered", func() bool {
		_, text := p.get("/metrics")
		return strings.Count(text, `detection="break_glass",source=`) > 0 && len(am.firing()) == 0 &&
			testkit.Value(text, `iam_detection_covers{api="oam",detection="break_glass",source="small"}`) == "1" &&
			testkit.Value(text, `iam_detection_covers{api="intersight",detection="break_glass",source="intersight"}`) == "1" &&
			testkit.Value(text, `iam_source_complete{api="oam",source="large"}`) == "0"
	})

	since := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	var ids [3][]string
	ids[0] = small.AddN(session.Intersight, 6, func(_ int, x *world.Session) {
		x.User, x.UserMoid, x.FailedLogins, x.Created = user+"@example.com", "5b0000000000000000000abc", 12, since
	})
	for i, w := range []*world.World{small, large} {
		ids[i+1] = append(w.AddN(session.OAM, 1, func(_ int, x *world.Session) { x.User, x.Store, x.Created = user, store, since }),
			w.Add(session.OAM, func(x *world.Session) { x.Impersonating, x.Created = true, since }))
	}
	want := []string{
		"IAMUserBreakGlass critical intersight", "IAMUserBreakGlass critical large", "IAMUserBreakGlass critical small",
		"IAMUserConcurrentSessions warning intersight",
		"IAMUserImpersonated info large", "IAMUserImpersonated info small",
		"IAMUserLoginAfterFailures critical intersight", "IAMUserLoginAfterFailures warning intersight",
	}
	p.until("all fire", func() bool { return slices.Equal(am.firing(), want) })
	for _, name := range want {
		a, _ := am.of(name)
		starts := since
		if strings.Contains(name, "Concurrent") {
			starts = since.Add(5 * time.Minute)
		}
		if !a.StartsAt.Equal(starts) || a.Annotations["client_addresses"] != "192.0.2.10" || a.Annotations["runbook_url"] != "" {
			t.Errorf("%s: since %s, from %q; want %s and 192.0.2.10", name, a.StartsAt, a.Annotations["client_addresses"], starts)
		}
		if who := a.Annotations["user"]; !strings.Contains(name, "Impersonated") && !strings.HasPrefix(who, user) {
			t.Errorf("%s: of %q, want %s", name, who, user)
		}
	}
	inSmall, _ := am.of("IAMUserBreakGlass critical small")
	inLarge, _ := am.of("IAMUserBreakGlass critical large")
	if a, b := inSmall.Labels["subject"], inLarge.Labels["subject"]; a == "" || a != b || inLarge.Annotations["listed"] == "" {
		t.Errorf("subjects %q and %q, listed %q; want one subject, and that not all are listed", a, b, inLarge.Annotations["listed"])
	}

	birds := s.seen()
	jwt, cookies := 0, 0
	for _, x := range birds {
		if strings.Count(x, ".") == 2 {
			jwt++
		}
		if strings.HasSuffix(x, "-cookie") {
			cookies++
		}
	}
	if jwt == 0 || cookies != 3 || !slices.Contains(birds, alertmanagerToken) {
		t.Fatalf("%d tokens of Intersight, %d cookies, of %q; want some, 3, and that of Alertmanager", jwt, cookies, birds)
	}
	for _, w := range []*world.World{small, large} {
		for _, x := range w.Truth(session.OAM) {
			birds = append(birds, x.ID)
		}
	}
	names := slices.Clone(birds)
	for _, x := range append(append(small.Truth(session.Intersight), small.Truth(session.OAM)...), large.Truth(session.OAM)...) {
		names = append(names, x.User, x.UserMoid, x.ID)
	}
	// The names of this exporter's own configuration are not secret.
	names = slices.DeleteFunc(names, func(x string) bool { return x == "monitor" })
	for _, path := range []string{"/", "/api/v1/alerts", "/metrics", "/probe?source=large&debug=true", "/probe?source=intersight&debug=true"} {
		_, page := p.get(path)
		names.look(t, path, page)
	}

	for i, w := range []*world.World{small, small, large} {
		for _, id := range ids[i] {
			if api := []session.API{session.Intersight, session.OAM, session.OAM}[i]; !w.Remove(api, id) {
				t.Errorf("no session %s", id)
			}
		}
	}
	p.until("all are resolved", func() bool { return len(am.firing()) == 0 })
	for _, name := range want {
		if a, n := am.of(name); n != 1 || a.EndsAt.Before(since) || a.EndsAt.After(time.Now()) {
			t.Errorf("%s: fired %d times, ended at %s; want once, a moment ago", name, n, a.EndsAt)
		}
	}
	birds.look(t, "alerts", am.bodies.String())
	recording := filepath.Join(dir, "recording")
	if code, _, stderr := once(t, "record", "--config.file="+config, "--output="+recording, "--for=2s", "--log.level=debug"); code != 0 {
		t.Errorf("record: exit code %d\n%s", code, stderr)
	} else {
		names.look(t, "the log of a recording", stderr)
	}
	names.look(t, "the log", p.err.String()+p.out.String())
}
