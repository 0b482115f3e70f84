package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/expfmt"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/world"
)

// recorder remembers the pages that were asked for.
type recorder struct {
	next http.Handler
	mu   sync.Mutex
	uris []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.uris = append(r.uris, req.URL.RequestURI())
	r.mu.Unlock()
	r.next.ServeHTTP(w, req)
}

// canned answers from memory what next answered once, so that the server costs
// next to nothing.
type canned struct {
	next http.Handler
	mu   sync.Mutex
	kept map[string][]byte
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	body, ok := c.kept[r.URL.RequestURI()]
	c.mu.Unlock()
	if !ok {
		rec := httptest.NewRecorder()
		c.next.ServeHTTP(rec, r)
		body = rec.Body.Bytes()
		c.mu.Lock()
		c.kept[r.URL.RequestURI()] = body
		c.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// bareSession is what a bare client decodes.
type bareSession struct {
	Moid, Status, Role, UserIdOrEmail, ClientIpAddress                 string
	CreateTime, EndTime, Expiration, IdleTimeExpiration, LastLoginTime *time.Time
	FailedLogins                                                       int64
	User                                                               struct{ Moid string }
}

func bare(client *http.Client, urls []string) error {
	for _, u := range urls {
		res, err := client.Get(u)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		var page struct {
			Count   int
			Results []bareSession
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
	}
	return nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// asked is what a source is asked for besides sessions.
type asked struct {
	providers bool               // users and identity providers
	observer  collector.Observer // what this wants; it may be nil
}

func intersightSource(url, key string, also asked, now func() time.Time) (*collector.Source, error) {
	src, err := intersight.New(intersight.Config{
		Name: "bench", URL: url, HTTP: promconfig.HTTPClientConfig{}, KeyID: simintersight.KeyID, SecretKeyFile: key,
		Options: intersight.Options{IdentityProviders: also.providers},
		Now:     now, Logger: log.NewNopLogger(), Hasher: session.NewHasher(),
	})
	if err != nil {
		return nil, err
	}
	return collector.NewSource(src, collector.Options{
		Name: "bench", API: session.Intersight, Timeout: time.Minute,
		Grouping: grouping.Grouping{Labels: grouping.Labels{Role: grouping.Label{Limit: 50}, IdentityStore: grouping.Label{Limit: 50}, LoginType: grouping.Label{Limit: 10}, ClientIP: grouping.ClientIP{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}}},
		Observer: also.observer,
		Now:      now, Logger: log.NewNopLogger(),
	}), nil
}

func writeKey(dir string) (string, error) {
	key, err := simintersight.NewECKey()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "key.pem")
	return file, os.WriteFile(file, key.Mislabeled, 0o600)
}

// scrapeRatio compares a complete scrape (signing, fetching, decoding, counting,
// writing the exposition) with a bare client that fetches and decodes the same
// pages: of many sessions, and of as many as an account has unless its limit was
// raised.
func scrapeRatio() ([]row, error) {
	var rows []row
	for _, c := range []struct {
		sessions, scrapes int
		most              float64
	}{{sessions, 30, 1.5}, {accountSessions, 300, 2}} {
		for _, inMemory := range []bool{false, true} {
			more, err := ratio(c.sessions, c.scrapes, c.most, inMemory)
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
	}
	return rows, nil
}

// accountSessions is what an Intersight account may have by default.
const accountSessions = 128

func ratio(sessions, scrapes int, most float64, inMemory bool) ([]row, error) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: sessions})
	var handler http.Handler = simintersight.New(w, simintersight.Options{})
	kind := "simulator"
	if inMemory {
		handler, kind = &canned{next: handler, kept: map[string][]byte{}}, "canned pages"
	}
	s, err := newScraper(handler, asked{}, w.Now)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.scrape(); err != nil {
		return nil, err
	}
	var urls []string
	for _, u := range s.asked.uris {
		urls = append(urls, s.server.URL+u)
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	var ours, bares timing
	for range scrapes {
		if err := errors.Join(ours.measure(s.scrape), bares.measure(func() error { return bare(client, urls) })); err != nil {
			return nil, err
		}
	}
	r := float64(median(ours.wall)) / float64(median(bares.wall))
	return []row{
		{fmt.Sprintf("scrape of %d Intersight sessions, %s, median", sessions, kind), median(ours.wall).Round(10 * time.Microsecond).String(), "", true},
		{fmt.Sprintf("bare client, the same %d requests", len(urls)), median(bares.wall).Round(10 * time.Microsecond).String(), "", true},
		{"ratio", fmt.Sprintf("%.2f", r), fmt.Sprintf("at most %g", most), r <= most},
		{"  CPU time of a scrape, and of the bare client's, server included", fmt.Sprintf("%v, %v", ours.each(), bares.each()), "", true},
	}, nil
}

// timing is how long something takes, and the CPU time of the process meanwhile.
type timing struct {
	wall []time.Duration
	cpu  time.Duration
}

func (t *timing) measure(do func() error) error {
	begin, spent := time.Now(), cpuTime()
	err := do()
	t.wall, t.cpu = append(t.wall, time.Since(begin)), t.cpu+cpuTime()-spent
	return err
}

func (t *timing) each() time.Duration {
	return (t.cpu / time.Duration(len(t.wall))).Round(10 * time.Microsecond)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// scraper is a source of an Intersight, with its server.
type scraper struct {
	dir    string
	asked  *recorder
	server *simulator.Server
	source *collector.Source
	c      *collector.Collector

	exposed []byte // by the last scrape
}

func newScraper(handler http.Handler, also asked, now func() time.Time) (*scraper, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &scraper{dir: dir, asked: &recorder{next: handler}}
	key, err := writeKey(dir)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.server, err = simulator.Serve(s.asked, simulator.ServeOptions{}); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.source, err = intersightSource(s.server.URL, key, also, now); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.c = collector.New(s.source)
	return s, nil
}

func (s *scraper) close() error {
	if s.c != nil {
		s.c.Close()
	}
	var err error
	if s.server != nil {
		err = s.server.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// scrape is a scrape as Prometheus sees it: to the last byte of the exposition.
func (s *scraper) scrape() error {
	g, err := s.c.Scrape(context.Background(), 0)
	if err != nil {
		return err
	}
	families, err := g.Gather()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	enc := expfmt.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	if !bytes.Contains(out.Bytes(), []byte(`iam_source_complete{api="intersight",source="bench"} 1`)) {
		return errors.New("the scrape is not complete")
	}
	s.exposed = out.Bytes()
	return nil
}
