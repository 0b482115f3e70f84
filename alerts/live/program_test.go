//go:build alerting

package live

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"iam_session_exporter/internal/testkit"
)

// The programs, by default those of Debian's packages.
var (
	prometheusProgram   = cmp.Or(os.Getenv("PROMETHEUS"), "prometheus")
	alertmanagerProgram = cmp.Or(os.Getenv("ALERTMANAGER"), "prometheus-alertmanager")
	promtoolProgram     = cmp.Or(os.Getenv("PROMTOOL"), "promtool")
	amtoolProgram       = cmp.Or(os.Getenv("AMTOOL"), "amtool")
)

// program is one that runs.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  testkit.Buffer
	done chan struct{}
	// address is where it listens. The program itself chooses the port, so that
	// nobody else can take it before.
	address string
}

const anyPort = "127.0.0.1:0"

var listening = regexp.MustCompile(`msg="Listening on"(?: component=web)? address=(\S+)`)

// start runs a program until the test ends, and waits until it is ready.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(args[0], args[1:]...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%v; scripts/tools installs what the tests need", err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // it is told to end
	}()
	t.Cleanup(p.stop)
	until(t, args[0]+" is ready", func() error {
		select {
		case <-p.done:
			t.Fatalf("%s ended\n%s", args[0], &p.out)
		default:
		}
		m := listening.FindStringSubmatch(p.out.String())
		if m == nil {
			return errors.New("it does not listen")
		}
		p.address = m[1]
		res, err := http.Get("http://" + p.address + "/-/ready")
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", res.Status)
		}
		return nil
	})
	return p
}

// stop ends it, with force if it takes long.
func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// kill ends it without a warning.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// until waits for what other programs do: there is no clock to fake. It is patient,
// as the machine may be busy.
func until(t *testing.T, what string, ok func() error) {
	t.Helper()
	const patience = 2 * time.Minute
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = ok(); err == nil {
			return
		}
	}
	t.Fatalf("waited %s in vain until %s: %v", patience, what, err)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tool runs a program to its end.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}
