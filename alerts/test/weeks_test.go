package test

import (
	"crypto"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/model/labels"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

const (
	// The longest that the rules are for. With more, a range of ten minutes would
	// hold too few samples: the one at its start is left out since Prometheus 3.
	sampleEvery = 2 * time.Minute
	week        = 7 * 24 * time.Hour
)

// office is a world of two sites that are listed whole: people who work by day
// and mistype passwords now and then, and whom nobody attacks.
func office() *world.World {
	c := world.DefaultConfig()
	c.Users = 150
	c.Intersight.Sessions, c.Intersight.BruteForce, c.Intersight.Linger = 60, 0, 10*time.Minute
	c.OAM.Sessions, c.OAM.Max, c.OAM.Impersonating = 18, 26, 0
	return world.New(c)
}

// site is a world, and the alerts that it causes.
type site struct {
	world  *world.World
	faults *faults.Handler // before Intersight
	alerts *evaluator
}

// used are the metrics in the rules' expressions. Those that only a description
// names, such as the one of client addresses, would be most of the series.
func used(rules []rule) map[string]bool {
	names := map[string]bool{}
	for _, r := range rules {
		for _, name := range metric.FindAllString(r.Expr, -1) {
			names[name] = true
		}
	}
	return names
}

var metric = regexp.MustCompile(`\biam_[a-z_]+\b`)

// watch scrapes both sites every sampleEvery, for two weeks, the first being what the
// second is compared with, and evaluates the rules as often. at is called before
// each scrape with the time since the start.
func watch(t *testing.T, at func(*site, time.Duration)) *site {
	t.Helper()
	w := office()
	start := w.Now()
	key, err := simintersight.NewECKey()
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, key.Mislabeled, 0o600); err != nil {
		t.Fatal(err)
	}
	rules := load(t)
	scrapes := newMemory()
	s := &site{world: w, alerts: newEvaluator(t, newEngine(), scrapes, rules)}
	s.faults = faults.New(simintersight.New(w, simintersight.Options{Keys: map[string]crypto.PublicKey{simintersight.KeyID: &key.Private.PublicKey}}), 1)
	s.faults.Clock = w.Now
	var urls []string
	for _, h := range []http.Handler{s.faults, simoam.New(w, simoam.Options{})} {
		server, err := simulator.Serve(h, simulator.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		urls = append(urls, server.URL)
	}
	client := promconfig.DefaultHTTPClientConfig
	client.FollowRedirects = false
	a, err := intersight.New(intersight.Config{Name: "intersight-prod", URL: urls[0], HTTP: client, KeyID: simintersight.KeyID,
		SecretKeyFile: keyFile, UserAgent: "test", Now: w.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()})
	if err != nil {
		t.Fatal(err)
	}
	limits := w.Limits(session.OAM)
	b, err := oam.New(oam.Config{Name: "sso-emea", URL: urls[1], HTTP: client, Options: oam.Options{IdleTimeout: limits.IdleTimeout, SessionLifetime: limits.Lifetime},
		UserAgent: "test", Now: w.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()})
	if err != nil {
		t.Fatal(err)
	}
	option := func(name string, api session.API) collector.Options {
		return collector.Options{Name: name, API: api, Timeout: 10 * time.Second,
			Grouping: grouping.Grouping{Labels: grouping.Labels{Role: grouping.Label{Limit: 50}, IdentityStore: grouping.Label{Limit: 50}, LoginType: grouping.Label{Limit: 10}, ClientIP: grouping.ClientIP{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}}},
			Now:      w.Now, Logger: log.NewNopLogger()}
	}
	c := collector.New(collector.NewSource(a, option("intersight-prod", session.Intersight)), collector.NewSource(b, option("sso-emea", session.OAM)))
	t.Cleanup(c.Close)

	wanted := used(rules)
	up := scrapes.series(labels.FromStrings(labels.MetricName, "up", "instance", "e.example.com:10987", "job", "iam_session_exporter"))
	var before map[*series]bool
	for since := time.Duration(0); since <= 2*week; since += sampleEvery {
		at(s, since)
		g, err := c.Scrape(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		families, err := g.Gather()
		if err != nil {
			t.Fatal(err)
		}
		up.add(since, 1)
		now := map[*series]bool{}
		for _, f := range families {
			if !wanted[f.GetName()] {
				continue
			}
			for _, m := range f.GetMetric() {
				v := m.GetGauge().GetValue() + m.GetCounter().GetValue() // one of the two
				if strings.HasSuffix(f.GetName(), "_timestamp_seconds") {
					v -= float64(start.Unix()) // the evaluator's time begins at 0
				}
				x := scrapes.series(scraped(f.GetName(), m))
				x.add(since, v)
				now[x] = true
			}
		}
		for x := range before {
			if !now[x] {
				x.gone(since)
			}
		}
		before = now
		w.Step(sampleEvery)
	}
	s.alerts.evaluate(times{0, 2 * week, sampleEvery})
	return s
}

// scraped are the labels that Prometheus gives a series.
func scraped(name string, m *dto.Metric) labels.Labels {
	b := labels.NewBuilder(labels.FromStrings(labels.MetricName, name, "instance", "e.example.com:10987", "job", "iam_session_exporter"))
	for _, l := range m.GetLabel() {
		b.Set(l.GetName(), l.GetValue())
	}
	return b.Labels()
}

var sourceLabel = regexp.MustCompile(`\bsource="([^"]*)"`)

// firing compares what fired at any time with what is wanted.
func (s *site) firing(t *testing.T, severities string, want ...string) {
	t.Helper()
	got := []string{}
	for _, r := range s.alerts.rules {
		if !slices.Contains(strings.Split(severities, "|"), r.Labels["severity"]) {
			continue
		}
		for identity := range r.episodes {
			name := sourceLabel.FindStringSubmatch(identity)
			if name == nil {
				t.Errorf("%s%s has no source", r.Alert, identity)
				continue
			}
			if x := r.Alert + " " + r.Labels["severity"] + " " + name[1]; !slices.Contains(got, x) {
				got = append(got, x)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s\nin detail:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), strings.Join(s.alerts.fired(0), "\n"))
	}
}

func TestQuietWeek(t *testing.T) {
	t.Parallel()
	var helped string
	s := watch(t, func(s *site, since time.Duration) {
		switch since % (24 * time.Hour) { // support, once a day
		case time.Hour:
			helped = s.world.Add(session.OAM, func(x *world.Session) { x.Impersonating = true })
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
	t.Parallel()
	const inter, oam = "intersight-prod", "sso-emea"
	// The world's start is a Monday morning at nine; at 2 o'clock in the night of
	// the second Wednesday nobody is there.
	wednesday := week + 2*24*time.Hour
	night := wednesday - 7*time.Hour
	var victims []string
	s := watch(t, func(s *site, since time.Duration) {
		switch since {
		case night: // a brute force gets in
			s.world.Add(session.Intersight, func(x *world.Session) { x.FailedLogins = 14 })
		case night + time.Hour: // sessions flood in
			victims = s.world.AddN(session.Intersight, 70, nil)
		case night + 2*time.Hour:
			for _, id := range victims {
				s.world.Remove(session.Intersight, id)
			}
		case wednesday: // the API fails for 40 minutes
			s.faults.Set(faults.Fault{Effect: faults.Status(500)})
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
			s.world.Add(session.OAM, func(x *world.Session) {
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
