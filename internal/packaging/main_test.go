package packaging

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	root        = "../.."
	programName = "iam_session_exporter"
	uid         = 65532
)

// program is the path of the real program, built for these tests.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "packaging")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, programName)
		build := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// result is how a command ended.
type result struct {
	code   int
	stdout string
	all    string // with what went to stderr
}

// run runs a command for five minutes at most, which only one that hangs takes. A tool that is missing fails the test.
func run(t *testing.T, cmd ...string) result {
	t.Helper()
	path, err := exec.LookPath(cmd[0])
	if err != nil {
		t.Fatalf("%v; scripts/tools installs what the tests need", err)
	}
	// A test's own context is cancelled before its cleanups run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, path, cmd[1:]...)
	c.WaitDelay = 3 * time.Second // what it leaves running may hold its output open
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	if ctx.Err() != nil || c.ProcessState == nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd, " "), err, &stderr)
	}
	return result{c.ProcessState.ExitCode(), strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String() + stdout.String())}
}

// must is run for a command that has to succeed.
func must(t *testing.T, cmd ...string) string {
	t.Helper()
	r := run(t, cmd...)
	if r.code != 0 {
		t.Fatalf("%s: exit code %d\n%s", strings.Join(cmd, " "), r.code, r.all)
	}
	return r.stdout
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// secret is what a file of a name may hold: a key that the program can use, or
// any word.
func secret(t *testing.T, name string) string {
	t.Helper()
	switch filepath.Ext(name) {
	case ".pem":
	case ".key":
		return strings.Repeat("k", 32)
	default:
		return "dummy"
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func write(t *testing.T, text string, path ...string) string {
	t.Helper()
	p := filepath.Join(path...)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}
