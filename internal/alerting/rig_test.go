package alerting_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/notify"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is a session API in memory.
type api struct {
	mu     sync.Mutex
	users  []string // who is logged in, since an hour before they are first seen
	since  map[string]time.Time
	fails  bool
	panics any
	hangs  chan struct{} // where set, a refresh ends with this
	asked  []time.Duration
	begin  time.Time
	wanted session.Want // by the last refresh
	hash   session.Hasher
}

func (a *api) Facts() session.Facts {
	return session.FactRole | session.FactIdentityStore | session.FactImpersonation | session.FactPartial
}
func (a *api) Info() session.Info { return session.Info{} }
func (a *api) Close()             {}

func (a *api) Snapshot(ctx context.Context, want session.Want) (*session.Snapshot, error) {
	a.mu.Lock()
	a.asked, a.wanted = append(a.asked, time.Since(a.begin)), want
	snap, fails, panics, hangs := a.list(want), a.fails, a.panics, a.hangs
	a.mu.Unlock()
	if panics != nil {
		panic(panics)
	}
	if hangs != nil {
		<-hangs
	}
	if fails {
		return nil, &session.Error{Reason: session.ReasonHTTP, Err: errors.New("HTTP 500")}
	}
	return snap, nil
}

func (a *api) list(want session.Want) *session.Snapshot {
	s := &session.Snapshot{Taken: time.Now(), Complete: true, Total: len(a.users), Reported: len(a.users),
		Resolved: map[session.Dimension]session.Resolution{session.DimensionClientIP: {Listed: true}, session.DimensionRole: {Listed: true}, session.DimensionIdentityStore: {Listed: true}}}
	if want.Identities {
		s.Identities = []session.Identity{}
	}
	for i, user := range a.users {
		if a.since[user].IsZero() {
			a.since[user] = time.Now().Add(-time.Hour)
		}
		id := a.hash.Key(fmt.Sprint("session", user, i))
		s.Sessions = append(s.Sessions, session.Session{ID: id, User: a.hash.Key("Store", user), Status: session.Active, Role: "user",
			IdentityStore: "Store", ClientIP: fmt.Sprintf("10.0.%d.1", i), Created: a.since[user], FailedLogins: -1})
		if want.Identities {
			s.Identities = append(s.Identities, session.Identity{User: session.NewPerson(user, "Store")})
		}
	}
	return s
}

// logsIn says who is logged in from now on.
func (a *api) logsIn(users ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users = users
}

func (a *api) set(change func(*api)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// times are when it was asked, since the test began.
func (a *api) times() string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprint(a.asked)
}

// wire is an alert as Alertmanager gets it.
type wire struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
}

// alertmanager takes alerts, unless it is down.
type alertmanager struct {
	begin  time.Time
	mu     sync.Mutex
	down   bool
	hangs  bool
	panics any
	ahead  time.Duration // of its clock
	texts  bytes.Buffer  // of all requests
	got    []string      // what came, but for what repeats
	last   map[string]string
	all    []wire
}

func (m *alertmanager) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	down, hangs, panics := m.down, m.hangs, m.panics
	m.mu.Unlock()
	if panics != nil {
		panic(panics)
	}
	if hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if down {
		return nil, errors.New("refused")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts.Write(body)
	var alerts []wire
	if err := json.Unmarshal(body, &alerts); err != nil {
		return nil, err
	}
	for _, a := range alerts {
		m.all = append(m.all, a)
		m.note(a)
	}
	date := time.Now().Add(m.ahead).UTC().Format(http.TimeFormat)
	return &http.Response{StatusCode: 200, Header: http.Header{"Date": {date}}, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// note keeps what is new.
func (m *alertmanager) note(a wire) {
	id := fmt.Sprint(a.Labels)
	text := strings.TrimPrefix(a.Labels["alertname"], "IAMUser") + " " + a.Labels["source"] + " fires"
	if !a.EndsAt.After(time.Now()) {
		text = strings.Replace(text, "fires", "ends", 1)
	}
	if team := a.Labels["team"]; team != "" {
		text += " for " + team
	}
	if m.last[id] != text {
		m.last[id] = text
		m.got = append(m.got, fmt.Sprintf("%v %s", time.Since(m.begin).Round(time.Second), text))
	}
}

// news are the changes that it heard of since it was last asked.
func (m *alertmanager) news() []string {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	got := m.got
	m.got = nil
	slices.SortStableFunc(got, func(a, b string) int { // what is of the same moment
		at, of, _ := strings.Cut(a, " ")
		bt, ofB, _ := strings.Cut(b, " ")
		if at != bt {
			return 0
		}
		return strings.Compare(of, ofB)
	})
	return got
}

func (m *alertmanager) heard(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := m.news(); !slices.Equal(got, want) {
		t.Errorf("%s: Alertmanager heard %q, want %q", when, got, want)
	}
}

func (m *alertmanager) set(change func(*alertmanager)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

// rig is an exporter in fake time, with APIs and Alertmanagers in memory.
type rig struct {
	t     *testing.T
	dir   string
	begin time.Time
	log   testkit.Buffer
	mu    sync.Mutex
	apis  map[string][]*api // by source, the newest last
	who   []string          // is logged in where a source is made
	made  func(source string, a *api)
	now   func() time.Time
	ams   map[string]*alertmanager
	e     *exporter.Exporter
}

const key = "0123456789abcdef0123456789abcdef"

// inFakeTime runs a test with two sources, a and b, which nobody scrapes.
func inFakeTime(t *testing.T, alerting string, test func(*rig)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dir, alerting, "root")
		defer func() { r.e.Close() }()
		test(r)
	})
}

