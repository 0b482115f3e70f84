package intersight

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sessionsPath = "/api/v1/iam/Sessions"
	limitsPath   = "/api/v1/iam/SessionLimits"
	usersPath    = "/api/v1/iam/Users"
	idpsPath     = "/api/v1/iam/Idps"
	refsPath     = "/api/v1/iam/IdpReferences"
)

// noon is the fake API's and the sources' clock.
var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

// fakeAPI is a small Intersight. Its fields are set before it is asked.
type fakeAPI struct {
	url string

	mu       sync.Mutex
	rows     []string // JSON objects in order of Moid
	pageCap  int      // most rows a page, 0: $top
	noCount  bool
	limits   http.HandlerFunc
	others   map[string]http.HandlerFunc                                 // by path: users and identity providers
	sessions func(page int, w http.ResponseWriter, r *http.Request) bool // true: answered
	asked    []string                                                    // paths with decoded queries
	pages    int
}

const accountLimitsJSON = `{"ObjectType":"iam.SessionLimits.List","Count":2,"Results":[
	{"ObjectType":"iam.SessionLimits","Moid":"b","IdleTimeOut":300,"SessionTimeOut":350,"MaximumLimit":1,"PerUserLimit":1,"Permission":{"Moid":"p1"}},
	{"ObjectType":"iam.SessionLimits","Moid":"a","IdleTimeOut":1800,"SessionTimeOut":57600,"MaximumLimit":128,"PerUserLimit":32,"Permission":null}]}`

func newFakeAPI(t testing.TB, rows ...string) *fakeAPI {
	f := &fakeAPI{rows: rows, limits: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, accountLimitsJSON) }}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", noon.Format(http.TimeFormat))
	f.mu.Lock()
	q, _ := url.QueryUnescape(r.URL.RawQuery)
	f.asked = append(f.asked, r.URL.Path+"?"+q)
	limits, special, other := f.limits, f.sessions, f.others[r.URL.Path]
	f.mu.Unlock()
	if other != nil {
		other(w, r)
		return
	}
	if r.URL.Path == limitsPath {
		limits(w, r)
		return
	}
	f.mu.Lock()
	f.pages++
	page := f.pages
	f.mu.Unlock()
	if special != nil && special(page, w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
	top, _ := strconv.Atoi(r.URL.Query().Get("$top"))
	if f.pageCap > 0 {
		top = min(top, f.pageCap)
	}
	skip = min(skip, len(f.rows))
	rows := f.rows[skip:min(skip+top, len(f.rows))]
	fmt.Fprint(w, list(len(f.rows), !f.noCount, rows))
}

func list(count int, counted bool, rows []string) string {
	c := ""
	if counted {
		c = fmt.Sprintf(`"Count":%d,`, count)
	}
	return `{"ObjectType":"iam.Session.List",` + c + `"Results":[` + strings.Join(rows, ",") + `]}`
}

// shift changes the rows as something may between two pages.
func (f *fakeAPI) shift(change func(rows []string) []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = change(slices.Clone(f.rows))
}

func (f *fakeAPI) requests(path string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []string
	for _, a := range f.asked {
		if strings.HasPrefix(a, path+"?") {
			found = append(found, a)
		}
	}
	return found
}

func (f *fakeAPI) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.pages = nil, 0
}

// selects returns the $select of each request to a path.
func (f *fakeAPI) selects(path string) []string {
	var found []string
	for _, a := range f.requests(path) {
		_, q, _ := strings.Cut(a, "?")
		v, _ := url.ParseQuery(q)
		found = append(found, v.Get("$select"))
	}
	return found
}

func moid(i int) string { return fmt.Sprintf("66c44e537375732d30%06x", i) }

// row is a session as the product lists it.
func row(i int) string {
	return fmt.Sprintf(`{"ClassId":"iam.Session","ClientIpAddress":"203.0.113.%d","CreateTime":"2026-08-20T07:58:11.204Z",`+
		`"EndTime":"0001-01-01T00:00:00Z","Expiration":"2026-08-20T23:58:11.202Z","FailedLogins":%d,`+
		`"IdleTimeExpiration":"2026-08-20T12:31:44.01Z","LastLoginTime":"2026-08-19T12:00:00Z","Moid":"%s",`+
		`"ObjectType":"iam.Session","Role":"Account Administrator","Status":"Active",`+
		`"User":{"ClassId":"mo.MoRef","Moid":"5a58c41a3768393836%06x","ObjectType":"iam.User","link":"https://www.intersight.com/api/v1/iam/Users/5a58c41a3768393836%06x"},`+
		`"UserIdOrEmail":"user%d@example.com"}`, i%200+1, i%3, moid(i), i/2, i/2, i/2)
}

func rows(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = row(i)
	}
	return out
}

type bench struct {
	*Source
	clock *testkit.Clock
	logs  *testkit.Buffer
}

// newBench makes a source that asks url.
func newBench(t testing.TB, url string, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{clock: testkit.NewClock(noon), logs: &testkit.Buffer{}}
	cfg := Config{Name: "test", URL: url, UserAgent: "test", Now: b.clock.Now, Logger: log.NewLogfmtLogger(b.logs), Hasher: session.NewHasher()}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.besideWait = 10 * time.Second // a busy machine fails no test
	b.Source = s
	return b
}

// unhurried is a context with a deadline at which it does not end: what must be
// done sooner is, however busy the machine.
type unhurried struct {
	context.Context
	deadline time.Time
}

func (u unhurried) Deadline() (time.Time, bool) { return u.deadline, true }

// snapshot expects a refresh to succeed.
func (b *bench) snapshot(t testing.TB) *session.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	snap, err := b.Snapshot(ctx, session.Want{})
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	if snap.Total < len(snap.Sessions) || snap.Reported < len(snap.Sessions) || snap.Complete && snap.Total != len(snap.Sessions) {
		t.Fatalf("impossible snapshot: total %d, reported %d, listed %d, complete %t", snap.Total, snap.Reported, len(snap.Sessions), snap.Complete)
	}
	return snap
}

// failure expects a refresh to fail for a reason.
func (b *bench) failure(t testing.TB, want session.Reason) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	snap, err := b.Snapshot(ctx, session.Want{})
	if err == nil {
		t.Fatalf("Snapshot: %d sessions, want an error with reason %s", len(snap.Sessions), want)
	}
	if got, ok := session.ReasonOf(err); !ok || got != want {
		t.Fatalf("Snapshot: %v: reason %q, want %q", err, got, want)
	}
	return err
}
