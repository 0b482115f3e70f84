package exporter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a source whose number of sessions grows by one at each scrape.
type fake struct {
	scrapes atomic.Int64
	closed  atomic.Bool
	hang    chan struct{} // where set, is closed by a scrape that then hangs
}

func (f *fake) Facts() session.Facts { return session.FactRole }
func (f *fake) Info() session.Info   { return session.Info{} }

func (f *fake) Snapshot(ctx context.Context, _ session.Want) (*session.Snapshot, error) {
	if f.hang != nil {
		close(f.hang)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	n := int(f.scrapes.Add(1))
	now := time.Unix(int64(1e9+n), 0)
	s := &session.Snapshot{Taken: now, Complete: true, Total: n, Reported: n,
		Resolved: map[session.Dimension]session.Resolution{session.DimensionClientIP: {Listed: true}, session.DimensionRole: {Listed: true}, session.DimensionIdentityStore: {Listed: true}}}
	for i := range n {
		s.Sessions = append(s.Sessions, session.Session{ID: session.Key(i + 1), Status: session.Active, Created: time.Unix(int64(1e9+i+1), 0), FailedLogins: -1, ClientIP: fmt.Sprintf("10.0.0.%d", i%250)})
	}
	return s, nil
}

func (f *fake) Close() { f.closed.Store(true) }

// rig is an exporter on a configuration file of its own.
type rig struct {
	t    *testing.T
	dir  string
	file string
	mu   sync.Mutex
	made map[string][]*fake
	e    *Exporter
}

func newRig(t *testing.T, text string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), made: map[string][]*fake{}}
	r.file = filepath.Join(r.dir, "config.yml")
	r.write(text)
	if err := os.WriteFile(filepath.Join(r.dir, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	make := func(c config.Source) (session.Source, error) {
		if strings.Contains(c.URL, "refuse") {
			return nil, errors.New("this url is refused")
		}
		f := &fake{}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.made[c.Name] = append(r.made[c.Name], f)
		return f, nil
	}
	e, err := New(Options{
		Name: r.file, Load: func() (*config.Config, error) { return config.Load(r.file) },
		Factories: map[session.API]Factory{session.Intersight: make, session.OAM: make},
		Now:       time.Now, Logger: log.NewNopLogger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	r.e = e
	return r
}

func (r *rig) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func source(name, rest string) string {
	return fmt.Sprintf("  - {name: %s, api: oam, url: 'https://%s.example.com', min_interval: 0s, basic_auth: {username: u, password_file: secret}%s}\n", name, name, rest)
}

func (r *rig) scrape(names ...string) map[string]float64 {
	r.t.Helper()
	g, err := r.e.Collector().Scrape(r.t.Context(), 0, names...)
	if err != nil {
		r.t.Fatal(err)
	}
	families, err := g.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "source" {
					got[f.GetName()+" "+l.GetValue()] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return got
}

func TestReloadKeepsWhatDidNotChange(t *testing.T) {
	r := newRig(t, "sources:\n"+source("a", "")+source("b", "")+source("c", ""))
	r.scrape()
	before := r.scrape()
	if before["iam_sessions_started_total a"] != 1 {
		t.Fatalf(`%v; want ["iam_sessions_started_total a"] 1`, before)
	}
	// a stays, b changes, c goes, d comes; the labels of all change.
	r.write("sources:\n" + source("d", "") + source("a", "") + source("b", ", timeout: 3s") + "labels: {client_ip: {limit: 1}}\n")
	if err := r.e.Reload(); err != nil {
		t.Fatal(err)
	}
	after := r.scrape()
	for key, want := range map[string]float64{
		"iam_sessions_started_total a": 2, "iam_sessions_started_total b": 0, "iam_sessions_started_total d": 0,
		"iam_sessions a": 3, "iam_sessions b": 1, "iam_sessions d": 1, "iam_sessions_by_client_ip a": 3,
	} {
		if after[key] != want {
			t.Errorf("%s is %v, want %v", key, after[key], want)
		}
	}
	if _, ok := after["iam_source_up c"]; ok {
		t.Error("c is still there")
	}
	if v := after["iam_source_label_values_limit a"]; v != 51 { // client_ip 1, identity_store 50
		t.Errorf("limits of a sum to %v; want 51", v)
	}
	for name, want := range map[string][]bool{"a": {false}, "b": {true, false}, "c": {true}, "d": {false}} {
		var got []bool
		for _, f := range r.made[name] {
			got = append(got, f.closed.Load())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: closed %v, want %v", name, got, want)
		}
	}
}

func TestAFailedReloadChangesNothing(t *testing.T) {
	good := "sources:\n" + source("a", "")
	r := newRig(t, good)
	r.scrape()
	for name, bad := range map[string]string{
		"not YAML":       "sources: [",
		"a mistake":      "sources:\n" + source("a", ", timeot: 3s"),
		"no secret file": "sources:\n" + source("a", "") + "  - {name: b, api: oam, url: https://b.example.com, basic_auth: {username: u, password_file: gone}}\n",
		"a refused one":  "sources:\n" + source("a", "") + source("fine", "") + source("refuse", ""),
		"empty":          "",
	} {
		r.write(bad)
		if err := r.e.Reload(); err == nil {
			t.Errorf("%s: reloaded", name)
		}
		if err := testutil.CollectAndCompare(r.e, strings.NewReader("# HELP iam_session_exporter_config_last_reload_successful 1 if the last attempt to load the configuration succeeded.\n# TYPE iam_session_exporter_config_last_reload_successful gauge\niam_session_exporter_config_last_reload_successful 0\n"), "iam_session_exporter_config_last_reload_successful"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.e.LastReload(); err == nil {
			t.Errorf("%s: LastReload tells no error", name)
		}
		if got := r.scrape(); got["iam_source_up a"] != 1 || len(r.e.Collector().Sources()) != 1 {
			t.Errorf(`%s: the old configuration does not serve: %v; want ["iam_source_up a"] 1`, name, got)
		}
	}
	for _, f := range r.made["fine"] {
		if !f.closed.Load() {
			t.Error("a source of a configuration that was not taken is open")
		}
	}
	r.write(good)
	if err := r.e.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.scrape(); got["iam_sessions_started_total a"] != 6 {
		t.Errorf("started %v after all that, want 6", got["iam_sessions_started_total a"])
	}
	if _, err := r.e.LastReload(); err != nil {
		t.Error(err)
	}
}

// Reloads under load: no scrape fails, and no counter of what stays falls.
func TestReloadsUnderLoad(t *testing.T) {
	reloads := 300
	if s := os.Getenv("SOAK"); s != "" {
		reloads = 5000
	}
	r := newRig(t, "sources:\n"+source("a", "")+source("b", ""))
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := 0.0
			for !stop.Load() {
				got := r.scrape()
				for key, v := range got {
					if strings.HasPrefix(key, "iam_source_up ") && v != 1 {
						t.Errorf("%s is %v, want 1", key, v)
						return
					}
				}
				if v := got["iam_sessions_started_total a"]; v < last {
					t.Errorf("a's counter fell from %v to %v", last, v)
					return
				} else {
					last = v
				}
			}
		})
	}
	for i := range reloads {
		text := "sources:\n" + source("a", "")
		switch i % 4 {
		case 0:
			text += source("b", "")
		case 1:
			text += source("b", ", timeout: 3s")
		case 2:
			text += "labels: {client_ip: {limit: 3}}\n"
		case 3:
			text = "sources: ["
		}
		r.write(text)
		if err := r.e.Reload(); (err != nil) != (i%4 == 3) {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	wg.Wait()
}

// A source that was removed while it hangs does not delay the end.
func TestCloseDoesNotWaitForWhatIsGone(t *testing.T) {
	hang := make(chan struct{})
	first := "sources:\n" + source("a", "")
	r := newRig(t, first+source("slow", ""))
	r.made["slow"][0].hang = hang
	var wg sync.WaitGroup
	wg.Go(func() { r.scrape() })
	<-hang
	r.write(first)
	if err := r.e.Reload(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	r.e.Close()
	wg.Wait()
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v; want at most %v", d, 5*time.Second)
	}
}

func TestNewRefusesABadConfiguration(t *testing.T) {
	for name, load := range map[string]func() (*config.Config, error){
		"unreadable": func() (*config.Config, error) { return config.Load(filepath.Join(t.TempDir(), "none.yml")) },
		"no secret": func() (*config.Config, error) {
			return config.Parse([]byte("sources:\n"+source("a", "")), "c.yml", t.TempDir())
		},
	} {
		if _, err := New(Options{Name: name, Load: load, Now: time.Now, Logger: log.NewNopLogger()}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOwnMetricsLint(t *testing.T) {
	r := newRig(t, "sources:\n"+source("a", ""))
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r.e)
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("%v %v; want len 0", problems, err)
	}
}
