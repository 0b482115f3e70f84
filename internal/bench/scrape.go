package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/expfmt"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
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

func intersightSource(url, key string, now func() time.Time) (*collector.Source, error) {
	src, err := intersight.New(intersight.Config{
		Name: "bench", URL: url, HTTP: promconfig.HTTPClientConfig{}, KeyID: simulator.KeyID, SecretKeyFile: key,
		Now: now, Logger: log.NewNopLogger(), Hasher: session.NewHasher(),
	})
	if err != nil {
		return nil, err
	}
	return collector.NewSource(src, collector.Options{
		Name: "bench", API: session.Intersight, Timeout: time.Minute, HasRole: true,
		Labeling: collector.Labeling{Labels: collector.Labels{RoleLimit: 50, IdentityStoreLimit: 50, ClientIP: collector.ClientIPLabel{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}}},
		Now:      now, Logger: log.NewNopLogger(),
	}), nil
}

func writeKey(dir string) (string, error) {
	key, err := simulator.NewECKey()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "key.pem")
	return file, os.WriteFile(file, key.Mislabeled, 0o600)
}

// scrapeRatio compares a whole scrape (signing, fetching, decoding, counting,
// writing the exposition) with a bare client that fetches and decodes the same
// pages.
func scrapeRatio() ([]row, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	key, err := writeKey(dir)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, kind := range []string{"simulator", "canned pages"} {
		world := simulator.NewStatic(simulator.Static{API: session.Intersight, Sessions: sessions})
		var handler http.Handler = simulator.NewIntersight(world, simulator.IntersightOptions{})
		target := "at most 1.5"
		if kind != "simulator" {
			handler, target = &canned{next: handler, kept: map[string][]byte{}}, ""
		}
		rec := &recorder{next: handler}
		server, err := simulator.Serve(rec, simulator.ServeOptions{})
		if err != nil {
			return nil, err
		}
		defer server.Close()
		source, err := intersightSource(server.URL, key, world.Now)
		if err != nil {
			return nil, err
		}
		c := collector.New(source)
		defer c.Close()
		ours := func() error {
			g, err := c.Pull(context.Background(), 0)
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
				return fmt.Errorf("the scrape is not complete")
			}
			return nil
		}
		if err := ours(); err != nil {
			return nil, err
		}
		var urls []string
		for _, u := range rec.uris {
			urls = append(urls, server.URL+u)
		}
		client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
		defer client.CloseIdleConnections()
		var a, b []time.Duration
		for range 30 {
			begin := time.Now()
			if err := ours(); err != nil {
				return nil, err
			}
			a = append(a, time.Since(begin))
			begin = time.Now()
			if err := bare(client, urls); err != nil {
				return nil, err
			}
			b = append(b, time.Since(begin))
		}
		ratio := float64(median(a)) / float64(median(b))
		rows = append(rows,
			row{fmt.Sprintf("scrape of %d Intersight sessions, %s, median", sessions, kind), median(a).Round(10 * time.Microsecond).String(), "", true},
			row{fmt.Sprintf("bare client, the same %d requests", len(urls)), median(b).Round(10 * time.Microsecond).String(), "", true},
			row{"ratio", fmt.Sprintf("%.2f", ratio), target, ratio <= 1.5})
	}
	return rows, nil
}
