package endtoend

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"iam_session_exporter/internal/testkit"
)

// binaryDir is where binary is, for TestMain to remove.
var binaryDir syncString

// binary is the program, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "iam-binary")
	if err != nil {
		return "", err
	}
	binaryDir.set(dir)
	path := filepath.Join(dir, "iam_session_exporter")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// process is a program that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    testkit.Buffer
	err    testkit.Buffer
	url    string
	client *http.Client
	done   chan struct{}
	code   int
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // it may be killed
	return cmd
}

// once runs the program to its end.
func once(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// listening is what the program logs of its address.
var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// run starts the program; scheme is that of its web configuration.
func run(t *testing.T, scheme string, args ...string) *process {
	t.Helper()
	// It chooses the port itself, so that nobody else can take it before.
	p := launch(t, nil, append(args, "--web.listen-address=127.0.0.1:0")...)
	var address []string
	p.until("it listens", func() bool {
		address = listening.FindStringSubmatch(p.err.String())
		return address != nil
	})
	p.url = scheme + "://" + address[1]
	return p
}

// runTo is run with another standard error than one that is kept, and plain HTTP.
func runTo(t *testing.T, stderr io.Writer, args ...string) *process {
	t.Helper()
	address := testkit.FreeAddress(t)
	p := launch(t, stderr, append(args, "--web.listen-address="+address)...)
	p.url = "http://" + address
	p.until("it listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

// launch starts the program, and ends it with the test.
func launch(t *testing.T, stderr io.Writer, args ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan struct{})}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	p.client = &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	p.cmd = command(t, args...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if stderr != nil {
		p.cmd.Stderr = stderr
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// patience is how long another process may take: one that does not hang takes
// less, however busy the machine.
const patience = 2 * time.Minute

// until polls for what another process does: there is no clock to fake.
func (p *process) until(what string, ok func() bool) {
	p.t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
		select {
		case <-p.done:
			p.t.Fatalf("waiting until %s: it ended with %d\n%s", what, p.code, p.err.String())
		default:
		}
	}
	p.t.Fatalf("waited in vain until %s\n%s", what, p.err.String())
}

func (p *process) get(path string, change ...func(*http.Request)) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fakeOAM answers as an OAM with three sessions, to those who know its password.
func fakeOAM(t *testing.T, password *syncString) (url string, asked func() int, hang *syncString) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	hang = &syncString{}
	stop := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		mu.Unlock()
		switch h := hang.get(); {
		case h == "wait": // until told otherwise
			for hang.get() == "wait" {
				select {
				case <-time.After(10 * time.Millisecond):
				case <-stop:
					return
				}
			}
		case h != "":
			select {
			case <-r.Context().Done():
			case <-stop:
			}
			return
		}
		if _, p, _ := r.BasicAuth(); p != password.get() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"totalRecords":3,"sessions":{"sessionData":[{"sessionId":"a","userId":"u1"},{"sessionId":"b","userId":"u2"},{"sessionId":"c","userId":"u3"}]}}`)
	})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { close(stop); s.Close(); wg.Wait() })
	return "http://" + l.Addr().String(), func() int { mu.Lock(); defer mu.Unlock(); return n }, hang
}

type syncString struct {
	mu sync.Mutex
	s  string
}

func (s *syncString) get() string  { s.mu.Lock(); defer s.mu.Unlock(); return s.s }
func (s *syncString) set(v string) { s.mu.Lock(); defer s.mu.Unlock(); s.s = v }

func oamConfig(name, url, more string) string {
	return fmt.Sprintf("  - {name: %s, api: oam, url: %q, min_interval: 0s, basic_auth: {username: monitor, password_file: password}%s}\n", name, url, more)
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "password", "x")
	good := write(t, dir, "good.yml", "sources:\n"+oamConfig("sso", "https://sso.example.com", ""))
	bad := write(t, dir, "bad.yml", "sources:\n"+oamConfig("sso", "https://sso.example.com", ", timeot: 3s")+oamConfig("sso", "https://x", ""))
	noSecret := write(t, dir, "nosecret.yml", "sources:\n"+strings.Replace(oamConfig("sso", "https://sso.example.com", ""), "password_file: password", "password_file: gone", 1))
	noKey := write(t, dir, "nokey.yml", "sources:\n  - {name: i, api: intersight, url: 'https://i.example.com', api_key: {id: a, secret_key_file: password}}\n")
	several := write(t, dir, "several.yml", "sources:\n"+strings.Replace(oamConfig("sso", "https://sso.example.com", ", timeot: 3s"), "password_file: password", "password_file: gone", 1))
	goodWeb := write(t, dir, "web.yml", "http_server_config: {http2: false}\n")
	badWeb := write(t, dir, "badweb.yml", "basic_auth_users: secret\n")
	for _, c := range []struct {
		args   string
		code   int
		stdout string // regular expression
		stderr string
	}{
		{"--help", 0, `(?s)^[^-]*--config.file=.*--\[no-\]demo.*--web.listen-address.*check-config.*simulate.*healthcheck`, ``},
		{"serve --help", 0, `(?s)^[^-]*--config.file=.*--\[no-\]demo.*--web.listen-address`, ``},
		{"check-config --help", 0, `(?s)usage: iam_session_exporter check-config .*<file>`, ``},
		{"simulate --help", 0, `usage: iam_session_exporter simulate`, ``},
		{"healthcheck --help", 0, `--web.listen-address`, ``},
		{"detections --help", 0, `(?s)--config.file=.*--format=text`, ``},
		{"pseudonym --help", 0, `(?s)--config.file=.*--kind=user.*--identity-store=`, ``},
		{"record --help", 0, `(?s)--config.file=.*--output=.*--for=24h.*--source=`, ``},
		{"replay --help", 0, `(?s)--config.file=.*--format=text.*<file>`, ``},
		{"detections", 0, `(?s)^login_after_failures \(IAMUserLoginAfterFailures\).*shared_address`, ``},
		{"detections --format=json", 0, `^\[`, ``},
		{"pseudonym a", 2, ``, `config.file`},
		{"record --config.file=" + good, 2, ``, `output`},
		{"record --output=x --config.file=" + good, 1, ``, `no alerting block`},
		{"replay --config.file=" + good + " x", 1, ``, `no alerting block`},
		{"replay --config.file=" + bad + " x", 1, ``, `(?s)bad.yml:2: .*bad.yml:3`},
		{"--version", 0, `^iam_session_exporter, version`, ``},
		{"--no-such-flag", 2, ``, `no-such-flag.*--help`},
		{"no-such-command", 2, ``, `no-such-command.*--help`},
		{"--log.level=loud", 2, ``, `loud`},
		{"check-config", 2, ``, `file`},
		{"check-config " + good, 0, `good.yml: valid, 1 source`, ``},
		{"check-config " + bad, 1, `(?s)bad.yml:2: sources\[0\].timeot.*timeout.*bad.yml:3: `, ``},
		{"check-config " + good + " " + bad, 1, `(?s)good.yml: valid.*bad.yml:2`, ``},
		{"check-config " + noSecret, 1, `nosecret.yml:2: .*password_file.*gone`, ``},
		{"check-config " + noKey, 1, `nokey.yml:2: sources\[0\].api_key.secret_key_file: .*not PEM`, ``},
		{"check-config " + several, 1, `(?s)several.yml:2: sources\[0\].timeot.*several.yml:2: .*gone`, ``},
		{"--config.file=" + noKey, 1, ``, `nokey.yml:2: .*not PEM`},
		{"check-config " + filepath.Join(dir, "none.yml"), 1, `none.yml`, ``},
		{"check-config --print " + good, 0, `^sources:`, `good.yml: valid, 1 source`},
		{"check-config --print " + bad, 1, `^$`, `bad.yml:2`},
		{"--config.check --config.file=" + good, 0, `^\S*good.yml: valid, 1 source`, `^$`},
		{"serve --config.check --config.file=" + bad, 1, `(?s)^\S*bad.yml:2: .*bad.yml:3`, `^$`},
		{"--config.check --config.file=" + noKey, 1, `nokey.yml:2: .*not PEM`, `^$`},
		{"--config.check --demo", 2, `^$`, `--demo has none`},
		{"check-config --web.config.file=" + goodWeb + " " + good, 0, `(?s)good.yml: valid, 1 source\n\S*web.yml: valid\n$`, `^$`},
		{"check-config --print --web.config.file=" + goodWeb + " " + good, 0, `^sources:`, `web.yml: valid\n$`},
		{"--config.check --config.file=" + good + " --web.config.file=" + badWeb, 1, `(?s)good.yml: valid, 1 source\n\S*badweb.yml: .*cannot unmarshal !!str a value`, `^$`},
		{"check-config --web.config.file=" + filepath.Join(dir, "none.yml") + " " + good, 1, `none.yml: .*no such file`, `^$`},
		{"--config.file=" + good + " --web.listen-address=" + testkit.FreeAddress(t) + " --web.config.file=" + badWeb, 1, ``, `cannot unmarshal !!str a value`},
		{"--config.file=" + noSecret, 1, ``, `nosecret.yml:2: .*gone`},
		{"--config.file=" + bad, 1, ``, `(?s)bad.yml:2.*bad.yml:3`},
		{"--config.file=" + filepath.Join(dir, "none.yml"), 1, ``, `none.yml`},
		{"healthcheck --web.listen-address=" + testkit.FreeAddress(t), 1, ``, `no answer at http://127.0.0.1`},
		{"--config.file=" + good + " --web.listen-address=256.0.0.1:1", 1, ``, `256.0.0.1`},
		{"--config.file=" + good + " --web.telemetry-path=/probe", 2, ``, `web.telemetry-path`},
	} {
		code, out, errs := once(t, strings.Fields(c.args)...)
		if code != c.code || !regexp.MustCompile(c.stdout).MatchString(out) || !regexp.MustCompile(c.stderr).MatchString(errs) {
			t.Errorf("%s: exit code %d, want %d\nstdout: %s\nstderr: %s", c.args, code, c.code, out, errs)
		}
	}
}

// The flag does what the command does.
func TestCheckByFlag(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "password", "x")
	for name, text := range map[string]string{
		"good.yml":    oamConfig("sso", "https://sso.example.com", ""),
		"doubted.yml": oamConfig("sso", "http://sso.example.com", ""),
		"bad.yml":     oamConfig("sso", "https://sso.example.com", ", timeot: 3s"),
		"gone.yml":    strings.Replace(oamConfig("sso", "https://sso.example.com", ""), "password_file: password", "password_file: gone", 1),
	} {
		file := write(t, dir, name, "sources:\n"+text)
		wantCode, wantOut, wantErr := once(t, "check-config", file)
		code, out, errs := once(t, "--config.file="+file, "--config.check")
		if code != wantCode || out != wantOut || errs != wantErr {
			t.Errorf("%s: got %d, %q, %q, want %d, %q, %q", name, code, out, errs, wantCode, wantOut, wantErr)
		}
	}
}

func TestStopAnswersScrapesUnderWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	password := &syncString{s: "x"}
	url, asked, hang := fakeOAM(t, password)
	hang.set("wait")
	write(t, dir, "password", "x")
	p := run(t, "http", "--config.file="+write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, ", timeout: 2m")))
	type answer struct {
		code int
		page string
	}
	got := make(chan answer)
	go func() {
		code, page := p.get("/metrics")
		got <- answer{code, page}
	}()
	p.until("the API is asked", func() bool { return asked() == 1 })
	p.signal(syscall.SIGTERM)
	p.until("it says that it stops", func() bool { code, _ := p.get("/-/ready"); return code == 503 })
	hang.set("")
	a := <-got
	if a.code != 200 || testkit.Value(a.page, `iam_source_up{api="oam",source="sso"}`) != "1" {
		t.Errorf("the scrape under way: %d; want 200", a.code)
	}
	<-p.done
	if p.code != 0 {
		t.Errorf("exit code %d; want 0\n%s", p.code, p.err.String())
	}
}

func TestReloadAndRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	password := &syncString{s: "first"}
	url, asked, _ := fakeOAM(t, password)
	write(t, dir, "password", "first\n")
	file := write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, ""))
	p := run(t, "http", "--config.file="+file)
	up := func(source string) string {
		_, page := p.get("/metrics")
		return testkit.Value(page, `iam_source_up{api="oam",source="`+source+`"}`)
	}
	own := func(name string) string {
		_, page := p.get("/metrics")
		return testkit.Value(page, name)
	}
	const successful = "iam_session_exporter_config_last_reload_successful"
	if up("sso") != "1" || own(successful) != "1" {
		t.Fatalf("not well at the start\n%s", p.err.String())
	}
	// A rotated password works at the next scrape, and a wrong one is tried once.
	password.set("second")
	write(t, dir, "password", "second\n")
	if up("sso") != "1" {
		t.Errorf("down after the rotation\n%s", p.err.String())
	}
	password.set("third")
	before := asked()
	for range 3 {
		if up("sso") != "0" {
			t.Error("up with an old password, want down")
		}
	}
	if n := asked() - before; n != 1 {
		t.Errorf("a refused password was tried %d times; want 1", n)
	}
	if n := strings.Count(p.err.String(), "Source refresh failed"); n != 1 || !strings.Contains(p.err.String(), "this host's clock") {
		t.Errorf("%d lines of one failure, or no advice; want 1, \"this host's clock\" in it\n%s", n, p.err.String())
	}
	write(t, dir, "password", "third\n")
	if up("sso") != "1" {
		t.Errorf("down with the new password\n%s", p.err.String())
	}
	// What can't be read, or must not be sent, fails the source, and no more.
	for name, spoil := range map[string]func(path string) error{
		"gone":     func(string) error { return nil },
		"empty":    func(p string) error { return os.WriteFile(p, []byte("\n"), 0o600) },
		"a pipe":   func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"a folder": func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		path := filepath.Join(dir, "password")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		before, errors := asked(), own(`iam_source_errors_total{api="oam",reason="auth",source="sso"}`)
		if up("sso") != "0" || asked() != before || own(`iam_source_errors_total{api="oam",reason="auth",source="sso"}`) == errors {
			t.Errorf(`the password is %s: up %s, asked %d times; want "0"`, name, up("sso"), asked()-before)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "password", "third\n")
		if up("sso") != "1" {
			t.Errorf("down with the password again, after it was %s\n%s", name, p.err.String())
		}
	}
	if err := os.Remove(filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	if up("sso") != "0" || own(`iam_source_errors_total{api="oam",reason="auth",source="sso"}`) == "0" {
		t.Error("up without a password")
	}
	write(t, dir, "password", "third\n")

	write(t, dir, "c.yml", "sources: [{nmae: x}]\n")
	p.signal(syscall.SIGHUP)
	p.until("the bad reload is told", func() bool { return own(successful) == "0" })
	if up("sso") != "1" {
		t.Error("the old configuration does not serve on")
	}
	res, err := p.client.Post(p.url+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode/100 == 2 || !bytes.Contains(body, []byte("c.yml:1")) {
		t.Errorf("POST /-/reload: %d %s; want no 2xx", res.StatusCode, body)
	}
	write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, "")+oamConfig("two", url, ""))
	p.signal(syscall.SIGHUP)
	p.until("the new source is there", func() bool { return up("two") == "1" })
	if own(successful) != "1" {
		t.Error("the good reload is not told")
	}
}

