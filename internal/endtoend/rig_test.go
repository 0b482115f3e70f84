package endtoend

import (
	"crypto"
	"io"
	stdlog "log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	promconfig "github.com/prometheus/common/config"
	"go.uber.org/goleak"

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
	"iam_session_exporter/internal/testkit"
)

func TestMain(m *testing.M) {
	stdlog.SetOutput(io.Discard) // as the program does; net/http writes there what a flood sends
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if dir := binaryDir.get(); dir != "" {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// rig is one simulated API behind faults, and what scrapes it.
type rig struct {
	t       *testing.T
	api     session.API
	world   *world.World
	inter   *simintersight.Handler
	oam     *simoam.Handler
	faults  *faults.Handler
	url     string
	change  func(*collector.Options)
	role    string
	queries int // most of a scrape of OAM; at least 200
	options intersight.Options
	filter  session.Filter // of OAM
	http    promconfig.HTTPClientConfig
	key     string // file of the API key
	keyID   string
	log     *testkit.Buffer
	now     func() time.Time // nil: the world's

	source    *collector.Source
	collector *collector.Collector
}

// apiKey is one EC key for all tests: making keys is slow.
var apiKey = sync.OnceValues(simintersight.NewECKey)

func newRig(t *testing.T, api session.API, w *world.World, iopt simintersight.Options, oopt simoam.Options, forms ...func(http.Handler) http.Handler) *rig {
	t.Helper()
	r := &rig{t: t, api: api, world: w, log: &testkit.Buffer{}, http: promconfig.DefaultHTTPClientConfig}
	r.http.FollowRedirects = false
	var handler http.Handler
	if api == session.Intersight {
		key, err := apiKey()
		if err != nil {
			t.Fatal(err)
		}
		r.key = filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(r.key, key.Mislabeled, 0o600); err != nil {
			t.Fatal(err)
		}
		if iopt.Keys == nil {
			iopt.Keys = map[string]crypto.PublicKey{simintersight.KeyID: &key.Private.PublicKey}
		}
		r.keyID = simintersight.KeyID
		r.inter = simintersight.New(w, iopt)
		handler = r.inter
	} else {
		r.role = oopt.Form.RoleAttribute
		r.oam = simoam.New(w, oopt)
		handler = r.oam
	}
	for _, form := range forms {
		handler = form(handler)
	}
	r.faults = faults.New(handler, 1)
	r.faults.Clock = w.Now
	server, err := simulator.Serve(r.faults, simulator.ServeOptions{ConnContext: faults.CountRequests})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	r.url = server.URL
	return r
}

// start makes a source that has seen nothing yet, as a restart would.
func (r *rig) start() *rig {
	r.t.Helper()
	logger := log.NewLogfmtLogger(r.log)
	now := r.now
	if now == nil {
		now = r.world.Now
	}
	limits := r.world.Limits(r.api)
	var src session.Source
	var err error
	if r.api == session.Intersight {
		src, err = intersight.New(intersight.Config{
			Name: "test", URL: r.url, HTTP: r.http, KeyID: r.keyID, SecretKeyFile: r.key, Options: r.options,
			UserAgent: "test", Now: now, Logger: logger, Hasher: session.NewHasher(),
		})
	} else {
		src, err = oam.New(oam.Config{
			Name: "test", URL: r.url, HTTP: r.http,
			Options: oam.Options{Filter: r.filter, IdleTimeout: limits.IdleTimeout, SessionLifetime: limits.Lifetime,
				RoleAttribute: r.role, MaxQueries: max(r.queries, 200), MaxConcurrentQueries: 2},
			UserAgent: "test", Now: now, Logger: logger, Hasher: session.NewHasher(),
		})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	opt := collector.Options{
		Name: "test", API: r.api, Timeout: time.Minute,
		Grouping: grouping.Grouping{Labels: grouping.Labels{
			Role: grouping.Label{Limit: 1000}, LoginType: grouping.Label{Limit: 1000}, IdentityStore: grouping.Label{Limit: 1000}, ClientIP: grouping.ClientIP{Limit: 100000, IPv4Prefix: 32, IPv6Prefix: 128}}},
		Now: r.world.Now, Logger: logger,
	}
	if r.change != nil {
		r.change(&opt)
	}
	r.source = collector.NewSource(src, opt)
	r.collector = collector.New(r.source)
	r.t.Cleanup(r.collector.Close)
	return r
}

// sample is a gathered metric.
type sample struct {
	family string
	labels map[string]string
	value  float64
}

type samples []sample

// scrape scrapes as Prometheus would.
func (r *rig) scrape() samples {
	r.t.Helper()
	return r.scrapeWithin(0)
}

// scrapeWithin is scrape with a timeout of Prometheus's; 0 for none.
func (r *rig) scrapeWithin(allowed time.Duration) samples {
	r.t.Helper()
	g, err := r.collector.Scrape(r.t.Context(), allowed)
	if err != nil {
		r.t.Fatal(err)
	}
	families, err := g.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	return flatten(families)
}

func flatten(families []*dto.MetricFamily) samples {
	var out samples
	for _, f := range families {
		for _, m := range f.GetMetric() {
			s := sample{family: f.GetName(), labels: map[string]string{}}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			switch {
			case m.Gauge != nil:
				s.value = m.Gauge.GetValue()
			case m.Counter != nil:
				s.value = m.Counter.GetValue()
			case m.Histogram != nil:
				s.value = float64(m.Histogram.GetSampleCount())
			}
			out = append(out, s)
		}
	}
	return out
}

// get returns the sum of a family's samples that have the label values given in
// pairs, and whether there is one.
func (s samples) get(family string, pairs ...string) (float64, bool) {
	sum, found := 0.0, false
next:
	for _, x := range s {
		if x.family != family {
			continue
		}
		for i := 0; i < len(pairs); i += 2 {
			if x.labels[pairs[i]] != pairs[i+1] {
				continue next
			}
		}
		sum, found = sum+x.value, true
	}
	return sum, found
}

func (s samples) value(family string, pairs ...string) float64 {
	v, _ := s.get(family, pairs...)
	return v
}
