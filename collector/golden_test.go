package collector

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A fixture's sessions of Intersight.
func intersightSessions() []session.Session {
	expires, idles := noon.Add(8*time.Hour), noon.Add(20*time.Minute)
	return []session.Session{
		{ID: 1, User: 1, Status: session.Active, Role: "Account Administrator", ClientIP: "10.0.0.1", IdentityStore: "Okta", LoginType: "weblogin", Created: noon.Add(-9 * time.Hour), Expires: expires, IdlesAt: idles, FailedLogins: 3, Login: 1},
		{ID: 2, User: 1, Status: session.Active, Role: "Account Administrator", ClientIP: "::ffff:10.0.0.1", IdentityStore: "Okta", LoginType: "weblogin", Created: noon.Add(-8 * 24 * time.Hour), Expires: expires, IdlesAt: idles, FailedLogins: 3, Login: 1},
		{ID: 3, User: 2, Status: session.Active, Role: "Read-Only", ClientIP: "2001:db8::5", StoreUnknown: true, LoginType: "tokenexchange", Created: noon.Add(-time.Minute), Expires: expires, IdlesAt: idles, FailedLogins: 0, Login: 2},
		{ID: 4, User: 3, Status: session.Idle, Role: "", ClientIP: "", IdentityStore: "Cisco", LoginType: "weblogin", Created: noon.Add(-3 * time.Hour), FailedLogins: -1},
		{ID: 5, User: 4, Status: session.Terminated, Role: "other", ClientIP: "not an address", Created: noon.Add(-3 * time.Hour), Ended: noon.Add(-time.Minute), FailedLogins: -1},
		{ID: 6, User: 4, Status: session.Unknown, IdentityStore: "Okta", Role: "Read-Only", ClientIP: "192.0.2.9:443", FailedLogins: -1},
	}
}

func withLimits(s *session.Snapshot) *session.Snapshot {
	s.LockedUsers = ptr(2)
	s.Limits = session.Limits{Sessions: ptr(128), UserSessions: ptr(32), IdleTimeout: ptr(30 * time.Minute), Lifetime: ptr(16 * time.Hour)}
	return s
}

// oamWindow is what an OAM with more sessions than it lists can say: 40 in all,
// three listed, one address and one store counted.
func oamWindow() *session.Snapshot {
	return &session.Snapshot{
		Taken: noon, Total: 40, Reported: 40, Drift: ptr(-2), Impersonating: ptr(1),
		Sessions: []session.Session{
			{ID: 1, User: 1, Status: session.Active, ClientIP: "10.0.0.1", IdentityStore: "UserIdentityStore1", Created: noon.Add(-time.Hour), FailedLogins: -1},
			{ID: 2, User: 2, Status: session.Idle, ClientIP: "10.0.0.1", IdentityStore: "oud", Created: noon.Add(-time.Hour), FailedLogins: -1},
			{ID: 3, User: 3, Status: session.Active, ClientIP: "198.51.100.7", IdentityStore: "oud", Created: noon.Add(-time.Hour), FailedLogins: -1},
		},
		Resolved: map[session.Dimension]session.Resolution{
			session.DimensionClientIP:      {Counted: map[string]int{"10.0.0.1": 9, "10.0.0.2": 4}},
			session.DimensionIdentityStore: {Counted: map[string]int{"oud": 25}},
		},
		Limits: session.Limits{UserSessions: ptr(8), IdleTimeout: ptr(15 * time.Minute), Lifetime: ptr(time.Duration(0))},
	}
}

type goldenCase struct {
	name   string
	api    session.API
	change func(*Options)
	answer []func(context.Context) (*session.Snapshot, error)
}