// webConfig is TLS by a certificate of the test's own, and a user "prometheus"
// with the password "correct horse".
func webConfig(t *testing.T, dir, more string) string {
	t.Helper()
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=exporter.example.com", "-keyout", filepath.Join(dir, "web.key"), "-out", filepath.Join(dir, "web.crt")).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	return write(t, dir, "web.yml", "tls_server_config: {cert_file: web.crt, key_file: web.key"+more+"}\n"+
		"basic_auth_users: {prometheus: '$2a$04$qa0OwGZWyE50Ij3o5LKE5O0T16fyAtmCIw2vxIygy2HbYbSRWoZW.'}\n")
}

func TestTLSAndBasicAuth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	web := webConfig(t, dir, "")
	p := run(t, "https", "--demo", "--web.config.file="+web)
	for _, path := range []string{"/metrics", "/config"} {
		if code, _ := p.get(path); code != 401 {
			t.Errorf("%s without a password: %d; want 401", path, code)
		}
	}
	if code, page := p.get("/metrics", func(r *http.Request) { r.SetBasicAuth("prometheus", "correct horse") }); code != 200 || !strings.Contains(page, "iam_sessions{") {
		t.Errorf(`with the password: %d; want 200; page = %v, want "iam_sessions{" in it`, code, page)
	}
	address := strings.TrimPrefix(p.url, "https://")
	if code, _, errs := once(t, "healthcheck", "--web.listen-address="+address, "--web.config.file="+web); code != 0 {
		t.Errorf("healthcheck: %d %s; want 0", code, errs)
	}
	if code, _, _ := once(t, "healthcheck", "--web.listen-address="+address); code != 1 {
		t.Errorf("healthcheck without TLS: %d; want 1", code)
	}
	mutual := t.TempDir()
	web = webConfig(t, mutual, ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: web.crt")
	p = run(t, "https", "--demo", "--web.config.file="+web)
	if code, text := p.get("/metrics"); code != 0 || !strings.Contains(text, "certificate") {
		t.Errorf(`without a client certificate: %d %s; want 0, "certificate" in it`, code, text)
	}
	if code, _, errs := once(t, "healthcheck", "--web.listen-address="+strings.TrimPrefix(p.url, "https://"), "--web.config.file="+web); code != 0 {
		t.Errorf("healthcheck without a client certificate: %d %s; want 0", code, errs)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	web := write(t, t.TempDir(), "web.yml", "rate_limit: {interval: 1h, burst: 3}\n")
	p := run(t, "http", "--demo", "--web.config.file="+web)
	var codes []int
	for range 5 {
		code, _ := p.get("/-/healthy")
		codes = append(codes, code)
	}
	if codes[0] != 200 || codes[4] != 429 {
		t.Errorf("%v; want [0] 200, [4] 429", codes)
	}
}

// However many reloads are asked for, the end is not missed; and a second signal
// does not wait.
func TestSignals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, asked, hang := fakeOAM(t, &syncString{s: "x"})
	write(t, dir, "password", "x")
	file := write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, ", timeout: 2m"))
	p := run(t, "http", "--config.file="+file)
	for range 200 {
		p.signal(syscall.SIGHUP)
	}
	p.signal(syscall.SIGTERM)
	<-p.done
	if p.code != 0 {
		t.Errorf("exit code %d; want 0\n%s", p.code, p.err.String())
	}

	hang.set("yes")
	p = run(t, "http", "--config.file="+file)
	go func() { // cut off by the end of the process
		if res, err := p.client.Get(p.url + "/metrics"); err == nil {
			res.Body.Close()
		}
	}()
	p.until("the API is asked", func() bool { return asked() > 0 })
	p.signal(syscall.SIGTERM)
	p.until("it says that it stops", func() bool { code, _ := p.get("/-/ready"); return code == 503 })
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	<-p.done
	if d := time.Since(begin); d > time.Minute { // the scrape takes two
		t.Errorf("a second signal took %v; want at most %v", d, time.Minute)
	}
}

