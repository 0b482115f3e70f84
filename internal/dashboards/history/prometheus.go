package history

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
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
	URL     string
	Started time.Time

	cmd  *exec.Cmd
	out  bytes.Buffer // read when it has ended
	done chan struct{}
	once sync.Once
}

// Start tells a story and starts a Prometheus in which it has happened, with the
// rules; dir takes all files. Close ends it.
func Start(ctx context.Context, s *Story, rules, dir string) (*Prometheus, error) {
	data := filepath.Join(dir, "data")
	now := time.Now().Truncate(time.Second)
	if err := s.tell(ctx, dir, data, now); err != nil {
		return nil, err
	}
	// First without rules, to compute what the recording rules would have recorded.
	empty := filepath.Join(dir, "empty.yml")
	if err := os.WriteFile(empty, []byte("global: {evaluation_interval: 15s}\n"), 0o600); err != nil {
		return nil, err
	}
	p, err := start(ctx, empty, data)
	if err != nil {
		return nil, err
	}
	for _, l := range s.Looks {
		err := run(ctx, program("PROMTOOL", "promtool"), "tsdb", "create-blocks-from", "rules", "--url="+p.URL, "--output-dir="+data, "--eval-interval=1m",
			"--start="+unix(now.Add(-l.From)), "--end="+unix(now.Add(-l.To)), rules)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	if err := p.Close(); err != nil {
		return nil, err
	}
	config, err := withoutWaiting(rules, dir)
	if err != nil {
		return nil, err
	}
	return start(ctx, config, data)
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// tell makes blocks of a story.
func (s *Story) tell(ctx context.Context, dir, data string, now time.Time) error {
	p, err := s.begin(dir, now)
	if err != nil {
		return err
	}
	defer p.end()
	for i, l := range s.Looks {
		name := filepath.Join(dir, fmt.Sprintf("look%d.om", i))
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		if err := errors.Join(p.look(l, f), f.Close()); err != nil {
			return err
		}
		if err := run(ctx, program("PROMTOOL", "promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=36h", name, data); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

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
	p := &Prometheus{URL: "http://" + address, Started: time.Now(), done: make(chan struct{})}
	p.cmd = exec.Command(program("PROMETHEUS", "prometheus"), "--config.file="+config, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=60d", "--web.listen-address="+address, "--log.level=warn")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; scripts/tools installs what is needed", err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // it is told to end
	}()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if p.ready(ctx) {
			return p, nil
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("prometheus ended: %s", &p.out)
		case <-ctx.Done():
			return nil, errors.Join(errors.New("prometheus does not get ready"), p.Close())
		case <-time.After(50 * time.Millisecond): // another program has no event to wait for
		}
	}
}

func (p *Prometheus) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/-/ready", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
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
