package history

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Programs to use, by default those of Debian's packages.
func program(variable, name string) string { return cmp.Or(os.Getenv(variable), name) }

// Prometheus is a real one with a past.
type Prometheus struct {
	URL string
	// Now is the moment to ask of: the past reaches up to just before it, and the
	// rules have been evaluated.
	Now time.Time

	started time.Time
	cmd     *exec.Cmd
	out     bytes.Buffer // read when it has ended
	done    chan struct{}
	once    sync.Once
}

// Start tells a story and starts a Prometheus in which it has happened, with the
// rules; dir takes all files. Close ends it.
func Start(ctx context.Context, s *Story, rules, dir string) (*Prometheus, error) {
	looks, err := s.tell(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	now := time.Now().Truncate(time.Second)
	for _, look := range looks {
		if err := s.blocks(ctx, look, data, now); err != nil {
			return nil, err
		}
	}
	if err := s.record(ctx, rules, dir, data, now); err != nil {
		return nil, err
	}
	config, err := withoutWaiting(rules, dir)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, config, data)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, p.evaluated); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.Now = time.Now()
	return p, nil
}

// tell lets the story happen, and returns a file for each look.
func (s *Story) tell(dir string) (files []string, err error) {
	p, err := s.begin(dir)
	if err != nil {
		return nil, err
	}
	defer p.end()
	for i, l := range s.Looks {
		name := filepath.Join(dir, fmt.Sprintf("look%d", i))
		f, err := os.Create(name)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(p.look(l, f), f.Close()); err != nil {
			return nil, err
		}
		files = append(files, name)
	}
	return files, nil
}

// blocks makes blocks of a look.
func (s *Story) blocks(ctx context.Context, look, data string, now time.Time) error {
	in, err := os.Open(look)
	if err != nil {
		return err
	}
	defer in.Close()
	name := look + ".om"
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(s.date(in, out, now), out.Close()); err != nil {
		return err
	}
	return run(ctx, program("PROMTOOL", "promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=36h", name, data)
}

// record computes what the recording rules would have recorded.
func (s *Story) record(ctx context.Context, rules, dir, data string, now time.Time) error {
	empty := filepath.Join(dir, "empty.yml")
	if err := os.WriteFile(empty, []byte("global: {evaluation_interval: 15s}\n"), 0o600); err != nil {
		return err
	}
	p, err := start(ctx, empty, data)
	if err != nil {
		return err
	}
	for _, l := range s.Looks {
		err = errors.Join(err, run(ctx, program("PROMTOOL", "promtool"), "tsdb", "create-blocks-from", "rules", "--url="+p.URL, "--output-dir="+data,
			"--eval-interval=1m", "--start="+unix(now.Add(-l.From)), "--end="+unix(now.Add(-l.To)), rules))
	}
	return errors.Join(err, p.Close())
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

var wait = regexp.MustCompile(`( for: )\d+[mh]\b`)

// withoutWaiting writes a configuration whose alerts fire at once: what they wait
// for has happened before Prometheus started.
func withoutWaiting(rules, dir string) (string, error) {
	b, err := os.ReadFile(rules)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), wait.ReplaceAll(b, []byte("${1}0s")), 0o600); err != nil {
		return "", err
	}
	config := filepath.Join(dir, "prometheus.yml")
	return config, os.WriteFile(config, []byte("global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n"), 0o600)
}

func run(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w; scripts/tools installs what is needed\n%s", args, err, out)
	}
	return nil
}

// start starts a Prometheus and waits until it is ready.
func start(ctx context.Context, config, data string) (*Prometheus, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	p := &Prometheus{URL: "http://" + address, started: time.Now(), done: make(chan struct{})}
	p.cmd = exec.Command(program("PROMETHEUS", "prometheus"), "--config.file="+config, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=60d", "--web.listen-address="+address, "--log.level=warn",
		"--query.lookback-delta="+(every+time.Second).String()) // nothing marks where a series of the past ends
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; scripts/tools installs what is needed", err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // it is told to end
	}()
	if err := p.await(ctx, p.ready); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// await waits until something is so.
func (p *Prometheus) await(ctx context.Context, so func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := so(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("prometheus ended: %s", &p.out)
		case <-ctx.Done():
			return fmt.Errorf("prometheus is not ready: %w", err)
		case <-time.After(50 * time.Millisecond): // another program has no event to wait for
		}
	}
}

func (p *Prometheus) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, res.Status)
	}
	return io.ReadAll(res.Body)
}

func (p *Prometheus) ready(ctx context.Context) error {
	_, err := p.get(ctx, "/-/ready")
	return err
}

// evaluated tells whether each rule has been evaluated more than once, and well.
func (p *Prometheus) evaluated(ctx context.Context) error {
	b, err := p.get(ctx, "/api/v1/rules")
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Groups []struct {
				LastEvaluation time.Time
				Rules          []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return err
	}
	if len(answer.Data.Groups) == 0 {
		return errors.New("there are no rules")
	}
	for _, g := range answer.Data.Groups {
		if g.LastEvaluation.Before(p.started.Add(4 * time.Second)) {
			return fmt.Errorf("rules were last evaluated at %s", g.LastEvaluation)
		}
		for _, r := range g.Rules {
			if r.Health != "ok" {
				return fmt.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	return nil
}

// Close ends it, with force if it takes long.
func (p *Prometheus) Close() (err error) {
	p.once.Do(func() {
		err = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			err = p.cmd.Process.Kill()
			<-p.done
		}
	})
	return err
}