// The configuration that simulate prints scrapes what it simulates.
func TestSimulate(t *testing.T) {
	t.Parallel()
	cmd := command(t, "simulate")
	var config, log testkit.Buffer
	cmd.Stdout, cmd.Stderr = &config, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("simulate: %v", err)
		}
	}()
	// The log says so once the whole configuration is printed, in one piece; which of
	// the two arrives first is open.
	for limit := time.Now().Add(patience); !strings.Contains(log.String(), "Simulated APIs are ready") || config.String() == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("it does not start\n%s", log.String())
		}
	}
	p := run(t, "http", "--config.file="+write(t, t.TempDir(), "c.yml", config.String()))
	_, page := p.get("/metrics")
	for _, s := range []string{`iam_source_up{api="intersight",source="intersight-demo"}`, `iam_source_up{api="oam",source="oam-demo"}`,
		`iam_source_complete{api="intersight",source="intersight-demo"}`, `iam_source_complete{api="oam",source="oam-demo"}`} {
		if testkit.Value(page, s) != "1" {
			t.Errorf("%s is %q; want \"1\"\n%s\n%s", s, testkit.Value(page, s), config.String(), p.err.String())
		}
	}
}

// Two Prometheus that scrape at the same time cost the API one request. Each time they
// do, it takes two seconds until that is sure.
func TestTwoPrometheusCostOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, asked, hang := fakeOAM(t, &syncString{s: "x"})
	write(t, dir, "password", "x")
	file := write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, ", timeout: 2m"))
	p := run(t, "http", "--config.file="+file)
	for range shortened(20) {
		before := asked()
		hang.set("wait")
		wrote := make(chan struct{}, 2)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				code, page := p.get("/metrics", func(r *http.Request) {
					*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
						WroteRequest: func(httptrace.WroteRequestInfo) { wrote <- struct{}{} },
					}))
				})
				if code != 200 || testkit.Value(page, `iam_source_up{api="oam",source="sso"}`) != "1" {
					t.Errorf("%d; want 200", code)
				}
			})
		}
		<-wrote
		<-wrote
		// The API answers when both scrapes are there: others have been answered that
		// came later, and the program has had two seconds more.
		p.until("the API is asked", func() bool { return asked() > before })
		for range 5 {
			if code, _ := p.get("/-/healthy"); code != 200 {
				t.Errorf("healthy: %d; want 200", code)
			}
		}
		time.Sleep(2 * time.Second)
		hang.set("")
		wg.Wait()
		if n := asked() - before; n != 1 {
			t.Errorf("the API was asked %d times; want 1", n)
		}
	}
}

// A full disk below the log, and names that no DNS knows: it serves all the same.
func TestItServesWhateverFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "password", "x")
	file := write(t, dir, "c.yml", "sources:\n"+oamConfig("nowhere", "https://no-such-host.invalid", ""))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	p := runTo(t, full, "--config.file="+file, "--log.level=debug")
	for range 3 {
		code, page := p.get("/metrics")
		if code != 200 || testkit.Value(page, `iam_source_up{api="oam",source="nowhere"}`) != "0" {
			t.Errorf("%d; want 200\n%s", code, page)
		}
	}
	if code, _ := p.get("/"); code != 200 {
		t.Errorf("the status page: %d; want 200", code)
	}
	_, page := p.get("/metrics")
	if testkit.Value(page, `iam_source_errors_total{api="oam",reason="connect",source="nowhere"}`) != "4" {
		t.Errorf("no connect errors\n%s", page)
	}
}
