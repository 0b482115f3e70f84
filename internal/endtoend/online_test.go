package endtoend

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
)

// The program tries what a configuration names, and exits by the worst.
func TestCheckConfigOnline(t *testing.T) {
	t.Parallel()
	demo, err := simulator.StartDemo(simulator.DemoOptions{Dir: t.TempDir(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { demo.Close() })
	dir := t.TempDir()
	good := write(t, dir, "good.yml", string(demo.Config()))
	write(t, dir, "wrong", "wrong\n")
	refused := write(t, dir, "refused.yml", `sources: [{name: sso, api: oam, url: "`+demo.OAMURL()+`", basic_auth: {username: monitor, password_file: wrong}}]`)
	invalid := write(t, dir, "invalid.yml", "sources: []\n")
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{good}, 0, []string{"good.yml: valid, 2 sources\nintersight-demo (intersight, http://127.0.0.1:", "\noam-demo (oam, ", "\nasked 2 sources: 0 failed, 0 with warnings\n"}},
		{[]string{refused}, 3, []string{"password  failed   HTTP 401", "→ check user and password", "\nasked 1 source: 1 failed"}},
		{[]string{good, refused}, 3, []string{"0 failed", "1 failed"}},
		{[]string{refused, invalid}, 1, []string{"1 failed", "invalid.yml:1"}},
	} {
		code, out, stderr := once(t, append([]string{"check-config", "--online"}, c.args...)...)
		if code != c.code || stderr != "" {
			t.Errorf("%v: got exit code %d, %q on standard error; want %d and nothing", c.args, code, stderr, c.code)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: got\n%s\nwant %q in it", c.args, out, want)
			}
		}
		birds := canaries{"monitor"}
		for _, api := range []session.API{session.Intersight, session.OAM} {
			for _, s := range demo.World.Truth(api) {
				birds = append(birds, s.ID, s.User, s.UserMoid, s.ClientIP)
			}
		}
		birds.look(t, "what is printed", out)
	}
	if code, out, stderr := once(t, "check-config", "--print", "--online", refused); code != 3 || strings.Contains(out, "401") || !strings.Contains(stderr, "HTTP 401") {
		t.Errorf("with --print: got exit code %d\n%s\nand %q on standard error; want 3 and the report there", code, out, stderr)
	}
	asked := demo.OAM.Stats().Queries
	if code, out, _ := once(t, "check-config", good); code != 0 || demo.OAM.Stats().Queries != asked {
		t.Errorf("without --online: got exit code %d and %d queries\n%s\nwant 0 and none", code, demo.OAM.Stats().Queries-asked, out)
	}
}

// Who does not want to wait ends it.
func TestCheckConfigOnlineInterrupted(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var first sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = new(bytes.Buffer).ReadFrom(r.Body)
		first.Do(func() { close(asked) })
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	write(t, dir, "password", "secret\n")
	file := write(t, dir, "hangs.yml", `sources: [{name: sso, api: oam, url: "`+server.URL+`", timeout: 5m, basic_auth: {username: u, password_file: password}}]`)
	cmd := command(t, "check-config", "--online", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.HasSuffix(stderr.String(), "interrupted\n") {
		t.Errorf("got exit code %d and %q, want 3 and interrupted", code, stderr.String())
	}
}
