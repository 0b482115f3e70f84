package history

import (
	"bufio"
	"crypto"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/alerting"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/notify"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/web"
)

// target is what Prometheus would call the exporter.
const target = `instance="exporter.example.com:10987",job="iam_session_exporter"`

// play is a story that is being told.
type play struct {
	*Story
	dir     string
	servers []*simulator.Server
	text    string // of the configuration
	started time.Time
	export  *exporter.Exporter
	handler http.Handler
}

// begin starts the APIs of a story and the exporter, with its files in a
// directory.
func (s *Story) begin(dir string) (*play, error) {
	p := &play{Story: s, dir: dir}
	key, err := simintersight.NewECKey()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), key.Mislabeled, 0o600); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"password": "secret\n", "pseudonyms": strings.Repeat("0123456789abcdef", 2)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	var sources strings.Builder
	for _, site := range s.Sites {
		var h http.Handler = simoam.New(site.World, simoam.Options{Users: map[string]string{"monitor": "secret"}, Skew: site.Skew})
		if site.API == session.Intersight {
			h = simintersight.New(site.World, simintersight.Options{Keys: map[string]crypto.PublicKey{simintersight.KeyID: &key.Private.PublicKey}})
		}
		site.Faults = faults.New(h, 1)
		site.Faults.Clock = site.World.Now
		server, err := simulator.Serve(site.Faults, simulator.ServeOptions{})
		if err != nil {
			p.end()
			return nil, err
		}
		p.servers = append(p.servers, server)
		fmt.Fprintf(&sources, "  - {name: %s, api: %s, url: %q, min_interval: 0s, timeout: 3s, ", site.Name, site.API, server.URL)
		if site.API == session.Intersight {
			fmt.Fprintf(&sources, "api_key: {id: %q, secret_key_file: key.pem}}\n", simintersight.KeyID)
			continue
		}
		fmt.Fprintf(&sources, "idle_timeout: %dm, session_lifetime: %dm, ", int(s.Policy.Minutes()), int(s.Lifetime.Minutes()))
		if site.MaxQueries > 0 {
			fmt.Fprintf(&sources, "max_queries: %d, ", site.MaxQueries)
		}
		sources.WriteString("basic_auth: {username: monitor, password_file: password}}\n")
	}
	text := ownAlerts + "sources:\n" + sources.String()
	if s.Networks != "" {
		text += "networks:" + s.Networks
	}
	p.text = text
	if err := p.start(); err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// start starts the exporter, or another one after it.
func (p *play) start() (err error) {
	if p.export != nil {
		p.export.Close()
	}
	logger := log.NewNopLogger()
	p.started = p.now()
	p.export, err = exporter.New(exporter.Options{
		Name: "story", Logger: logger, Now: p.now, Factories: factories(p.now),
		Alerting: alerting.Options{UserAgent: "history", Transport: func(m notify.Alertmanager) (http.RoundTripper, error) {
			return &alertmanager{play: p, second: strings.Contains(m.URL, "-1.")}, nil
		}},
		Load: func() (*config.Config, error) { return config.Parse([]byte(p.text), "story", p.dir) },
	})
	if err != nil {
		return err
	}
	version := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "iam_session_exporter_build_info", Help: "As of a release.", ConstLabels: prometheus.Labels{"version": "1.0.0", "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.export, version, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.handler = web.New(web.Options{Exporter: p.export, Registry: registry, TelemetryPath: "/metrics", Now: p.now, Logger: logger})
	return nil
}

// factories are those of the program, on the story's clock.
func factories(now func() time.Time) map[session.API]exporter.Factory {
	logger := log.NewNopLogger()
	return map[session.API]exporter.Factory{
		session.Intersight: func(c config.Source) (session.Source, error) {
			return intersight.New(intersight.Config{Name: c.Name, URL: c.URL, HTTP: c.HTTP, KeyID: c.APIKey.ID, SecretKeyFile: c.APIKey.SecretKeyFile,
				Options:   c.Options.(*config.IntersightOptions).Options,
				UserAgent: "history", Now: now, Logger: logger, Hasher: session.NewHasher()})
		},
		session.OAM: func(c config.Source) (session.Source, error) {
			return oam.New(oam.Config{Name: c.Name, URL: c.URL, HTTP: c.HTTP, Options: c.Options.(*config.OAMOptions).Options,
				UserAgent: "history", Now: now, Logger: logger, Hasher: session.NewHasher()})
		},
	}
}

// now is the time of the worlds, which go together.
func (p *play) now() time.Time { return p.Sites[0].World.Now() }

func (p *play) end() {
	if p.export != nil {
		p.export.Close()
	}
	for _, s := range p.servers {
		_ = s.Close() // nothing is left to answer
	}
}

// look scrapes the exporter during one look, and writes what it answers in the
// OpenMetrics format, each line with the time of the worlds.
func (p *play) look(l Look, w io.Writer) error {
	out := bufio.NewWriter(w)
	for before := l.From; before >= l.To; before -= l.Every {
		if err := p.advance(before); err != nil {
			return err
		}
		if err := p.scrape(out); err != nil {
			return err
		}
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		return err
	}
	return out.Flush()
}

// advance moves the worlds on to a time before the end, minute by minute where
// something happens.
func (p *play) advance(before time.Duration) error {
	to := p.End.Add(-before)
	for minute := p.End.Sub(p.now()).Truncate(time.Minute); minute >= before; minute -= time.Minute {
		if minute > 0 && (minute == p.Restart || minute == p.Reload) {
			p.set(p.End.Add(-minute))
			do := p.start
			if minute == p.Reload {
				do = p.export.Reload
			}
			if err := do(); err != nil {
				return err
			}
		}
		if do := p.Events[int(minute/time.Minute)]; do != nil {
			p.set(p.End.Add(-minute))
			delete(p.Events, int(minute/time.Minute))
			do()
		}
	}
	p.set(to)
	return nil
}

func (p *play) set(to time.Time) {
	for _, s := range p.Sites {
		s.World.Advance(to)
	}
}

// scrape asks the exporter as Prometheus does.
func (p *play) scrape(out *bufio.Writer) error {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "20")
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		return fmt.Errorf("the exporter answers %d: %s", answer.Code, answer.Body)
	}
	at := p.now().Unix()
	ours := fmt.Sprintf("up 1\nprocess_start_time_seconds %d\n", p.started.Unix())
	for line := range strings.Lines(answer.Body.String() + ours) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "process_start_time_seconds") && !strings.Contains(ours, line) {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		name, labels, some := strings.Cut(line[:space], "{")
		if some {
			labels = "," + labels
		} else {
			labels = "}"
		}
		if _, err := fmt.Fprintf(out, "%s{%s%s%s %d\n", name, target, labels, strings.TrimSuffix(line[space:], "\n"), at); err != nil {
			return err
		}
	}
	return nil
}