var goldenCases = []goldenCase{
	{"intersight", session.Intersight, func(o *Options) {
		o.Networks = []grouping.Network{{Name: "hq", Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Name: "vpn", Prefix: netip.MustParsePrefix("2001:db8::/32")}}
	}, []func(context.Context) (*session.Snapshot, error){
		snapshot(withLimits(complete(noon.Add(-time.Minute)))), snapshot(withLimits(complete(noon, intersightSessions()...)))}},
	{"intersight-incomplete", session.Intersight, nil, []func(context.Context) (*session.Snapshot, error){
		snapshot(partly(&session.Snapshot{Taken: noon, Sessions: intersightSessions()[:3], Total: 3, Reported: 4, Resolved: complete(noon).Resolved}))}},
	{"intersight-limited", session.Intersight, func(o *Options) {
		o.Labels.Role.Limit, o.Labels.ClientIP = 1, grouping.ClientIP{Disabled: true}
		o.Labels.IdentityStore.Limit, o.Labels.LoginType.Limit = 1, 1
	}, []func(context.Context) (*session.Snapshot, error){snapshot(complete(noon, intersightSessions()...))}},
	{"intersight-lacks", session.Intersight, nil, []func(context.Context) (*session.Snapshot, error){snapshot(func() *session.Snapshot {
		s := complete(noon, intersightSessions()...)
		s.Lacks = session.Lacks{User: true, Created: true, FailedLogins: true}
		s.Resolved = map[session.Dimension]session.Resolution{session.DimensionClientIP: {Listed: true}}
		return s
	}())}},
	{"intersight-down-at-first", session.Intersight, nil, []func(context.Context) (*session.Snapshot, error){failure(session.ReasonAuth, errors.New("HTTP 401"))}},
	{"intersight-down-later", session.Intersight, nil, []func(context.Context) (*session.Snapshot, error){
		snapshot(withLimits(complete(noon.Add(-time.Minute)))), snapshot(complete(noon, intersightSessions()...)), failure(session.ReasonDecode, errors.New("a login page"))}},
	{"oam", session.OAM, nil, []func(context.Context) (*session.Snapshot, error){snapshot(func() *session.Snapshot {
		s := complete(noon, oamWindow().Sessions...)
		s.Drift, s.Impersonating, s.Limits = ptr(0), ptr(1), oamWindow().Limits
		return s
	}())}},
	{"oam-window", session.OAM, func(o *Options) {
		o.Networks = []grouping.Network{{Name: "hq", Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
	}, []func(context.Context) (*session.Snapshot, error){snapshot(oamWindow())}},
	{"oam-down", session.OAM, nil, []func(context.Context) (*session.Snapshot, error){failure(session.ReasonUntrusted, errors.New("contradiction"))}},
}

// failures are the cases of each reason.
func failures() (cases []goldenCase) {
	for _, r := range session.Reasons() {
		cases = append(cases, goldenCase{"intersight-down-" + string(r), session.Intersight, nil,
			[]func(context.Context) (*session.Snapshot, error){snapshot(complete(noon)), failure(r, errors.New("why"))}})
	}
	return cases
}

// volatile lines differ from run to run.
var volatile = regexp.MustCompile(`(?m)^(iam_source_scrape_duration_seconds\{[^}]*\}) .*$`)

// scrape scrapes a source once, and checks what it gets as promlint does.
func scrape(t *testing.T, s *Source) []*dto.MetricFamily {
	t.Helper()
	families := gather(t, s)
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v; want len 0", problems, err)
	}
	return families
}

func exposed(t *testing.T, families []*dto.MetricFamily, format expfmt.Format) string {
	t.Helper()
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	if c, ok := enc.(expfmt.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, c := range append(goldenCases, failures()...) {
		t.Run(c.name, func(t *testing.T) {
			o := options(c.api)
			if c.change != nil {
				c.change(&o)
			}
			f := &fakeSource{answer: c.answer}
			if c.api == session.OAM {
				for _, name := range famSearch.Labels {
					f.info.Labels = append(f.info.Labels, session.Label{Name: name, Value: "unknown"})
				}
			}
			s := newSource(f, o)
			for range len(c.answer) - 1 {
				s.scrape(t.Context(), 0)
			}
			g, err := New(s).Scrape(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			families, err := g.Gather()
			if err != nil {
				t.Fatal(err)
			}
			got := volatile.ReplaceAllString(exposed(t, families, expfmt.NewFormat(expfmt.TypeTextPlain)), "$1 0")
			file := filepath.Join("testdata", c.name+".prom")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; go test -update writes it anew\ngot\n%s\nwant\n%s", file, got, want)
			}
			if problems, err := testutil.GatherAndLint(g); err != nil || len(problems) > 0 {
				t.Errorf("promlint: %v %v; want len 0", problems, err)
			}
		})
	}
}

// What text says, OpenMetrics and protobuf say too.
func TestFormatsAgree(t *testing.T) {
	s := newSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(withLimits(complete(noon, intersightSessions()...)))}}, options(session.Intersight))
	families := scrape(t, s)
	om := exposed(t, families, expfmt.NewFormat(expfmt.TypeOpenMetrics))
	if !strings.HasSuffix(om, "# EOF\n") || strings.Contains(om, "_created") {
		t.Errorf(`OpenMetrics lacks its end, or has _created lines; om = %v, want "# EOF\n" at its end`, om)
	}
	proto := exposed(t, families, expfmt.NewFormat(expfmt.TypeProtoDelim))
	dec := expfmt.NewDecoder(strings.NewReader(proto), expfmt.NewFormat(expfmt.TypeProtoDelim))
	got := map[string]*dto.MetricFamily{}
	for {
		var f dto.MetricFamily
		if dec.Decode(&f) != nil {
			break
		}
		got[f.GetName()] = &f
	}
	if len(got) != len(families) {
		t.Fatalf("%d families in protobuf, want the %d gathered", len(got), len(families))
	}
	for _, f := range got {
		for _, m := range f.GetMetric() {
			if c := m.GetCounter(); c != nil && c.GetCreatedTimestamp() == nil {
				t.Errorf("%s has no created timestamp", f.GetName())
			}
			if h := m.GetHistogram(); h != nil && (h.GetSchema() == 0 && h.ZeroThreshold == nil || len(h.GetBucket()) == 0) {
				t.Errorf("%s is not both native and classic", f.GetName())
			}
		}
	}
}

