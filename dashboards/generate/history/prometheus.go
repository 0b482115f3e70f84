package history

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
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
	// Now is the moment to ask of, with which the past ends.
	Now time.Time

	cmd  *exec.Cmd
	out  output
	done chan struct{}
	once sync.Once
}

// output is what a program writes, to be read while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Start tells a story and starts a Prometheus in which it has happened, with what
// the rules made of it; dir takes all files. Close ends it.
func Start(ctx context.Context, s *Story, rules, dir string) (*Prometheus, error) {
	looks, err := s.tell(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	for _, look := range looks {
		if err := blocks(ctx, look, data); err != nil {
			return nil, err
		}
	}
	if err := s.judge(ctx, rules, dir, data); err != nil {
		return nil, err
	}
	p, err := start(ctx, dir, data)
	if err != nil {
		return nil, err
	}
	p.Now = s.End
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

// blocks makes blocks of a file in the OpenMetrics format.
func blocks(ctx context.Context, file, data string) error {
	return run(ctx, program("PROMTOOL", "promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=36h", file, data)
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func run(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w; scripts/tools installs what is needed\n%s", args, err, out)
	}
	return nil
}

// start starts a Prometheus and waits until it is ready.
func start(ctx context.Context, dir, data string) (*Prometheus, error) {
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		return nil, err
	}
	p := &Prometheus{done: make(chan struct{})}
	p.cmd = exec.Command(program("PROMETHEUS", "prometheus"), "--config.file="+config, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=60d", "--web.listen-address=127.0.0.1:0",
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
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
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

// listening is what it logs of its address: it chooses the port itself, so that
// nobody else can take it before.
var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

func (p *Prometheus) ready(ctx context.Context) error {
	m := listening.FindStringSubmatch(p.out.String())
	if m == nil {
		return errors.New("it does not listen")
	}
	p.URL = "http://" + m[1]
	_, err := p.get(ctx, "/-/ready")
	return err
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
