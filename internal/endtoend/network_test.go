package endtoend

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"iam_session_exporter/internal/testkit"
)

const threeSessions = `{"totalRecords":3,"sessions":{"sessionData":[{"sessionId":"a","userId":"u1"},{"sessionId":"b","userId":"u2"},{"sessionId":"c","userId":"u3"}]}}`

const oamUp = `iam_source_up{api="oam",source="sso"}`

// rawOAM hands each connection to a function, with a way to read a request.
func rawOAM(t *testing.T, h func(c net.Conn, request func() error)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			r := bufio.NewReader(c)
			wg.Go(func() {
				defer c.Close()
				h(c, func() error {
					req, err := http.ReadRequest(r)
					if err == nil {
						_, err = io.Copy(io.Discard, req.Body)
					}
					return err
				})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

func answer(c io.Writer, body string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// What a server sends without being asked is quoted by net/http in the standard
// log, which is our standard error.
func TestUnsolicitedBytesAreNotLogged(t *testing.T) {
	t.Parallel()
	const marker = "CaNaRy91ac"
	said := make(chan struct{}, 99)
	url := rawOAM(t, func(c net.Conn, request func() error) {
		if request() != nil {
			return
		}
		answer(c, threeSessions)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+marker+"\r\n\r\n")
		request() // until the exporter hangs up
		said <- struct{}{}
	})
	dir := t.TempDir()
	write(t, dir, "password", "x")
	p := run(t, "http", "--config.file="+write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, "")), "--log.level=debug")
	for range 3 {
		_, page := p.get("/metrics")
		if testkit.Value(page, oamUp) != "1" {
			t.Errorf("not up\n%s", page)
		}
		<-said
	}
	p.signal(syscall.SIGTERM)
	<-p.done
	if log := p.err.String(); strings.Contains(log, marker) || strings.Contains(log, "Unsolicited") {
		t.Errorf("the log quotes the server:\n%s", log)
	}
}

// One answer that leaves HTTP costs one scrape, not the source.
func TestSwitchingProtocolsCostsOneScrape(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n := 0
	url := rawOAM(t, func(c net.Conn, request func() error) {
		for request() == nil {
			mu.Lock()
			n++
			first := n == 1
			mu.Unlock()
			if first {
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
				io.Copy(io.Discard, c)
				return
			}
			answer(c, threeSessions)
		}
	})
	dir := t.TempDir()
	write(t, dir, "password", "x")
	p := run(t, "http", "--config.file="+write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", url, "")))
	for i, want := range []string{"0", "1", "1"} {
		if code, page := p.get("/metrics"); code != 200 || testkit.Value(page, oamUp) != want {
			t.Errorf("scrape %d: %d, up %s; want 200, %s", i+1, code, testkit.Value(page, oamUp), want)
		}
	}
	_, page := p.get("/metrics")
	if got := testkit.Value(page, `iam_source_errors_total{api="oam",reason="http",source="sso"}`); got != "1" {
		t.Errorf(`http errors %s; want "1"`, got)
	}
}

// Certificates and secrets that become pipes fail the source that needs them,
// until they are files again, and never hang it.
func TestFilesThatBecomePipes(t *testing.T) {
	t.Parallel()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, threeSessions) }))
	defer api.Close()
	dir := t.TempDir()
	contents := map[string]string{
		"password": "x",
		"ca.pem":   "\ufeff" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})),
	}
	for name, content := range contents {
		write(t, dir, name, content)
	}
	p := run(t, "http", "--config.file="+write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", api.URL, ", tls_config: {ca_file: ca.pem}")))
	up := func(want, when string) {
		t.Helper()
		if code, page := p.get("/metrics"); code != 200 || testkit.Value(page, oamUp) != want {
			t.Errorf("%s: %d, up %s; want 200, %s\n%s", when, code, testkit.Value(page, oamUp), want, p.err.String())
		}
	}
	up("1", "at first")
	for name, content := range contents {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		up("0", name+" is a pipe")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, content)
		up("1", name+" is a file again")
	}
	_, page := p.get("/metrics")
	for _, reason := range []string{"auth", "tls"} {
		if got := testkit.Value(page, `iam_source_errors_total{api="oam",reason="`+reason+`",source="sso"}`); got != "1" {
			t.Errorf(`%s errors: %s; want "1"`, reason, got)
		}
	}
}

func TestCheckConfigReadsSecrets(t *testing.T) {
	t.Parallel()
	const marker = "CaNaRy5e1d"
	dir := t.TempDir()
	file := write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", "https://oam.example.com", ", identity_stores: [\"${STORE}\"]"))
	for content, want := range map[string]string{
		marker + "\n":                   "",
		"\ufeff" + marker:               "",
		marker + "\n" + marker + "\n":   "holds more than one line",
		marker + "\x00":                 "holds a control character",
		"\xff\xfe" + marker:             "is UTF-16",
		"\xe4" + marker:                 "holds bytes that are not UTF-8",
		strings.Repeat(marker, 200_000): "is larger than 1 MiB",
	} {
		write(t, dir, "password", content)
		code, out, _ := once(t, "check-config", file)
		if (code == 0) != (want == "") || want != "" && !strings.Contains(out, "c.yml:2: sources[0].basic_auth.password_file: ") || !strings.Contains(out, want) || strings.Contains(out, marker) {
			t.Errorf("%.40q: %d; want %q in it; want 0: %v\n%s", content, code, want, want == "", out)
		}
		if !strings.Contains(out, "warning: ") || !strings.Contains(out, "sources[0].identity_stores[0]: holds ${") {
			t.Errorf("no warning of a variable; want \"warning: \" in it, \"sources[0].identity_stores[0]: holds ${\" in it\n%s", out)
		}
	}
}

// A WebLogic makes an HTTP session for each request that comes without its
// cookie.
func TestOneSessionOfTheServerForAllScrapes(t *testing.T) {
	t.Parallel()
	const marker = "CaNaRyc00c"
	var mu sync.Mutex
	made := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("JSESSIONID"); err != nil {
			mu.Lock()
			made++
			mu.Unlock()
			http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: marker, Path: "/oam"})
		}
		io.WriteString(w, threeSessions)
	}))
	defer api.Close()
	dir := t.TempDir()
	write(t, dir, "password", "x")
	p := run(t, "http", "--config.file="+write(t, dir, "c.yml", "sources:\n"+oamConfig("sso", api.URL, "")), "--log.level=debug")
	for range 5 {
		for _, path := range []string{"/metrics", "/", "/probe?source=sso&debug=true"} {
			code, page := p.get(path)
			if code != 200 || strings.Contains(page, marker) {
				t.Errorf("%s: %d; want 200\n%s", path, code, page)
			}
		}
	}
	if strings.Contains(p.err.String(), marker) {
		t.Error("the cookie is in the log")
	}
	mu.Lock()
	defer mu.Unlock()
	if made != 1 {
		t.Errorf("%d sessions; want 1", made)
	}
}
