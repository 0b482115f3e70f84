//go:build alerting

package alerting

import (
	"crypto"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

const (
	// The longest that the rules are for. With more, a range of ten minutes would
	// hold too few samples for Prometheus 3, which leaves out the one at its start.
	sampleEvery = 2 * time.Minute
	week        = 7 * 24 * time.Hour
)

// office is a world of two sites that are listed whole: people who work by day
// and mistype passwords now and then, and whom nobody attacks.
func office() *simulator.World {
	c := simulator.DefaultConfig()
	c.Users = 150
	c.Intersight.Sessions, c.Intersight.BruteForce, c.Intersight.Linger = 60, 0, 10*time.Minute
	c.OAM.Sessions, c.OAM.Max, c.OAM.Impersonating = 18, 26, 0
	return simulator.New(c)
}

// sampled is what Prometheus would have of a world: a value for each sample.
type sampled struct {
	world  *simulator.World
	faults *simulator.Faults // before Intersight
	series map[string][]float64
	n      int
}

// used are the metrics in the rules' expressions. Those that only a description
// names, such as the one of client addresses, would be most of the series.
func used(t *testing.T) map[string]bool {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct{ Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../alerts/rules.yml")), &file); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			for _, name := range metric.FindAllString(r.Expr, -1) {
				names[name] = true
			}
		}
	}
	return names
}

var metric = regexp.MustCompile(`\biam_[a-z_]+\b`)

