package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/world"
)

// everyDetection is a configuration with all detections on that Intersight has the
// facts for.
const everyDetection = `networks: {hq: [10.0.0.0/8], vpn: [100.64.0.0/10]}
sources: [{name: bench, api: intersight, url: %q, api_key: {id: %q, secret_key_file: key.pem}}]
alerting:
  alertmanagers: []
  key_file: pseudonyms.key
  service_accounts: ["svc-*"]
  shared_networks: [vpn]
  detections:
    unexpected_network: {expect: [{users: ["svc-*"], networks: [vpn]}, {roles: [Account Administrator], networks: [hq]}]}
    unexpected_identity_store: {expect: [Cisco]}
    break_glass: {users: [breakglass, "*root"]}
    off_hours: {hours: {days: [mon, tue, wed, thu, fri], from: "07:00", to: "20:00", time_zone: UTC}}
    shared_address: {enabled: true}
  exceptions: [{users: ["carol*"], networks: [vpn], until: %s, reason: leave}]
`

// observed is the observer of a source. It tells when a refresh is judged.
type observed struct {
	alerting.Watch
	judged chan struct{}
}

func newObserved() *observed { return &observed{judged: make(chan struct{}, 1)} }

func (o *observed) Observe(seen collector.Observation) {
	o.Watch.Observe(seen)
	o.judged <- struct{}{}
}

// loadAlerting writes everyDetection to a directory and reads it.
func loadAlerting(dir, url string) (*config.Config, error) {
	if err := os.WriteFile(filepath.Join(dir, "pseudonyms.key"), []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf(everyDetection, url, simintersight.KeyID, time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(file)
}

// startAlerting has a source judged, which was asked before and is not asked by
// itself, as the time of its clock stands still.
func startAlerting(dir, url string, source *collector.Source, o *observed, now func() time.Time) (*alerting.Alerting, error) {
	c, err := loadAlerting(dir, url)
	if err != nil {
		return nil, err
	}
	a := alerting.New(alerting.Options{Now: now, Logger: log.NewNopLogger()})
	apply, err := a.Prepare(c, []alerting.Source{{Config: c.Sources[0], Collector: source, Watch: &o.Watch}})
	if err != nil {
		return nil, err
	}
	apply()
	return a, nil
}

// alertingRatio compares scrapes with alerting with those of the same sessions
// without: until the exposition is there, and in CPU time until the sessions are
// judged, too.
func alertingRatio() ([]row, error) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: sessions, Addresses: 500, Users: 500})
	pages := &canned{next: simintersight.New(w, simintersight.Options{}), kept: map[string][]byte{}}
	handler := http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Date", w.Now().UTC().Format(http.TimeFormat)) // else all sessions have ended
		pages.ServeHTTP(out, r)
	})
	without, err := newScraper(handler, asked{}, w.Now)
	if err != nil {
		return nil, err
	}
	defer without.close()
	o := newObserved()
	with, err := newScraper(handler, asked{observer: o}, w.Now)
	if err != nil {
		return nil, err
	}
	defer with.close()
	scrape := func() error {
		err := with.scrape()
		<-o.judged
		return err
	}
	if err := scrape(); err != nil {
		return nil, err
	}
	a, err := startAlerting(with.dir, with.server.URL, with.source, o, w.Now)
	if err != nil {
		return nil, err
	}
	defer a.Stop(context.Background())
	for range 3 {
		if err := errors.Join(scrape(), without.scrape()); err != nil {
			return nil, err
		}
	}
	if len(a.Firing()) == 0 {
		return nil, errors.New("no alert fires")
	}
	var more, less, judged timing
	for range 60 {
		err := errors.Join(judged.measure(func() error {
			err := more.measure(with.scrape)
			<-o.judged
			return err
		}), less.measure(without.scrape))
		if err != nil {
			return nil, err
		}
	}
	r := float64(median(more.wall)) / float64(median(less.wall))
	return []row{
		{fmt.Sprintf("scrape of %d Intersight sessions with alerting, median", sessions), median(more.wall).Round(10 * time.Microsecond).String(), "", true},
		{"ratio to one without", fmt.Sprintf("%.2f", r), "at most 1.10", r <= 1.10},
		{"  until the sessions are judged, too", median(judged.wall).Round(10 * time.Microsecond).String(), "", true},
		{"  CPU time of both, server included", fmt.Sprintf("%v, %v", judged.each(), less.each()), "", true},
	}, nil
}

// evaluation measures how long all detections take on many sessions.
func evaluation() ([]row, error) {
	const many, target = 100_000, 200 * time.Millisecond
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := writeKey(dir); err != nil {
		return nil, err
	}
	snapshot, facts, err := manySessions(many)
	if err != nil {
		return nil, err
	}
	c, err := loadAlerting(dir, "https://intersight.example.com")
	if err != nil {
		return nil, err
	}
	key, err := c.Alerting.Key()
	if err != nil {
		return nil, err
	}
	engine := detection.NewEngine(detection.Source{Name: "bench", API: session.Intersight, Facts: facts}, c.Detection(c.Sources[0], key, ""))
	now := snapshot.Taken
	var t timing
	runtime.GC()
	for range 20 {
		now = now.Add(time.Minute)
		_ = t.measure(func() error { engine.Observe(now, snapshot); return nil })
	}
	if len(engine.Firing()) == 0 {
		return nil, errors.New("no alert fires")
	}
	d := median(t.wall)
	return []row{
		{fmt.Sprintf("all detections of %d sessions, median", many), d.Round(100 * time.Microsecond).String(), "under 200ms", d < target},
		{"  CPU time", t.each().String(), "", true},
	}, nil
}

// manySessions has a source list sessions, as alerting wants them.
func manySessions(n int) (*session.Snapshot, session.Facts, error) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: n, Addresses: 20_000, Users: 20_000})
	o := &wanting{seen: make(chan collector.Observation, 1)}
	s, err := newScraper(simintersight.New(w, simintersight.Options{}), asked{observer: o}, w.Now)
	if err != nil {
		return nil, 0, err
	}
	defer s.close()
	if err := s.scrape(); err != nil {
		return nil, 0, err
	}
	seen := <-o.seen
	return seen.Snapshot, seen.Facts, seen.Err
}

// wanting is an observer that wants identities.
type wanting struct{ seen chan collector.Observation }

func (w *wanting) Wants(string) session.Want          { return session.Want{Identities: true} }
func (w *wanting) Observe(seen collector.Observation) { w.seen <- seen }