func newRig(t *testing.T, dir, alerting string, who ...string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir, begin: time.Now(), apis: map[string][]*api{}, who: who, ams: map[string]*alertmanager{}, now: time.Now}
	r.write("key", key+"\n")
	r.write("secret", "x")
	r.write("config.yml", sources("a", "b")+alerting)
	r.start()
	return r
}

func (r *rig) write(file, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, file), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// start makes the exporter, as a restart would.
func (r *rig) start() {
	r.t.Helper()
	make := func(c config.Source) (session.Source, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		a := &api{users: r.who, since: map[string]time.Time{}, begin: r.begin, hash: session.NewHasher()}
		if r.made != nil {
			r.made(c.Name, a)
		}
		r.apis[c.Name] = append(r.apis[c.Name], a)
		return a, nil
	}
	e, err := exporter.New(exporter.Options{
		Name: "config.yml", Load: func() (*config.Config, error) { return config.Load(filepath.Join(r.dir, "config.yml")) },
		Factories: map[session.API]exporter.Factory{session.OAM: make}, Now: r.clock, Logger: log.NewLogfmtLogger(&r.log),
		Alerting: alerting.Options{ExternalURL: "https://exporter.example.com", Transport: func(m notify.Alertmanager) (http.RoundTripper, error) {
			return r.am(strings.TrimPrefix(m.URL, "http://")), nil
		}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.e = e
}

// restart ends the exporter and starts it anew; made may change the APIs.
func (r *rig) restart(made func(source string, a *api)) {
	r.t.Helper()
	r.e.Close()
	r.made = made
	r.start()
	synctest.Wait()
}

// clock is the exporter's.
func (r *rig) clock() time.Time {
	r.mu.Lock()
	now := r.now
	r.mu.Unlock()
	return now()
}

// setClock gives it another one.
func (r *rig) setClock(now func() time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = now
}

// am returns an Alertmanager by its host.
func (r *rig) am(host string) *alertmanager {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ams[host] == nil {
		r.ams[host] = &alertmanager{begin: r.begin, last: map[string]string{}}
	}
	return r.ams[host]
}

// api returns the newest API of a source.
func (r *rig) api(source string) *api {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.apis[source]
	return all[len(all)-1]
}

// reload puts a configuration into force.
func (r *rig) reload(text string) {
	r.t.Helper()
	r.write("config.yml", text)
	if err := r.e.Reload(); err != nil {
		r.t.Fatal(err)
	}
}

// until waits until a moment of the test.
func (r *rig) until(d time.Duration) {
	time.Sleep(d - time.Since(r.begin))
	synctest.Wait()
}

// metrics are the exporter's own.
func (r *rig) metrics() string {
	r.t.Helper()
	synctest.Wait()
	return r.scrape()
}

// scrape returns them as they are just now.
func (r *rig) scrape() string {
	r.t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r.e)
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		r.t.Errorf("promlint: %v, %v; want no problems", problems, err)
	}
	families, err := reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			r.t.Fatal(err)
		}
	}
	return b.String()
}

// value checks a sample; "" is none.
func (r *rig) value(when, series, want string) {
	r.t.Helper()
	if got := testkit.Value(r.metrics(), series); got != want {
		r.t.Errorf("%s: %s is %q, want %q", when, series, got, want)
	}
}

// sources are the sources of a configuration. What follows a comma is more of one.
func sources(all ...string) string {
	text := "sources:\n"
	for _, s := range all {
		name, more, _ := strings.Cut(s, ",")
		if more != "" {
			more = ", " + more
		}
		if !strings.Contains(more, "min_interval") {
			more += ", min_interval: 0s"
		}
		text += fmt.Sprintf("  - {name: %s, api: oam, url: 'https://%s.example.com', basic_auth: {username: u, password_file: secret}%s}\n", name, name, more)
	}
	return text
}

// watching is an alerting block: root is watched, and more of the block.
func watching(more ...string) string {
	return "alerting:\n  alertmanagers: [{url: 'http://am'}]\n  key_file: key\n  hold: 10m\n  detections: {break_glass: {users: [root]}, concurrent_sessions: {enabled: false}}\n" +
		strings.Join(append([]string{}, more...), "")
}
