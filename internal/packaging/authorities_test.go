//go:build image

package packaging

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/yaml"
)

// simulation runs the simulated APIs outside, and returns the OAM one of the
// configuration that scrapes them.
func simulation(t *testing.T) (source map[string]any, password string) {
	t.Helper()
	cmd := exec.Command("timeout", "600", program, "simulate") // ends also when the test is killed
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var text bytes.Buffer
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "networks:"); {
		text.WriteString(lines.Text() + "\n")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	var c struct{ Sources []map[string]any }
	if err := yaml.Unmarshal(text.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Sources {
		if s["api"] == "oam" {
			auth := s["basic_auth"].(map[string]any)
			password = read(t, auth["password_file"].(string))
			auth["password_file"] = "oam-password"
			return s, password
		}
	}
	t.Fatalf("no OAM source in\n%s", &text)
	return nil, ""
}

// A source whose certificate is by an authority in the image's bundle is
// scraped; by another one it is not, for reason tls. The authority is put into the
// file that the image has, where the program must look for it.
func (e *engine) authorities(t *testing.T) {
	source, password := simulation(t)
	target, err := url.Parse(source["url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	api.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake is to fail
	api.StartTLS()
	defer api.Close()
	source["url"] = api.URL

	dir := t.TempDir()
	text, err := yaml.Marshal(map[string]any{"sources": []any{source}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, string(text), dir, programName+".yml")
	write(t, password, dir, "oam-password")
	own(t, dir)
	bundle := write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})), t.TempDir(), "bundle.crt")
	if err := os.Chmod(bundle, 0o444); err != nil {
		t.Fatal(err)
	}

	scraped := func(t *testing.T, options ...string) (*container, string) {
		address := freeAddress(t)
		options = append(options, "--network", "host", "--volume", dir+":/etc/"+programName+":ro")
		c := e.serve(t, options, address, "--web.listen-address="+address)
		return c, c.metrics(t)
	}
	t.Run("unknown", func(t *testing.T) {
		c, metrics := scraped(t)
		if up(metrics) != 0 || !regexp.MustCompile(`(?m)^iam_source_errors_total\{[^}]*reason="tls"[^}]*\} 1$`).MatchString(metrics) {
			t.Errorf("%s", metrics)
		}
		if text := c.logs(t); !strings.Contains(text, "unknown authority") {
			t.Errorf("%s", text)
		}
		c.stop(t)
	})
	t.Run("known", func(t *testing.T) {
		c, metrics := scraped(t, "--volume", bundle+":"+bundlePath+":ro")
		if up(metrics) != 1 {
			t.Errorf("%s", metrics)
		}
		c.stop(t)
	})
}
