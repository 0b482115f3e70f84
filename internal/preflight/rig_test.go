package preflight

import (
	"bytes"
	"cmp"
	"crypto"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// rig is a simulated API behind faults, and files with credentials for it.
type rig struct {
	t      *testing.T
	api    session.API
	world  *world.World
	inter  *simintersight.Handler
	oam    *simoam.Handler
	faults *faults.Handler
	url    string
	ca     []byte // with TLS
	dir    string
}

const (
	canary   = "CaNaRy7f3a"
	password = canary + "password"
	secret   = canary + "secret"
)

// keys are made once: the API's own, and one that it does not know.
var keys = sync.OnceValues(func() ([2]*simintersight.ECKey, error) {
	var k [2]*simintersight.ECKey
	for i := range k {
		var err error
		if k[i], err = simintersight.NewECKey(); err != nil {
			return k, err
		}
	}
	return k, nil
})

// newRig serves an API with sessions.
func newRig(t *testing.T, s world.Static, o simulator.ServeOptions) *rig {
	t.Helper()
	s.Seed, s.Roles, s.Expired = 7, 4, 0.05
	api := s.API
	r := &rig{t: t, api: api, dir: t.TempDir(), world: world.NewStatic(s)}
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	r.write("key.pem", string(k[0].Mislabeled))
	r.write("other.pem", string(k[1].Mislabeled))
	r.write("password", password+"\n")
	r.write("secret", secret+"\n")
	r.write("wrong", canary+"wrong\n")
	var handler http.Handler
	if api == session.Intersight {
		r.inter = simintersight.New(r.world, simintersight.Options{
			Keys:    map[string]crypto.PublicKey{simintersight.KeyID: &k[0].Private.PublicKey},
			Clients: map[string]string{"client": secret},
		})
		handler = r.inter
	} else {
		r.oam = simoam.New(r.world, simoam.Options{Users: map[string]string{"monitor": password}, Form: simoam.Form{RoleAttribute: "role"}})
		handler = r.oam
	}
	r.faults = faults.New(handler, 1)
	r.faults.Clock = r.world.Now
	r.serve(r.faults, o)
	return r
}

func (r *rig) serve(h http.Handler, o simulator.ServeOptions) {
	r.t.Helper()
	s, err := simulator.Serve(h, o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { s.Close() })
	r.url, r.ca = s.URL, s.CA
	if o.TLS {
		r.write("ca.pem", string(s.CA))
	}
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// The usual credentials.
const (
	apiKey = "api_key: {id: " + simintersight.KeyID + ", secret_key_file: key.pem}"
	basic  = "basic_auth: {username: monitor, password_file: password}"
)

// parse reads a configuration. URL stands for that of the API.
func (r *rig) parse(text string) *config.Config {
	r.t.Helper()
	c, err := config.Parse([]byte(strings.ReplaceAll(text, "URL", r.url)), "test.yml", r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// settings are those of a source that differ from the usual ones.
type settings struct{ url, auth, timeout, more string }

// source is a configuration of one source.
func (r *rig) source(s settings) *config.Config {
	usual := map[session.API]string{session.Intersight: apiKey, session.OAM: basic}[r.api]
	text := fmt.Sprintf("{name: test, api: %s, url: %q, timeout: %s, %s", r.api, cmp.Or(s.url, r.url), cmp.Or(s.timeout, "5s"), cmp.Or(s.auth, usual))
	if s.more != "" {
		text += ", " + s.more
	}
	return r.parse("sources: [" + text + "}]")
}

func (r *rig) factories() map[session.API]exporter.Factory {
	return map[session.API]exporter.Factory{
		session.Intersight: func(c config.Source) (session.Source, error) {
			ic := intersight.Config{Name: c.Name, URL: c.URL, HTTP: c.HTTP, Options: c.Options.(*config.IntersightOptions).Options,
				Now: r.world.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()}
			if k := c.APIKey; k != nil {
				ic.KeyID, ic.KeyIDFile, ic.SecretKeyFile = k.ID, k.IDFile, k.SecretKeyFile
			}
			return intersight.New(ic)
		},
		session.OAM: func(c config.Source) (session.Source, error) {
			return oam.New(oam.Config{Name: c.Name, URL: c.URL, HTTP: c.HTTP, Options: c.Options.(*config.OAMOptions).Options,
				Now: r.world.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()})
		},
	}
}

// run tries a configuration, and returns what is printed.
func (r *rig) run(c *config.Config) (text string, ok bool) {
	r.t.Helper()
	var out, progress bytes.Buffer
	ok, err := Run(r.t.Context(), c, Options{Factories: r.factories(), UserAgent: "test", Now: r.world.Now, Out: &out, Progress: &progress})
	if err != nil {
		r.t.Fatal(err)
	}
	r.secretive(out.String() + progress.String())
	return r.stable(out.String()), ok
}

// secretive fails if a text tells an identity or a secret.
func (r *rig) secretive(text string) {
	r.t.Helper()
	never := []string{canary, simintersight.SessionTokenMark, "monitor"}
	for _, s := range r.world.Truth(r.api) {
		never = append(never, s.ID, s.User, s.UserMoid, s.ClientIP)
	}
	for _, n := range never {
		if len(n) > 3 && strings.Contains(text, n) {
			r.t.Errorf("got %q in what is printed, want none\n%s", n, text)
		}
	}
}

var (
	times = regexp.MustCompile(`\b[0-9]+ ms\b`)
	ports = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	days  = regexp.MustCompile(`valid until [0-9-]+`)
)

// stable leaves out what differs from run to run.
func (r *rig) stable(text string) string {
	text = times.ReplaceAllString(text, "7 ms")
	text = days.ReplaceAllString(text, "valid until 2027-03-01")
	return ports.ReplaceAllString(text, "127.0.0.1:443")
}

// transcript collects what was printed in several situations.
type transcript struct{ strings.Builder }

func (tr *transcript) add(name string, requests int, text string, ok bool) {
	fmt.Fprintf(tr, "== %s: works %t, %s\n%s\n", name, ok, count(requests, "request"), text)
}

// together runs situations at the same time, and adds what came of them in their order.
func (tr *transcript) together(t *testing.T, n int, run func(t *testing.T, i int) (name string, requests int, text string, ok bool)) {
	parts := make([]transcript, n)
	t.Run("each", func(t *testing.T) {
		for i := range n {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				name, requests, text, ok := run(t, i)
				parts[i].add(name, requests, text, ok)
			})
		}
	})
	for i := range parts {
		tr.WriteString(parts[i].String())
	}
}

// compare compares with the golden file.
func (tr *transcript) compare(t *testing.T, file string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(tr.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != tr.String() {
		t.Errorf("%s: got\n%s\nwant\n%s\n%v", file, tr.String(), want, err)
	}
}