// sample pulls both sites every sampleEvery, for two weeks. at is called before
// each pull with the time since the start.
func sample(t *testing.T, at func(*sampled, time.Duration)) *sampled {
	t.Helper()
	w := office()
	start := w.Now()
	key, err := simulator.NewECKey()
	if err != nil {
		t.Fatal(err)
	}
	s := &sampled{world: w, series: map[string][]float64{}}
	s.faults = simulator.NewFaults(simulator.NewIntersight(w, simulator.IntersightOptions{Keys: map[string]crypto.PublicKey{simulator.KeyID: &key.Private.PublicKey}}), 1)
	s.faults.Clock = w.Now
	var urls []string
	for _, h := range []http.Handler{s.faults, simulator.NewOAM(w, simulator.OAMOptions{})} {
		server, err := simulator.Serve(h, simulator.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		urls = append(urls, server.URL)
	}
	client := promconfig.DefaultHTTPClientConfig
	client.FollowRedirects = false
	a, err := intersight.New(intersight.Config{Name: "intersight-prod", URL: urls[0], HTTP: client, KeyID: simulator.KeyID,
		SecretKeyFile: write(t, t.TempDir(), "key.pem", string(key.Mislabeled)), UserAgent: "test", Now: w.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()})
	if err != nil {
		t.Fatal(err)
	}
	limits := w.Limits(session.OAM)
	b, err := oam.New(oam.Config{Name: "sso-emea", URL: urls[1], HTTP: client, IdleTimeout: limits.IdleTimeout, SessionLifetime: limits.Lifetime,
		UserAgent: "test", Now: w.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()})
	if err != nil {
		t.Fatal(err)
	}
	option := func(name string, api session.API) collector.Options {
		return collector.Options{Name: name, API: api, Timeout: 10 * time.Second, HasRole: api == session.Intersight,
			Labeling: collector.Labeling{Labels: collector.Labels{RoleLimit: 50, IdentityStoreLimit: 50, ClientIP: collector.ClientIPLabel{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}}},
			Now:      w.Now, Logger: log.NewNopLogger()}
	}
	c := collector.New(collector.NewSource(a, option("intersight-prod", session.Intersight)), collector.NewSource(b, option("sso-emea", session.OAM)))
	t.Cleanup(c.Close)

	wanted := used(t)
	for since := time.Duration(0); since <= 2*week; since += sampleEvery {
		at(s, since)
		g, err := c.Pull(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		families, err := g.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !wanted[f.GetName()] {
				continue
			}
			for _, m := range f.GetMetric() {
				s.add(f.GetName(), m, start)
			}
		}
		s.n++
		w.Step(sampleEvery)
	}
	return s
}

func (s *sampled) add(name string, m *dto.Metric, start time.Time) {
	pairs := []string{`instance="e.example.com:10987"`, `job="iam_session_exporter"`}
	for _, l := range m.GetLabel() {
		pairs = append(pairs, l.GetName()+"="+strconv.Quote(l.GetValue()))
	}
	slices.Sort(pairs)
	k := name + "{" + strings.Join(pairs, ", ") + "}"
	v := m.GetGauge().GetValue() + m.GetCounter().GetValue() // one of the two
	if strings.HasSuffix(name, "_timestamp_seconds") {
		v -= float64(start.Unix()) // promtool's time begins at 0
	}
	for len(s.series[k]) < s.n {
		s.series[k] = append(s.series[k], math.NaN())
	}
	s.series[k] = append(s.series[k], v)
}

// notation is promtool's: runs of a value, and of none.
func notation(values []float64) string {
	var b strings.Builder
	for i := 0; i < len(values); {
		j := i
		for j < len(values) && (values[j] == values[i] || math.IsNaN(values[j]) && math.IsNaN(values[i])) {
			j++
		}
		if math.IsNaN(values[i]) {
			fmt.Fprintf(&b, "_x%d ", j-i)
		} else {
			fmt.Fprintf(&b, "%sx%d ", strconv.FormatFloat(values[i], 'f', -1, 64), j-i-1)
		}
		i = j
	}
	return strings.TrimSpace(b.String())
}

// fired remembers every alert that ever fired: at this many samples promtool
// refuses to look back over two weeks at once.
const fired = `
groups:
  - name: test
    rules:
      - record: test:fired
        expr: count by (alertname, severity, source) (ALERTS{alertstate="firing"}) * 0 + 1 or test:fired
`

// firing checks with promtool which alerts fire at any time, most of them in the
// second week, the first being what it is compared with.
func (s *sampled) firing(t *testing.T, severities string, want ...string) {
	t.Helper()
	rules, err := filepath.Abs("../../alerts/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	interval := fmt.Sprintf("%dm", int(sampleEvery.Minutes()))
	fmt.Fprintf(&b, "rule_files: [%q, fired.yml]\nevaluation_interval: %s\ntests:\n  - interval: %s\n    input_series:\n", rules, interval, interval)
	fmt.Fprintf(&b, "      - {series: 'up{instance=\"e.example.com:10987\", job=\"iam_session_exporter\"}', values: '1x%d'}\n", s.n)
	for k, v := range s.series {
		fmt.Fprintf(&b, "      - {series: '%s', values: '%s'}\n", k, notation(v))
	}
	fmt.Fprintf(&b, "    promql_expr_test:\n      - expr: test:fired{severity=~%q}\n        eval_time: 14d\n", severities)
	b.WriteString("        exp_samples:\n")
	if len(want) == 0 {
		b.WriteString("          []\n")
	}
	for _, w := range want {
		f := strings.Fields(w)
		fmt.Fprintf(&b, "          - {labels: 'test:fired{alertname=%q, severity=%q, source=%q}', value: 1}\n", f[0], f[1], f[2])
	}
	dir := t.TempDir()
	write(t, dir, "fired.yml", fired)
	tool(t, promtoolProgram, "test", "rules", write(t, dir, "week.yml", b.String()))
}

func TestQuietWeek(t *testing.T) {
	t.Parallel() // with the other week, after what needs the machine for itself
	var helped string
	s := sample(t, func(s *sampled, since time.Duration) {
		switch since % (24 * time.Hour) { // support, once a day
		case time.Hour:
			helped = s.world.Add(session.OAM, func(x *simulator.Session) { x.Impersonating = true })
		case time.Hour + 30*time.Minute:
			s.world.Remove(session.OAM, helped)
		}
	})
	started := s.world.Counts(session.Intersight)
	if started.Started < 300 || started.FailedLogins < 20 || s.world.Counts(session.OAM).Started < 100 {
		t.Errorf("hardly anything happened: %+v", started)
	}
	s.firing(t, "critical|warning")
}

func TestBusyWeek(t *testing.T) {
	t.Parallel() // with the other week, after what needs the machine for itself
	const inter, oam = "intersight-prod", "sso-emea"
	// The world's start is a Monday morning at nine; at 2 o'clock in the night of
	// the second Wednesday nobody is there.
	wednesday := week + 2*24*time.Hour
	night := wednesday - 7*time.Hour
	var victims []string
	s := sample(t, func(s *sampled, since time.Duration) {
		switch since {
		case night: // a brute force gets in
			s.world.Add(session.Intersight, func(x *simulator.Session) { x.FailedLogins = 14 })
		case night + time.Hour: // sessions flood in
			victims = s.world.AddN(session.Intersight, 70, nil)
		case night + 2*time.Hour:
			for _, id := range victims {
				s.world.Remove(session.Intersight, id)
			}
		case wednesday: // the API fails for 40 minutes
			s.faults.Set(simulator.Fault{Effect: simulator.Status(500)})
		case wednesday + 40*time.Minute:
			s.faults.Clear()
		case wednesday + 24*time.Hour: // an administrator tidies up
			n := 0
			for _, x := range s.world.Truth(session.Intersight) {
				if n < 8 && x.Status == session.Active && s.world.End(session.Intersight, x.ID, true) {
					n++
				}
			}
		case wednesday + 30*time.Hour: // somebody impersonates for two hours
			end := s.world.Now().Add(2 * time.Hour)
			s.world.Add(session.OAM, func(x *simulator.Session) {
				x.Impersonating, x.Expires = true, end
			})
		case wednesday + 31*time.Hour: // the policy is loosened
			s.world.SetIdleTimeout(session.Intersight, time.Hour)
		}
	})
	s.firing(t, "critical|warning|info",
		"IAMLoginAfterFailures warning "+inter, "IAMLoginAfterFailures critical "+inter, "IAMFailedLoginsBurst warning "+inter,
		"IAMSessionSurge warning "+inter,
		"IAMSourceDown critical "+inter,
		"IAMTerminationBurst warning "+inter,
		"IAMImpersonation info "+oam, "IAMImpersonationLong warning "+oam,
		"IAMSessionPolicyChanged info "+inter,
		"IAMIdleTimeoutWeak info "+inter, "IAMSessionLifetimeWeak info "+oam)
}