// Every family of the table is exposed by one of the golden cases, and nothing
// that is not in the table.
func TestEveryFamilyIsReal(t *testing.T) {
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/*.prom")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(string(b), -1) {
			seen[m[1]] = true
		}
	}
	table := map[string]bool{}
	for _, f := range Families() {
		table[f.Name] = true
	}
	if !maps.Equal(seen, table) {
		t.Errorf("exposed %v\nwant, by the table, %v", slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(table)))
	}
}

// Whatever an API spells, the exposition is valid and nothing is counted twice.
func FuzzHostileValues(f *testing.F) {
	f.Add("role", "10.0.0.1", "store")
	f.Add("a\nb\"c\\", "\xff", "\x00")
	f.Add("other", "unknown", "none")
	f.Fuzz(func(t *testing.T, role, ip, store string) {
		snap := complete(noon,
			session.Session{ID: 1, Status: session.Active, Role: role, ClientIP: ip, IdentityStore: store},
			session.Session{ID: 2, Status: session.Idle, Role: role + "x", ClientIP: ip + "1", IdentityStore: store + "\n"})
		for _, api := range []session.API{session.Intersight, session.OAM} {
			families := scrape(t, newSource(&fakeSource{answer: []func(context.Context) (*session.Snapshot, error){snapshot(snap)}}, options(api)))
			for _, fam := range families {
				if !strings.HasPrefix(fam.GetName(), "iam_sessions") || fam.GetType() != dto.MetricType_GAUGE || strings.HasSuffix(fam.GetName(), "limit") {
					continue
				}
				sum := 0.0
				for _, m := range fam.GetMetric() {
					sum += m.GetGauge().GetValue()
				}
				if sum != 2 {
					t.Errorf("%s sums to %v; want 2", fam.GetName(), sum)
				}
			}
			exposed(t, families, expfmt.NewFormat(expfmt.TypeTextPlain))
		}
	})
}
