package commands

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-kit/log"

	"iam_session_exporter/config"
)

const conf = `sources:
  - {name: prod, api: intersight, url: "https://intersight.com", oauth2: {client_id: a, client_secret_file: secret}, alerting: {detections: {concurrent_sessions: {max: 1, for: 1m}}}}
  - {name: sso, api: oam, url: "https://login.example.com", basic_auth: {username: u, password_file: secret}}
  - {name: off, api: oam, url: "https://off.example.com", basic_auth: {username: u, password_file: secret}, alerting: {enabled: false}}
alerting:
  alertmanagers: []
  key_file: key
  service_accounts: ["svc-*"]
  detections: {break_glass: {users: [Glass@example.com, "*-canary"]}}
`

func load(t *testing.T) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"key": strings.Repeat("k", 32) + "\n", "secret": "x", "c.yml": conf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "c.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// golden compares with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s: got\n%s\nwant\n%s%v", name, got, want, err)
	}
}

func TestDetections(t *testing.T) {
	for _, format := range Formats() {
		for name, c := range map[string]*config.Config{"defaults": nil, "configured": load(t)} {
			var out bytes.Buffer
			if err := Detections(&out, c, format); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+format, out.String())
		}
	}
}

func TestPseudonyms(t *testing.T) {
	c := load(t)
	run := func(p Pseudonyms) string {
		var out bytes.Buffer
		p.Out = &out
		if err := p.Run(c); err != nil {
			fmt.Fprintln(&out, err)
		}
		return out.String()
	}
	alice := strings.Fields(run(Pseudonyms{Kind: User, Names: []string{"alice"}}))[0]
	for _, x := range []struct {
		name string
		p    Pseudonyms
		want string
	}{
		{"case does not matter", Pseudonyms{Kind: User, In: strings.NewReader("Alice\r\n\nALICE")}, alice + "\tAlice\n" + alice + "\tALICE\n"},
		{"no address", Pseudonyms{Kind: Address, In: strings.NewReader("host\n")}, "line 1: is not an IP address\n"},
		{"an empty name", Pseudonyms{Kind: User, Names: []string{""}}, "name 1: is empty\n"},
		{"a store of addresses", Pseudonyms{Kind: Address, Store: "s", Names: []string{"::1"}}, "--identity-store is for users only\n"},
	} {
		if got := run(x.p); got != x.want {
			t.Errorf("%s: got %q, want %q", x.name, got, x.want)
		}
	}
	subject := func(p Pseudonyms) string { return strings.Fields(run(p))[0] }
	if a, b := subject(Pseudonyms{Kind: User, Store: "s", Names: []string{"alice"}}), subject(Pseudonyms{Kind: User, Store: "s", Names: []string{"Alice"}}); a == b || a == alice {
		t.Errorf("users of OAM: got %s and %s, want others than %s", a, b, alice)
	}
	first := subject(Pseudonyms{Kind: Address, Names: []string{"10.0.0.1"}})
	for _, same := range []string{"::ffff:10.0.0.1", "10.0.0.1:443"} {
		if got := subject(Pseudonyms{Kind: Address, Names: []string{same}}); got != first {
			t.Errorf("%s: got %s, want %s", same, got, first)
		}
	}
}

func TestReplays(t *testing.T) {
	c := load(t)
	var out bytes.Buffer
	p := Pseudonyms{Kind: User, Names: []string{"glass@example.com"}, Out: &out}
	if err := p.Run(c); err != nil {
		t.Fatal(err)
	}
	glass, _, _ := strings.Cut(out.String(), "\t")
	session := `{"id":"s-%d","user":"%s","status":"active","created":"2026-03-02T11:5%d:00Z"}`
	line := `{"v":1,"source":"prod","api":"intersight","taken":"2026-03-02T12:%02d:00Z","complete":true,"total":%d,"sessions":[%s]}` + "\n"
	both := fmt.Sprintf(session, 1, glass, 1) + "," + fmt.Sprintf(session, 2, glass, 2)
	file := filepath.Join(t.TempDir(), "recording")
	text := fmt.Sprintf(line, 0, 2, both) + fmt.Sprintf(line, 20, 0, "") + fmt.Sprintf(line, 40, 0, "") +
		`{"v":1,"source":"off","api":"oam","taken":"2026-03-02T12:00:00Z","error":"timeout"}` + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range Formats() {
		var out, said bytes.Buffer
		r := Replays{Files: []string{file}, Format: format, Out: &out, Logger: log.NewLogfmtLogger(&said)}
		if err := r.Run(c); err != nil {
			t.Fatal(err)
		}
		golden(t, "replay."+format, out.String())
		for _, want := range []string{"setting=service_accounts users=1", "setting=detections.break_glass.users users=1", "source=off"} {
			if !strings.Contains(said.String(), want) {
				t.Errorf("the log lacks %q: %s", want, said.String())
			}
		}
		if strings.Contains(said.String(), "canary") || strings.Contains(said.String(), "svc-") {
			t.Errorf("the log names users: %s", said.String())
		}
	}
	if err := os.WriteFile(file, []byte(text+"{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Replays{Files: []string{file}, Format: JSON, Out: &out, Logger: log.NewNopLogger()}
	if err := r.Run(c); err == nil || !strings.HasPrefix(err.Error(), file+":5: ") {
		t.Errorf("a bad line: got %v, want %s:5", err, file)
	}
}
